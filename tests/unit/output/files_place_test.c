/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * files_place_test.c: nothing leaves DIR, and nobody takes another's name: neither threads nor processes, dead ones included.
 */
#include "files_testing.h"

#include <signal.h>
#include <sys/wait.h>

#include "output/file_place.h"
#include "output/file_suffix.h"

/* ---- beneath DIR ----------------------------------------------------------------------------------------- */

static void user_names_stay_beneath(void **state) {
    (void)state;
    static const char *const bad[] = {"../x", "a/../../x", "/tmp/x", "..", "", "a/"};
    void *output = open_files(NULL, RF_EXIST_OVERWRITE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(get(output, "http://h/", bad[i], "x"), ERR_BAD_NAME);
    assert_int_equal(get(output, "http://h/", "a/b/c", "x"), ERR_NONE);
    assert_file(in_scratch("out/a/b/c"), "x");
    assert_int_equal(entries(scratch), 1);
    assert_int_equal(entries(in_scratch("out")), 1);
    must_close(&output_files, output);
}

static void links_that_lead_out_are_not_followed(void **state) {
    (void)state;
    void *output = open_files("{path}", RF_EXIST_OVERWRITE);
    mkdir(in_scratch("outside"), 0777);
    spit(in_scratch("victim"), "mine");
    assert_int_equal(symlink("../outside", in_scratch("out/up")), 0);
    assert_int_equal(symlink(in_scratch("outside"), in_scratch("out/far")), 0);
    assert_int_equal(symlink("/proc/self/cwd", in_scratch("out/magic")), 0);
    assert_int_equal(symlink("../victim", in_scratch("out/file")), 0);
    assert_int_equal(symlink("missing", in_scratch("out/loose")), 0);
    mkdir(in_scratch("out/real"), 0777);
    assert_int_equal(symlink("real", in_scratch("out/inside")), 0);

    assert_int_equal(get(output, "http://h/up/x", NULL, "x"), ERR_BAD_NAME);
    assert_int_equal(get(output, "http://h/up/new/x", NULL, "x"), ERR_BAD_NAME);
    assert_int_equal(get(output, "http://h/far/x", NULL, "x"), ERR_BAD_NAME);
    assert_int_equal(get(output, "http://h/far/y/z/x", NULL, "x"), ERR_BAD_NAME);
    assert_int_equal(get(output, "http://h/magic/x", NULL, "x"), ERR_BAD_NAME);
    assert_int_not_equal(get(output, "http://h/loose/x", NULL, "x"), ERR_NONE);
    assert_int_equal(get(output, "http://h/inside/x", NULL, "x"), ERR_NONE);
    assert_file(in_scratch("out/real/x"), "x");
    /* A link under the final name is replaced, not followed. */
    assert_int_equal(get(output, "http://h/file", NULL, "x"), ERR_NONE);
    assert_file(in_scratch("victim"), "mine");
    assert_file(in_scratch("out/file"), "x");
    assert_int_equal(entries(in_scratch("outside")), 0);
    char why[300];
    output_files.close(output, why, sizeof why);
}

static void a_file_where_a_directory_must_be(void **state) {
    (void)state;
    char why[300] = "";
    void *output = open_files("{path}", RF_EXIST_RENAME);
    assert_int_equal(get(output, "http://h/a", NULL, "x"), ERR_NONE);
    assert_int_equal(get(output, "http://h/a/b", NULL, "x"), ERR_NOT_WRITTEN);
    assert_file(in_scratch("out/a"), "x");
    assert_int_equal(output_files.close(output, why, sizeof why), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "ENOTDIR"));
    assert_non_null(strstr(why, "out/a/b"));
}

static void many_directories(void **state) {
    (void)state;
    void *output = open_files("{path}", RF_EXIST_RENAME);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 150; i++) {
            char url[64];
            snprintf(url, sizeof url, "http://h/d%d/e/f%d", i, round);
            assert_int_equal(get(output, url, NULL, "x"), ERR_NONE);
        }
    }
    assert_int_equal(entries(in_scratch("out")), 150);
    assert_file(in_scratch("out/d149/e/f1"), "x");
    must_close(&output_files, output);
}

