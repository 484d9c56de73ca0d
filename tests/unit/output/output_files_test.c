/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_files_test.c: files as a user finds them: whole or absent, under the name that was promised, beneath DIR.
 */
#include "harness.h"

void rf_stream_resume(struct rf_stream *stream) {
    (void)stream;
    fail_msg("files never waits");
}

static void *open_files(const char *name, enum rf_on_exist on_exist) {
    struct rf_output_options options = {.name = name, .on_exist = on_exist};
    return must_open(&output_files, in_scratch("out"), &options);
}

/* One whole request; returns what finish said (or whoever ended it before). The path stays in `path`. */
static enum rf_output_answer get(void *output, struct rf_stream request, const char *body,
                                 char *path, struct rf_error *error) {
    struct fetch fetch = fetch_make(&output_files, output, request.n, request.url);
    fetch.stream.name = request.name;
    fetch.stream.tag = request.tag;
    fetch.stream.size = request.size ? request.size : -1;
    fetch.stream.sha256 = request.sha256;
    enum rf_output_answer answer = fetch_prepare(&fetch);
    if (answer == RF_OUTPUT_OK)
        answer = fetch_begin(&fetch, (int64_t)strlen(body));
    if (answer == RF_OUTPUT_OK && *body) {
        answer = fetch_body(&fetch, body, strlen(body));
        if (answer != RF_OUTPUT_OK)
            fetch_discard(&fetch);
    }
    if (answer == RF_OUTPUT_OK)
        answer = fetch_finish(&fetch);
    if (path)
        strcpy(path, fetch.stream.path ? fetch.stream.path : "");
    if (error)
        *error = fetch.stream.error;
    fetch_record(&fetch);
    return answer;
}

static enum rf_output_answer get_url(void *output, const char *url, const char *body) {
    return get(output, (struct rf_stream){.n = 1, .url = url}, body, NULL, NULL);
}

static void one_body_is_one_file(void **state) {
    (void)state;
    char path[512];
    void *output = open_files(NULL, RF_EXIST_RENAME);
    assert_int_equal(
        get(output, (struct rf_stream){.n = 1, .url = "http://h/a/b.html?q"}, "hello", path, NULL),
        RF_OUTPUT_OK);
    assert_string_equal(path, in_scratch("out/b.html"));
    assert_file(in_scratch("out/b.html"), "hello");
    assert_int_equal(entries(in_scratch("out")), 1);
    assert_int_equal(get_url(output, "http://h/", ""), RF_OUTPUT_OK);
    assert_file(in_scratch("out/index.html"), "");
    must_close(&output_files, output);
}

static void a_body_in_pieces_of_unknown_length(void **state) {
    (void)state;
    void *output = open_files("{host}/{path}", RF_EXIST_RENAME);
    struct fetch fetch = fetch_make(&output_files, output, 1, "http://h:8080/x/y/z");
    assert_int_equal(fetch_prepare(&fetch), RF_OUTPUT_OK);
    assert_int_equal(fetch_begin(&fetch, -1), RF_OUTPUT_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fetch_body(&fetch, "abc", 3), RF_OUTPUT_OK);
    assert_false(is_there(in_scratch("out/h/x/y/z")));
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    assert_file(in_scratch("out/h/x/y/z"), "abcabcabc");
    assert_int_equal(entries(in_scratch("out/h/x/y")), 1);
    fetch_record(&fetch);
    must_close(&output_files, output);
}

static void discarded(enum rf_on_exist on_exist) {
    void *output = open_files(NULL, on_exist);
    struct fetch fetch = fetch_make(&output_files, output, 1, "http://h/a");
    assert_int_equal(fetch_prepare(&fetch), RF_OUTPUT_OK);
    assert_int_equal(fetch_begin(&fetch, 6), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "abc", 3), RF_OUTPUT_OK);
    assert_int_equal(is_there(in_scratch("out/a")), false);
    fetch_discard(&fetch);
    assert_int_equal(entries(in_scratch("out")), 0);
    /* The retry succeeds. */
    assert_int_equal(fetch_begin(&fetch, 6), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "uvwxyz", 6), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    assert_file(in_scratch("out/a"), "uvwxyz");
    fetch_record(&fetch);
    must_close(&output_files, output);
}

static void discarded_bodies_leave_nothing(void **state) {
    (void)state;
    discarded(RF_EXIST_RENAME);
    unlink(in_scratch("out/a"));
    discarded(RF_EXIST_OVERWRITE);
}

static void taken_names_get_numbers(void **state) {
    (void)state;
    char path[512];
    void *output = open_files(NULL, RF_EXIST_RENAME);
    spit(in_scratch("out/a.tar.gz"), "mine");
    for (int i = 1; i <= 300; i++) {
        char want[64];
        assert_int_equal(
            get(output, (struct rf_stream){.n = 1, .url = "http://h/a.tar.gz"}, "x", path, NULL),
            RF_OUTPUT_OK);
        snprintf(want, sizeof want, "out/a.tar.gz.%d", i);
        assert_string_equal(path, in_scratch(want));
    }
    assert_file(in_scratch("out/a.tar.gz"), "mine");
    assert_int_equal(entries(in_scratch("out")), 301);
    must_close(&output_files, output);
}

