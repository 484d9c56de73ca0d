/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * files_part_test.c: what was begun is continued, unless it is not ours or not the same any more; and what can't be written
 * is told as such.
 */
#include "files_testing.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- continuing ---------------------------------------------------------------------------------------------- */

static const char whole[] = "0123456789abcdefghij";

/* A run that is interrupted after `count` bytes. */
static void interrupted(const char *url, size_t count, const char *etag) {
    void *output = open_files(NULL, RF_EXIST_RESUME);
    struct fetch fetch = prepared(output, url, NULL);
    struct rf_response response = {.status = 200, .body_bytes = 20, .etag = etag};
    assert_int_equal(output_files.begin(output, &fetch.stream, &response), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, whole, count), RF_OUTPUT_OK);
    fetch_discard(&fetch);
    fetch_record(&fetch);
    must_close(&output_files, output);
}

static void a_part_is_continued(void **state) {
    (void)state;
    interrupted("http://h/a", 8, "\"v1\"");
    assert_file(in_scratch("out/.a.part"), "01234567");
    assert_int_equal(entries(in_scratch("out")), 2);
    void *output = open_files(NULL, RF_EXIST_RESUME);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    assert_int_equal(fetch.stream.resume_offset, 7);
    assert_string_equal(fetch.stream.resume_validator, "\"v1\"");
    struct rf_response response = {.status = 206, .body_bytes = 13, .offset = 7, .etag = "\"v1\""};
    assert_int_equal(output_files.begin(output, &fetch.stream, &response), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, whole + 7, 6), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, whole + 13, 7), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    assert_string_equal(fetch.stream.path, in_scratch("out/a"));
    fetch_record(&fetch);
    must_close(&output_files, output);
    assert_file(in_scratch("out/a"), whole);
    assert_int_equal(entries(in_scratch("out")), 1);
}

static void a_continued_body_is_verified_as_a_whole(void **state) {
    (void)state;
    static const char sha256[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    for (int good = 0; good < 2; good++) {
        void *output = open_files(NULL, RF_EXIST_RESUME);
        struct fetch fetch = prepared(output, "http://h/a", NULL);
        struct rf_response response = {.status = 200, .body_bytes = 5, .etag = "\"v1\""};
        fetch.stream.sha256 = sha256;
        fetch.stream.size = 5;
        assert_int_equal(output_files.begin(output, &fetch.stream, &response), RF_OUTPUT_OK);
        assert_int_equal(fetch_body(&fetch, good ? "hel" : "HEL", 3), RF_OUTPUT_OK);
        fetch_discard(&fetch);
        /* The next attempt of the same request. */
        assert_int_equal(fetch.stream.resume_offset, 2);
        response = (struct rf_response){.status = 206, .body_bytes = 3, .offset = 2};
        assert_int_equal(output_files.begin(output, &fetch.stream, &response), RF_OUTPUT_OK);
        assert_int_equal(fetch_body(&fetch, "llo", 3), RF_OUTPUT_OK);
        assert_int_equal(fetch_finish(&fetch), good ? RF_OUTPUT_OK : RF_OUTPUT_FAIL);
        assert_int_equal(fetch.stream.error.kind, good ? ERR_NONE : ERR_HASH_MISMATCH);
        fetch_record(&fetch);
        assert_int_equal(entries(in_scratch("out")), good);
        must_close(&output_files, output);
    }
    assert_file(in_scratch("out/a"), "hello");
}

static void a_changed_resource_is_begun_again(void **state) {
    (void)state;
    interrupted("http://h/a", 8, "\"v1\"");
    void *output = open_files(NULL, RF_EXIST_RESUME);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    assert_int_equal(fetch.stream.resume_offset, 7);
    assert_int_equal(send(&fetch, "new"), RF_OUTPUT_OK);
    fetch_record(&fetch);
    must_close(&output_files, output);
    assert_file(in_scratch("out/a"), "new");
    assert_int_equal(entries(in_scratch("out")), 1);
}

static void a_part_of_another_version_is_refused(void **state) {
    (void)state;
    interrupted("http://h/a", 8, "\"v1\"");
    void *output = open_files(NULL, RF_EXIST_RESUME);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    struct rf_response response = {.status = 206, .body_bytes = 13, .offset = 7, .etag = "\"v2\""};
    assert_int_equal(output_files.begin(output, &fetch.stream, &response), RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_BAD_RANGE);
    assert_int_equal(fetch.stream.resume_offset, 0);
    fetch_record(&fetch);
    must_close(&output_files, output);
}

static void what_is_not_ours_to_continue_is_not(void **state) {
    (void)state;
    interrupted("http://h/a", 8, NULL); /* no validator: not kept */
    assert_int_equal(entries(in_scratch("out")), 0);
    interrupted("http://h/a", 8, "\"v1\"");
    void *output = open_files(NULL, RF_EXIST_RESUME);
    struct fetch other = prepared(output, "http://other/a", NULL);
    assert_int_equal(other.stream.resume_offset, 0);
    fetch_record(&other);
    spit(in_scratch("out/.a.part.meta"), "ringfetch-part 1\nurl http://h/a\netag \"v1\"");
    struct fetch cut = prepared(output, "http://h/a", NULL); /* the last line has no end */
    assert_int_equal(cut.stream.resume_offset, 0);
    fetch_record(&cut);
    must_close(&output_files, output);
}

static void links_are_no_parts(void **state) {
    (void)state;
    interrupted("http://h/a", 8, "\"v1\"");
    spit(in_scratch("victim"), "mine");
    unlink(in_scratch("out/.a.part"));
    assert_int_equal(symlink("../victim", in_scratch("out/.a.part")), 0);
    void *output = open_files(NULL, RF_EXIST_RESUME);
    assert_int_not_equal(get(output, "http://h/a", NULL, "theirs"), ERR_NONE);
    assert_file(in_scratch("victim"), "mine");
    char why[300];
    output_files.close(output, why, sizeof why);
}

/* While somebody writes the part, another one takes a name of its own. */
static void a_part_has_one_writer(void **state) {
    (void)state;
    void *output = open_files(NULL, RF_EXIST_RESUME);
    struct fetch first = prepared(output, "http://h/a", NULL);
    struct fetch second = prepared(output, "http://h/a", NULL);
    assert_int_equal(fetch_begin(&first, 5), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&first, "fi", 2), RF_OUTPUT_OK);
    assert_int_equal(send(&second, "second"), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&first, "rst", 3), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&first), RF_OUTPUT_OK);
    assert_string_equal(first.stream.path, in_scratch("out/a"));
    fetch_record(&first);
    fetch_record(&second);
    assert_file(in_scratch("out/a"), "second"); /* it was whole first */
    assert_int_equal(entries(in_scratch("out")), 1);
    must_close(&output_files, output);
}

