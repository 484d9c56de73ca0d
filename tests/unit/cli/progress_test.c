/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * progress_test.c: the bar's and the summary's text, and the thread's coming and going.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/console.h"
#include "../../../tools/ringfetch/progress.h"
#include "../../../tools/ringfetch/report.h"
#include "fake_engine.h"

static const struct rf_progress halfway = {.queued = 10000,
                                           .input_ended = true,
                                           .done = 1234,
                                           .ok = 1231,
                                           .failed = 3,
                                           .retries = 4,
                                           .body_bytes = 12 << 20,
                                           .in_flight = 256,
                                           .connections = 100,
                                           .seconds = 2,
                                           .failed_by_kind = {[1] = 1, [2] = 2}};

static void test_bar(void **state) {
    (void)state;
    char out[512];
    struct progress_pace pace = {0};
    progress_pace_update(&pace, &halfway);
    assert_string_equal(progress_bar(out, sizeof out, 200, &halfway, &pace),
                        "1234/10000 12%  ETA 0:14  617/s  6.0 MiB/s  256 in flight  3 failed "
                        "(timed-out 2, refused 1)");
    assert_string_equal(progress_bar(out, sizeof out, 79, &halfway, &pace),
                        "1234/10000 12%  ETA 0:14  617/s  6.0 MiB/s  256 in flight  3 failed");
    for (unsigned columns = 0; columns < 120; columns++) {
        assert_true(strlen(progress_bar(out, sizeof out, columns, &halfway, &pace)) <= columns);
    }
    struct rf_progress now = halfway;
    now.input_ended = false;
    now.failed = 0;
    now.skipped = 5;
    assert_string_equal(progress_bar(out, sizeof out, 79, &now, &pace),
                        "1234 done  617/s  6.0 MiB/s  256 in flight  5 skipped");
    /* Nothing has happened yet: no division by nothing. */
    assert_string_equal(progress_bar(out, sizeof out, 79,
                                     &(struct rf_progress){.input_ended = true},
                                     &(struct progress_pace){0}),
                        "0 done  0/s  0 B/s  0 in flight");
}

static void test_pace(void **state) {
    (void)state;
    struct progress_pace pace = {0};
    struct rf_progress now = {0};
    for (unsigned i = 1; i <= 100; i++) {
        now.seconds = i * 0.15;
        now.done += 15;
        now.body_bytes += 1500;
        progress_pace_update(&pace, &now);
        assert_true(pace.done_per_s > 99 && pace.done_per_s < 101);
        assert_true(pace.bytes_per_s > 9900 && pace.bytes_per_s < 10100);
    }
    /* When nothing comes any more the speed falls, and it takes some seconds. */
    for (unsigned i = 101; i <= 200; i++) {
        double before = pace.done_per_s, bytes_before = pace.bytes_per_s;
        now.seconds = i * 0.15;
        now.body_bytes -= 1000; /* what a retry gives back is no negative speed */
        progress_pace_update(&pace, &now);
        assert_true(pace.done_per_s < before && pace.bytes_per_s < bytes_before);
    }
    assert_true(pace.done_per_s < 1);
    /* A clock that stands still changes nothing. */
    struct progress_pace still = pace;
    now.done += 1000;
    progress_pace_update(&pace, &now);
    assert_memory_equal(&still, &pace, sizeof pace);
}

static void test_json(void **state) {
    (void)state;
    char out[1024];
    assert_string_equal(
        progress_json(out, sizeof out, &halfway),
        "{\"v\":1,\"seconds\":2.000,\"queued\":10000,\"input_ended\":true,\"done\":1234,\"ok\":"
        "1231,"
        "\"failed\":3,\"skipped\":0,\"retries\":4,\"body_bytes\":12582912,\"in_flight\":256,"
        "\"connections\":100,\"failed_by_kind\":{\"refused\":1,\"timed-out\":2}}");
}

static void test_kinds(void **state) {
    (void)state;
    char out[128];
    struct rf_progress now = {.failed_by_kind = {[1] = 5, [2] = 7, [3] = 5, [4] = 1}};
    progress_kinds(out, sizeof out, 0, &now, 9);
    assert_string_equal(out, "timed-out 7, refused 5, http-status 5, bad-url 1");
    progress_kinds(out, sizeof out, 0, &now, 2);
    assert_string_equal(out, "timed-out 7, refused 5, ...");
}

static void test_summary(void **state) {
    (void)state;
    char out[512];
    assert_string_equal(report_summary(out, sizeof out, &halfway, "file", RF_SOME_FAILED),
                        "1231 files, 12.0 MiB in 2.00 s (617/s, 6.0 MiB/s); 4 retries; 3 failed: "
                        "timed-out 2, refused 1");
    struct rf_progress one = {.done = 1, .ok = 1};
    assert_string_equal(report_summary(out, sizeof out, &one, "response", RF_INTERRUPTED),
                        "1 response, 0 B in 0.00 s; interrupted");
}

static int show_progress(int argc, char **argv) {
    (void)argc;
    struct progress progress;
    console_open();
    progress_begin(&progress, NULL, argv[1][0] == 'j' ? PROGRESS_JSON : PROGRESS_NONE);
    progress_end(&progress);
    return 0;
}

/* However short a run is, its last state is printed; ending does not wait for the next second. */
static void test_thread(void **state) {
    (void)state;
    fake_reset();
    fake.progress.queued = 7;
    struct fake_printed printed = fake_run(show_progress, (const char *const[]){"p", "json", NULL});
    assert_non_null(strstr(printed.err, "\"queued\":7,"));
    assert_ptr_equal(strchr(printed.err, '\n'), printed.err + strlen(printed.err) - 1);
    printed = fake_run(show_progress, (const char *const[]){"p", "none", NULL});
    assert_string_equal(printed.err, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bar),   cmocka_unit_test(test_pace),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_kinds), cmocka_unit_test(test_summary), cmocka_unit_test(test_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
