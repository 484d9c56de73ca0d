/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connect_to_test.c: --connect-to's entries, good and bad, and which of them fits.
 */
#include "net/connect_to.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_entries_that_are_none_are_named(void **state) {
    static const char *const bad[] = {
        "",         "a",           "a:1",          "a:1:b",       "a:1:b:2:3",
        "a:x:b:2",  "a:1:b:65536", "a:123456:b:2", "[::1:80:b:2", "[::1]80:b:2",
        "a:-1:b:2", "a:1:b:2 ",    "a:1:b:0",      "a:0:b:1"};
    char why[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const entries[] = {"::ok:1", bad[i], NULL};
        why[0] = 0;
        assert_true(connect_to_check(entries, why, sizeof why) < 0);
        assert_non_null(strstr(why, bad[i]));
        assert_non_null(strstr(why, "--connect-to"));
    }
}

static void test_entries_that_are_taken(void **state) {
    static const char *const good[] = {"a:1:b:2",           ":::",         "a::b:", ":80::8080",
                                       "[::1]:80:[::2]:81", "a:65535:b:1", NULL};
    char why[256] = "";
    (void)state;
    assert_int_equal(connect_to_check(good, why, sizeof why), 0);
    assert_int_equal(connect_to_check(NULL, why, sizeof why), 0);
    assert_string_equal(why, "");
}

static void expect_found(const char *const *entries, const char *host, uint16_t port,
                         const char *to_host, uint16_t to_port) {
    struct connect_to found = connect_to_find(entries, span_text(host), port);
    assert_true(span_is(found.host, to_host));
    assert_int_equal(found.port, to_port);
}

static void test_the_first_that_fits_is_found(void **state) {
    static const char *const entries[] = {"a.test:80:b.test:8080",
                                          "a.test::c.test:", ":81:[::1]:", "[::2]:80::90", NULL};
    (void)state;
    expect_found(entries, "A.Test", 80, "b.test", 8080);
    expect_found(entries, "a.test", 81, "c.test", 81);
    expect_found(entries, "d.test", 81, "::1", 81);
    expect_found(entries, "::2", 80, "::2", 90);
    expect_found(entries, "d.test", 80, "d.test", 80);
    expect_found(NULL, "d.test", 80, "d.test", 80);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_that_are_none_are_named),
        cmocka_unit_test(test_entries_that_are_taken),
        cmocka_unit_test(test_the_first_that_fits_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