/* ---- a full disk --------------------------------------------------------------------------------------------- */

static void what_can_not_be_written_is_a_local_fault(void **state) {
    (void)state;
    struct rlimit before, small;
    char why[300] = "";
    static char bytes[65536];
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 10000;
    void *output = open_files(NULL, RF_EXIST_RENAME);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    assert_int_equal(fetch_begin(&fetch, sizeof bytes), RF_OUTPUT_OK);
    setrlimit(RLIMIT_FSIZE, &small);
    enum rf_output_answer answer = fetch_body(&fetch, bytes, sizeof bytes);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(answer, RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.stage, STAGE_OUTPUT);
    assert_int_equal(fetch.stream.error.detail, EFBIG);
    fetch_discard(&fetch);
    fetch_record(&fetch);
    assert_int_equal(entries(in_scratch("out")), 0);
    assert_int_equal(get(output, "http://h/b", NULL, "x"), ERR_NONE); /* the next one may succeed */
    assert_int_equal(output_files.close(output, why, sizeof why), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "out/a"));
}

static void no_permission_is_a_local_fault(void **state) {
    (void)state;
    char why[300] = "";
    void *output = open_files(NULL, RF_EXIST_RENAME);
    chmod(in_scratch("out"), 0555);
    uid_t self = geteuid();
    if (!self) /* root may do everything; nobody may not */
        assert_int_equal(seteuid(65534), 0);
    enum err_kind kind = get(output, "http://h/a", NULL, "x");
    assert_int_equal(seteuid(self), 0);
    assert_int_equal(kind, ERR_NOT_PERMITTED);
    chmod(in_scratch("out"), 0755);
    assert_int_equal(output_files.close(output, why, sizeof why), RF_LOCAL_FAULT);
}

static void null_verifies_and_keeps_nothing(void **state) {
    (void)state;
    void *output = must_open(&output_null, NULL, NULL);
    struct fetch fetch = fetch_make(&output_null, output, 1, "http://h/a");
    fetch.stream.size = 3;
    assert_int_equal(fetch_begin(&fetch, -1), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "ab", 2), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_SIZE_MISMATCH);
    assert_int_equal(fetch_begin(&fetch, -1), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "abc", 3), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    fetch_record(&fetch);
    must_close(&output_null, output);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        TEST(a_part_is_continued),
        TEST(a_continued_body_is_verified_as_a_whole),
        TEST(a_changed_resource_is_begun_again),
        TEST(a_part_of_another_version_is_refused),
        TEST(what_is_not_ours_to_continue_is_not),
        TEST(links_are_no_parts),
        TEST(a_part_has_one_writer),
        TEST(what_can_not_be_written_is_a_local_fault),
        TEST(no_permission_is_a_local_fault),
        TEST(null_verifies_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