static void skip_keeps_what_is_there(void **state) {
    (void)state;
    char path[512];
    void *output = open_files(NULL, RF_EXIST_SKIP);
    spit(in_scratch("out/a"), "mine");
    assert_int_equal(
        get(output, (struct rf_stream){.n = 1, .url = "http://h/a"}, "theirs", path, NULL),
        RF_OUTPUT_SKIP);
    assert_string_equal(path, in_scratch("out/a"));
    assert_file(in_scratch("out/a"), "mine");
    must_close(&output_files, output);
}

static void skip_by_status_is_decided_at_the_head(void **state) {
    (void)state;
    void *output = open_files("{status}-{basename}", RF_EXIST_SKIP);
    spit(in_scratch("out/200-a"), "mine");
    struct fetch fetch = fetch_make(&output_files, output, 1, "http://h/a");
    assert_int_equal(fetch_prepare(&fetch), RF_OUTPUT_OK);
    assert_int_equal(fetch_begin(&fetch, 3), RF_OUTPUT_SKIP);
    fetch_record(&fetch);
    must_close(&output_files, output);
}

static void overwrite_replaces(void **state) {
    (void)state;
    void *output = open_files(NULL, RF_EXIST_OVERWRITE);
    spit(in_scratch("out/a"), "mine");
    assert_int_equal(get_url(output, "http://h/a", "theirs"), RF_OUTPUT_OK);
    assert_file(in_scratch("out/a"), "theirs");
    assert_int_equal(entries(in_scratch("out")), 1);
    must_close(&output_files, output);
}

static void fail_fails_before_and_at_the_end(void **state) {
    (void)state;
    struct rf_error error;
    void *output = open_files(NULL, RF_EXIST_FAIL);
    spit(in_scratch("out/a"), "mine");
    assert_int_equal(
        get(output, (struct rf_stream){.n = 1, .url = "http://h/a"}, "x", NULL, &error),
        RF_OUTPUT_FAIL);
    assert_int_equal(error.kind, ERR_EXISTS);
    assert_int_equal(error.stage, STAGE_OUTPUT);
    struct fetch fetch = fetch_make(&output_files, output, 1, "http://h/b");
    assert_int_equal(fetch_prepare(&fetch), RF_OUTPUT_OK);
    assert_int_equal(fetch_begin(&fetch, 1), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "x", 1), RF_OUTPUT_OK);
    spit(in_scratch("out/b"), "somebody's");
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_EXISTS);
    fetch_record(&fetch);
    assert_file(in_scratch("out/b"), "somebody's");
    assert_int_equal(entries(in_scratch("out")), 2);
    must_close(&output_files, output); /* no local fault */
}

static void size_and_hash_are_verified(void **state) {
    (void)state;
    static const char good[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    static const char bad[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9825";
    struct rf_error error;
    void *output = open_files(NULL, RF_EXIST_RENAME);
    struct rf_stream request = {.n = 1, .url = "http://h/a", .sha256 = good, .size = 5};
    assert_int_equal(get(output, request, "hello", NULL, &error), RF_OUTPUT_OK);
    request.size = 6;
    assert_int_equal(get(output, request, "hello", NULL, &error), RF_OUTPUT_FAIL);
    assert_int_equal(error.kind, ERR_SIZE_MISMATCH);
    assert_int_equal(error.stage, STAGE_BODY);
    request.size = 4;
    assert_int_equal(get(output, request, "hello", NULL, &error), RF_OUTPUT_FAIL);
    assert_int_equal(error.kind, ERR_SIZE_MISMATCH);
    request.size = 5;
    request.sha256 = bad;
    assert_int_equal(get(output, request, "hello", NULL, &error), RF_OUTPUT_FAIL);
    assert_int_equal(error.kind, ERR_HASH_MISMATCH);
    assert_int_equal(entries(in_scratch("out")), 1);
    must_close(&output_files, output);
}

static void names_by_hash(void **state) {
    (void)state;
    char path[512];
    void *output = open_files("{sha256}/{status}-{n:04}", RF_EXIST_RENAME);
    /* {status} is not known any more when only the hash is missing: it stands for the status all the same. */
    assert_int_equal(
        get(output, (struct rf_stream){.n = 7, .url = "http://h/a"}, "hello", path, NULL),
        RF_OUTPUT_OK);
    assert_string_equal(
        path, in_scratch("out/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824/"
                         "200-0007"));
    assert_int_equal(entries(in_scratch("out")), 1);
    must_close(&output_files, output);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(one_body_is_one_file),
        TEST(a_body_in_pieces_of_unknown_length),
        TEST(discarded_bodies_leave_nothing),
        TEST(taken_names_get_numbers),
        TEST(skip_keeps_what_is_there),
        TEST(skip_by_status_is_decided_at_the_head),
        TEST(overwrite_replaces),
        TEST(fail_fails_before_and_at_the_end),
        TEST(size_and_hash_are_verified),
        TEST(names_by_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