static void the_directory_is_made(void **state) {
    (void)state;
    char why[300] = "";
    void *output;
    output = must_open(&output_files, in_scratch("x/y//z/"), NULL);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    assert_int_equal(send(&fetch, "1"), RF_OUTPUT_OK);
    assert_string_equal(fetch.stream.path, in_scratch("x/y//z/a"));
    fetch_record(&fetch);
    must_close(&output_files, output);
    spit(in_scratch("file"), "");
    assert_int_equal(output_files.open(&output, in_scratch("file"), NULL, why, sizeof why),
                     RF_LOCAL_FAULT);
    assert_int_equal(output_files.open(&output, in_scratch("file/x"), NULL, why, sizeof why),
                     RF_LOCAL_FAULT);
    struct rf_output_options options = {.name = "{nope}"};
    assert_int_equal(output_files.open(&output, in_scratch("new"), &options, why, sizeof why),
                     RF_USAGE);
    assert_false(is_there(in_scratch("new")));
}

/* ---- one name, many who want it ---------------------------------------------------------------------------- */

enum { RACERS = 3, RACES = 400 };

static void *racer_main(void *output) {
    for (int i = 0; i < RACES; i++)
        get(output, "http://h/same.txt", NULL, "0123456789");
    return NULL;
}

static void race(void *output) {
    pthread_t threads[RACERS];
    for (int i = 0; i < RACERS; i++)
        pthread_create(&threads[i], NULL, racer_main, output);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
}

static void threads_never_take_the_same_name(void **state) {
    (void)state;
    void *output = open_files(NULL, RF_EXIST_RENAME);
    race(output);
    assert_int_equal(entries(in_scratch("out")), RACERS * RACES);
    assert_file(in_scratch("out/same.txt"), "0123456789");
    must_close(&output_files, output);
}

static void processes_never_take_the_same_name(void **state) {
    (void)state;
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i])
            continue;
        void *output;
        char why[200];
        struct rf_output_options options = {.on_exist = RF_EXIST_RENAME};
        output_files.open(&output, in_scratch("out"), &options, why, sizeof why);
        racer_main(output);
        _exit(output_files.close(output, why, sizeof why));
    }
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(entries(in_scratch("out")), 2 * RACES);
}

static void skip_overwrite_and_fail_leave_one_file(void **state) {
    (void)state;
    static const enum rf_on_exist modes[] = {RF_EXIST_SKIP, RF_EXIST_OVERWRITE, RF_EXIST_FAIL,
                                             RF_EXIST_RESUME};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        void *output = open_files(NULL, modes[i]);
        race(output);
        assert_int_equal(entries(in_scratch("out")), 1);
        assert_file(in_scratch("out/same.txt"), "0123456789");
        must_close(&output_files, output);
    }
}

static void names_in_use_are_found_in_few_steps(void **state) {
    (void)state;
    struct file_suffixes suffixes;
    file_suffixes_init(&suffixes);
    assert_int_equal(file_suffix_known(&suffixes, "a"), 0);
    assert_int_equal(file_suffix_next(&suffixes, "a"), 1);
    assert_int_equal(file_suffix_known(&suffixes, "a"), 2);
    assert_int_equal(file_suffix_known(&suffixes, "b"), 0);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(file_suffix_next(&suffixes, name), 1);
    }
    assert_int_equal(file_suffix_next(&suffixes, "n17"), 2);
    assert_int_equal(file_suffix_next(&suffixes, "a"), 3);
    file_suffixes_deinit(&suffixes);
}

