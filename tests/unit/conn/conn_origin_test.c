/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_origin_test.c: what --connect-to does to where an origin is dialled, and the table of origins itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "conn/conn.h"

static struct pool_depot depot;
static struct pool memory;
static struct conn_pool *conns;

static void open_pool(const char *const *connect_to) {
    struct conn_pool_options options = {.connect_to = connect_to};
    char why[128];
    pool_depot_init(&depot);
    pool_init(&memory, &depot);
    assert_int_equal(conn_pool_open(&conns, NULL, NULL, &memory, &options, why, sizeof why), 0);
}

static void close_pool(void) {
    conn_pool_close(conns);
    assert_int_equal(memory.live_bytes, 0);
    pool_depot_deinit(&depot);
}

static struct origin *acquire(const char *text) {
    char href[256];
    struct url url;
    assert_int_equal(url_parse(&url, span_text(text), NULL, href, sizeof href), URL_OK);
    return origin_acquire(conns, &url);
}

static void expect_dial(const char *url, const char *host, unsigned port) {
    struct origin *origin = acquire(url);
    struct span dial = origin_dial_host(origin);
    assert_true(span_is(dial, host));
    assert_int_equal(dial.at[dial.len], 0);
    assert_int_equal(origin->dial_port, port);
    origin_drop(conns, origin);
}

static void test_the_first_entry_that_fits_decides(void **state) {
    static const char *const entries[] = {"a.test:80:b.test:8080", "a.test::c.test:", ":81:[::1]:",
                                          "[2001:db8::1]:80:d.test:1", NULL};
    (void)state;
    open_pool(entries);
    expect_dial("http://a.test/", "b.test", 8080);
    expect_dial("http://A.TEST/", "b.test", 8080);
    expect_dial("http://a.test:82/", "c.test", 82);
    expect_dial("http://a.test:81/", "c.test", 81);
    expect_dial("http://x.test:81/", "::1", 81);
    expect_dial("http://x.test/", "x.test", 80);
    expect_dial("http://[2001:db8::1]/", "d.test", 1);
    close_pool();
}

static void test_an_origin_is_scheme_host_and_port(void **state) {
    (void)state;
    open_pool(NULL);
    struct origin *origin = acquire("http://a.test/x"), *other[4];
    assert_ptr_equal(acquire("http://user@A.test:80/y"), origin);
    other[0] = acquire("http://a.test:81/");
    other[1] = acquire("https://a.test:80/");
    other[2] = acquire("http://b.test/");
    other[3] = acquire("http://a.test./");
    for (unsigned i = 0; i < 4; i++) {
        assert_ptr_not_equal(other[i], origin);
        origin_drop(conns, other[i]);
    }
    origin_drop(conns, origin);
    origin_drop(conns, origin);
    close_pool();
}

static void test_thousands_of_origins(void **state) {
    enum { COUNT = 3000 };
    static struct origin *origins[COUNT];
    char url[64];
    (void)state;
    open_pool(NULL);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            snprintf(url, sizeof url, "http://host%u.test/", i);
            struct origin *origin = acquire(url);
            assert_true(round == 0 || origin == origins[i]);
            origins[i] = origin;
        }
    }
    for (unsigned i = 0; i < 2 * COUNT; i++)
        origin_drop(conns, origins[i * 7 % COUNT]);
    close_pool();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_entry_that_fits_decides),
        cmocka_unit_test(test_an_origin_is_scheme_host_and_port),
        cmocka_unit_test(test_thousands_of_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
