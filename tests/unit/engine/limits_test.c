/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * limits_test.c: how many workers there are where descriptors are few. The limit is lowered for good, step by step, as a
 * process without privileges can't raise it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
/* cmocka.h needs four of them. */
#include <cmocka.h>

#include "engine.h"

static void lower_to(rlim_t descriptors) {
    struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = descriptors};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_workers(void **state) {
    (void)state;
    lower_to(1000);
    assert_int_equal(limits_workers(2, 1), 2);
    assert_int_equal(limits_workers(2, 1900), 2);
    assert_int_equal(limits_workers(2, 1950), 3); /* a few of each ring's sockets are spare */
    assert_int_equal(limits_workers(4, 1950), 4);
    assert_int_equal(limits_workers(2, 100000), 104);
    assert_int_equal(limits_workers(2, 100000000),
                     (1000 - 64) / 4); /* as many as there are descriptors for */
    lower_to(70);
    assert_int_equal(limits_workers(2, 100000), 2);
    lower_to(40);
    assert_int_equal(limits_workers(2, 100000), 2);
    assert_int_equal(limits_workers(1, 100000), 1);
}

static void test_settings(void **state) {
    (void)state;
    struct rf_settings settings;
    lower_to(40);
    rf_settings_init(&settings);
    settings.threads = 7;
    settings.concurrency = 100000;
    settings_fill_in(&settings);
    assert_int_equal(settings.threads, 7);
    settings.threads = 0;
    settings.concurrency = 1;
    settings_fill_in(&settings);
    assert_int_equal(settings.threads, 1);
}

static void test_shares(void **state) {
    (void)state;
    unsigned cores = limits_cores();
    assert_int_equal(limits_share(512, 1, 64), 512);
    assert_int_equal(limits_share(512, cores, 64), 512);
    assert_int_equal(limits_share(512, cores + 1, 64), 256);
    assert_int_equal(limits_share(512, cores * 4, 64), 128);
    assert_int_equal(limits_share(512, cores * 1000, 64), 64);
    assert_int_equal(limits_share(32, cores * 4, 64), 64);
}

/* Idle connections need sockets, and no buffers: those pass through the processor's cache in turns. */
static void test_rings(void **state) {
    (void)state;
    struct rf_settings settings = {.concurrency = 100, .idle_max = 1000, .threads = 1};
    struct ring_options options;
    limits_ring(&options, &settings, 1);
    assert_int_equal(options.buffers, 64);
    assert_in_range(options.slots, 1100, 2000);
    settings.limit_rate_bytes = 1;
    settings.concurrency = 512;
    limits_ring(&options, &settings, 1);
    assert_int_equal(options.buffers, 256);
    assert_true(options.no_bundles);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
