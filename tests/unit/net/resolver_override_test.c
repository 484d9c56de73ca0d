/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/resolver_override.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

struct fixture {
    struct pool_depot depot;
    struct pool pool;
    struct overrides overrides;
    char why[200];
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    pool_depot_init(&fixture.depot);
    pool_init(&fixture.pool, &fixture.depot);
    *state = &fixture;
    return overrides_init(&fixture.overrides, &fixture.pool);
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    overrides_deinit(&fixture->overrides);
    assert_true(fixture->pool.live_bytes == 0);
    pool_depot_deinit(&fixture->depot);
    return 0;
}

static bool add(struct fixture *fixture, const char *text) {
    return overrides_add(&fixture->overrides, text, AF_UNSPEC, 1, fixture->why,
                         sizeof fixture->why);
}

/* The addresses found, space-separated; "-" for none. */
static void expect(struct fixture *fixture, const char *host, uint16_t port, const char *out) {
    struct address_list *list = overrides_find(&fixture->overrides, span_text(host), port, 2);
    char result[300] = "", text[ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; list && i < list->count; i++) {
        if (i)
            strcat(result, " ");
        strcat(result, address_text(&list->address[i], text));
    }
    assert_string_equal(list ? result : "-", out);
}

static void host_and_port_must_match(void **state) {
    assert_true(add(*state, "Example.COM:443:127.0.0.1"));
    expect(*state, "example.com", 443, "127.0.0.1");
    expect(*state, "example.com.", 443, "127.0.0.1");
    expect(*state, "example.com", 80, "-");
    expect(*state, "www.example.com", 443, "-");
}

static void addresses_keep_their_order(void **state) {
    assert_true(add(*state, "a.test:80:127.0.0.2,[::1],127.0.0.1,fd00::2"));
    expect(*state, "a.test", 80, "127.0.0.2 ::1 127.0.0.1 fd00::2");
    assert_true(add(*state, "b.test:80:::1"));
    expect(*state, "b.test", 80, "::1");
}

static void a_star_is_any_host(void **state) {
    assert_true(add(*state, "*:80:127.0.0.9"));
    assert_true(add(*state, "a.test:80:127.0.0.1"));
    expect(*state, "a.test", 80, "127.0.0.1");
    expect(*state, "b.test", 80, "127.0.0.9");
    expect(*state, "b.test", 81, "-");
}

static void later_ones_replace_and_minus_removes(void **state) {
    assert_true(add(*state, "a.test:80:127.0.0.1"));
    assert_true(add(*state, "A.test:80:127.0.0.2"));
    expect(*state, "a.test", 80, "127.0.0.2");
    assert_true(add(*state, "-a.test:80"));
    expect(*state, "a.test", 80, "-");
    assert_true(add(*state, "-never.test:80"));
}

static void plus_passes(void **state) {
    struct fixture *fixture = *state;
    assert_true(add(fixture, "+a.test:80:127.0.0.1"));
    expect(fixture, "a.test", 80, "127.0.0.1");
    assert_null(overrides_find(&fixture->overrides, span_text("a.test"), 80, 61 * NS_PER_S));
}

static void family_restricts(void **state) {
    struct fixture *fixture = *state;
    assert_true(overrides_add(&fixture->overrides, "a.test:80:127.0.0.1,::1", AF_INET6, 1,
                              fixture->why, sizeof fixture->why));
    expect(fixture, "a.test", 80, "::1");
    assert_true(overrides_add(&fixture->overrides, "b.test:80:127.0.0.1", AF_INET6, 1, fixture->why,
                              sizeof fixture->why));
    expect(fixture, "b.test", 80, "-");
}

static void bad_ones_are_named(void **state) {
    struct fixture *fixture = *state;
    static const char *const bad[] = {"",
                                      "+",
                                      "-",
                                      "a.test",
                                      "a.test:80",
                                      "a.test:80:",
                                      "a.test::127.0.0.1",
                                      "a.test:x:127.0.0.1",
                                      "a.test:65536:127.0.0.1",
                                      ":80:127.0.0.1",
                                      "a.test:80:127.0.0.1,",
                                      "a.test:80:,127.0.0.1",
                                      "a.test:80:b.test",
                                      "a.test:80:[127.0.0.1]",
                                      "a.test:80:[::1",
                                      "-a.test:80:127.0.0.1",
                                      "a.test:80x:127.0.0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(add(fixture, bad[i]));
        char quoted[100];
        snprintf(quoted, sizeof quoted, "--resolve: '%s'", bad[i]);
        assert_memory_equal(fixture->why, quoted, strlen(quoted));
        assert_null(strchr(fixture->why, '\n'));
    }
    char long_host[400];
    memset(long_host, 'a', 300);
    strcpy(long_host + 300, ":80:127.0.0.1");
    assert_false(add(fixture, long_host));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(host_and_port_must_match, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_star_is_any_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(later_ones_replace_and_minus_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plus_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(family_restricts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_ones_are_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
