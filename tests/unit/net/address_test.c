/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

static bool parse(struct address *address, const char *text) {
    return address_parse(address, span_of(guard_copy(text, strlen(text)), strlen(text)), 8080);
}

static void literals_keep_their_text(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1",
                                        "0.0.0.0",
                                        "255.255.255.255",
                                        "192.0.2.10",
                                        "9.10.99.100",
                                        "::1",
                                        "::",
                                        "2001:db8::1",
                                        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                        "::ffff:192.0.2.1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct address address;
        char text[ADDRESS_TEXT_BYTES];
        assert_true(parse(&address, texts[i]));
        assert_string_equal(address_text(&address, text), texts[i]);
        assert_int_equal(address_port(&address), 8080);
        address_set_port(&address, 443);
        assert_int_equal(address_port(&address), 443);
        assert_int_equal(address.any.sa_family, strchr(texts[i], ':') ? AF_INET6 : AF_INET);
    }
}

static void other_things_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "1",
        "127.1",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "1.2.3.4 ",
        "[::1]",
        ":::",
        "1::2::3",
        "::1%no-such-interface",
        "::1%",
        "127.0.0.1%lo",
        "localhost",
        "2001:db8:0:0:0:0:0:0:1",
        "::1%4294967296",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct address address;
        assert_false(parse(&address, texts[i]));
    }
    struct address address;
    assert_false(address_parse(&address, span_of("127.0.0.1\0x", 11), 1));
}

static void zones_become_scope_ids(void **state) {
    (void)state;
    struct address by_name, by_number, other;
    assert_true(parse(&by_name, "fe80::1%lo"));
    assert_true(by_name.v6.sin6_scope_id != 0);
    assert_true(parse(&by_number, "fe80::1%7"));
    assert_int_equal(by_number.v6.sin6_scope_id, 7);
    assert_true(parse(&other, "fe80::1%8"));
    assert_false(address_same_host(&by_number, &other));
}

static void same_host_looks_at_the_address_only(void **state) {
    (void)state;
    struct address a, b;
    assert_true(parse(&a, "192.0.2.1"));
    assert_true(parse(&b, "192.0.2.1"));
    address_set_port(&b, 1);
    assert_true(address_same_host(&a, &b));
    assert_true(parse(&b, "192.0.2.2"));
    assert_false(address_same_host(&a, &b));
    assert_true(parse(&b, "::ffff:192.0.2.1"));
    assert_false(address_same_host(&a, &b));
    assert_true(parse(&a, "::ffff:192.0.2.1"));
    assert_true(address_same_host(&a, &b));
}

static void loopback_is_known(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"127.0.0.1", true},  {"127.255.255.255", true},
                 {"128.0.0.1", false}, {"::1", true},
                 {"::2", false},       {"::ffff:127.0.0.1", true},
                 {"::", false},        {"::ffff:10.0.0.1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        assert_true(parse(&address, cases[i].text));
        assert_int_equal(address_is_loopback(&address), cases[i].loopback);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_keep_their_text),
        cmocka_unit_test(other_things_are_refused),
        cmocka_unit_test(zones_become_scope_ids),
        cmocka_unit_test(same_host_looks_at_the_address_only),
        cmocka_unit_test(loopback_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