/* What a killed process leaves has no name or is a hidden .part, and is in nobody's way. */
static void killed_in_the_middle(enum rf_on_exist on_exist) {
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        void *output = open_files(NULL, on_exist);
        struct fetch fetch = prepared(output, "http://h/a", NULL);
        fetch_begin(&fetch, 100);
        fetch_body(&fetch, "half", 4);
        if (write(ends[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    unsigned left = entries(in_scratch("out"));
    assert_true(left <= 1);
    if (on_exist == RF_EXIST_OVERWRITE)
        assert_int_equal(left, 1);
    assert_false(is_there(in_scratch("out/a")));
    void *output = open_files(NULL, on_exist);
    assert_int_equal(get(output, "http://h/a", NULL, "whole"), ERR_NONE);
    assert_file(in_scratch("out/a"), "whole");
    assert_int_equal(entries(in_scratch("out")), left + 1);
    must_close(&output_files, output);
}

static void a_killed_process_leaves_only_parts(void **state) {
    (void)state;
    killed_in_the_middle(RF_EXIST_OVERWRITE);
}

static void a_killed_process_leaves_no_half_file(void **state) {
    (void)state;
    killed_in_the_middle(RF_EXIST_RENAME);
}

/* The way of kernels and file systems that can't link a file without a name. */
static void temporary_names_do_as_well(void **state) {
    (void)state;
    struct file_place place;
    char temporary[PLACE_PATH_BYTES], other[PLACE_PATH_BYTES];
    assert_int_equal(place_open(&place, in_scratch("out"), RF_EXIST_RENAME), 0);
    place.nameless = false;
    for (int i = 0; i < 3; i++) {
        static const char *const others[] = {"", "d/a.1", "d/a.2"};
        int fd;
        assert_int_equal(place_create(&place, "d/a", temporary, &fd), 0);
        assert_true(is_there(in_scratch("out/d")) && *temporary);
        assert_int_equal(write(fd, "x", 1), 1);
        close(fd);
        assert_int_equal(place_reopen(&place, temporary, &fd), 0);
        assert_int_equal(write(fd, "y", 1), 1);
        close(fd);
        assert_int_equal(place_publish(&place, -1, temporary, "d/a", other), 0);
        assert_string_equal(other, others[i]);
    }
    assert_file(in_scratch("out/d/a.2"), "xy");
    assert_int_equal(entries(in_scratch("out/d")), 3);
    place_close(&place);
}

/* A length that no disk has room for fails with the first bytes, not with the last. */
static void what_has_no_room_fails_at_once(void **state) {
    (void)state;
    char why[300] = "";
    void *output = open_files(NULL, RF_EXIST_RENAME);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    assert_int_equal(fetch_begin(&fetch, INT64_C(1) << 60), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "x", 1), RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_DISK_FULL);
    fetch_discard(&fetch);
    fetch_record(&fetch);
    assert_int_equal(entries(in_scratch("out")), 0);
    assert_int_equal(output_files.close(output, why, sizeof why), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "full"));
}

static void large_bodies_are_whole(void **state) {
    (void)state;
    enum { BYTES = 3 << 20, PIECE = 100000 };
    char *body = malloc(BYTES);
    size_t len;
    for (size_t i = 0; i < BYTES; i++)
        body[i] = (char)(i * 7 >> 5);
    void *output = open_files(NULL, RF_EXIST_RENAME);
    struct fetch fetch = prepared(output, "http://h/a", NULL);
    assert_int_equal(fetch_begin(&fetch, BYTES), RF_OUTPUT_OK);
    for (size_t at = 0; at < BYTES; at += PIECE)
        assert_int_equal(fetch_body(&fetch, body + at, BYTES - at < PIECE ? BYTES - at : PIECE),
                         RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    fetch_record(&fetch);
    must_close(&output_files, output);
    char *found = slurp(in_scratch("out/a"), &len);
    assert_int_equal(len, BYTES);
    assert_memory_equal(found, body, BYTES);
    free(found);
    free(body);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        TEST(user_names_stay_beneath),
        TEST(links_that_lead_out_are_not_followed),
        TEST(a_file_where_a_directory_must_be),
        TEST(many_directories),
        TEST(the_directory_is_made),
        TEST(threads_never_take_the_same_name),
        TEST(processes_never_take_the_same_name),
        TEST(skip_overwrite_and_fail_leave_one_file),
        TEST(names_in_use_are_found_in_few_steps),
        TEST(a_killed_process_leaves_only_parts),
        TEST(a_killed_process_leaves_no_half_file),
        TEST(temporary_names_do_as_well),
        TEST(what_has_no_room_fails_at_once),
        TEST(large_bodies_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
