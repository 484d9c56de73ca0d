/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_speed_test.c: speeds are measured at all, in about the time given, and nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tls/tls.h"
#include "tls/tls_speed.h"

static uint64_t thread_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void test_measures(void **state) {
    struct tls_speed speed;
    uint64_t begun = thread_ns();
    (void)state;
    tls_speed_measure(&speed, 30 * NS_PER_MS);
    uint64_t spent = thread_ns() - begun;
    /* The slowest build on the slowest processor does more than this; whatever a slow run says can't be asked for. */
    assert_true(speed.gcm_bytes_per_s > 1e6);
    assert_true(speed.handshakes_per_s > 20);
    assert_true(speed.resumptions_per_s > 20);
    assert_true(spent >= 3 * 30 * NS_PER_MS);
    print_message("GCM %.0f MB/s, %.0f handshakes/s, %.0f resumptions/s, in %.0f ms\n",
                  speed.gcm_bytes_per_s / 1e6, speed.handshakes_per_s, speed.resumptions_per_s,
                  (double)spent / 1e6);
}

/* A resumed handshake leaves out what costs most: two verifications. */
static void test_resuming_is_cheaper(void **state) {
    struct tls_speed speed;
    (void)state;
    tls_speed_measure(&speed, 100 * NS_PER_MS);
    assert_true(speed.resumptions_per_s > speed.handshakes_per_s);
}

static void test_out_of_memory(void **state) {
    struct tls_speed speed;
    (void)state;
    tls_memory_fail(1, true);
    tls_speed_measure(&speed, NS_PER_MS);
    tls_memory_fail(0, false);
    assert_true(speed.handshakes_per_s == 0 && speed.resumptions_per_s == 0);
}

/* A distribution's library keeps sessions in a table of its own that fills up first. */
static void test_nothing_is_left_behind(void **state) {
    struct tls_speed speed;
    (void)state;
    if (tls_library_is_slow())
        skip();
    tls_speed_measure(&speed, NS_PER_MS);
    int64_t live = tls_memory().live_bytes;
    for (int i = 0; i < 3; i++)
        tls_speed_measure(&speed, NS_PER_MS);
    assert_int_equal(tls_memory().live_bytes, live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_resuming_is_cheaper),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
