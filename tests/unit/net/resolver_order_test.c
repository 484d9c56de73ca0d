/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/resolver_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct reach both = {true, true, true, false};

/* Space-separated literals in, the order out. */
static void expect(const char *in, int family, struct reach reach, const char *out) {
    struct address address[16];
    char words[512], result[512] = "";
    unsigned count = 0;
    snprintf(words, sizeof words, "%s", in);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        assert_true(address_parse(&address[count++], span_text(word), 0));
    count = addresses_order(address, count, family, reach);
    for (unsigned i = 0; i < count; i++) {
        char text[ADDRESS_TEXT_BYTES];
        if (i)
            strcat(result, " ");
        strcat(result, address_text(&address[i], text));
    }
    assert_string_equal(result, out);
}

static void families_alternate(void **state) {
    (void)state;
    expect("192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2", AF_UNSPEC, both,
           "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3");
    expect("2001:db8::1 2001:db8::2 2001:db8::3 192.0.2.1", AF_UNSPEC, both,
           "2001:db8::1 192.0.2.1 2001:db8::2 2001:db8::3");
    expect("192.0.2.2 192.0.2.1", AF_UNSPEC, both, "192.0.2.2 192.0.2.1");
    expect("", AF_UNSPEC, both, "");
}

static void options_restrict(void **state) {
    (void)state;
    const struct reach v4_only = {true, false, true, false};
    expect("192.0.2.1 2001:db8::1", AF_INET, both, "192.0.2.1");
    expect("192.0.2.1 2001:db8::1", AF_INET6, both, "2001:db8::1");
    expect("192.0.2.1 2001:db8::1", AF_INET6, v4_only, "2001:db8::1");
}

static void what_cannot_be_reached_goes(void **state) {
    (void)state;
    const struct reach v4_only = {true, false, true, false};
    const struct reach v6_only = {false, true, true, false};
    const struct reach no_v6 = {true, false, false, false};
    expect("192.0.2.1 2001:db8::1 ::1", AF_UNSPEC, v4_only, "::1 192.0.2.1");
    expect("192.0.2.1 2001:db8::1 127.0.0.1", AF_UNSPEC, v6_only, "2001:db8::1 127.0.0.1");
    expect("::1 127.0.0.1", AF_UNSPEC, no_v6, "127.0.0.1");
}

static void repetitions_go(void **state) {
    (void)state;
    expect("192.0.2.1 192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::1", AF_UNSPEC, both,
           "2001:db8::1 192.0.2.1 192.0.2.2");
}

static void a_unique_local_source_prefers_ipv4_abroad(void **state) {
    (void)state;
    const struct reach local = {true, true, true, true};
    expect("2001:db8::1 192.0.2.1", AF_UNSPEC, local, "192.0.2.1 2001:db8::1");
    expect("fd00::1 192.0.2.1", AF_UNSPEC, local, "fd00::1 192.0.2.1");
    expect("127.0.0.1 ::1", AF_UNSPEC, local, "::1 127.0.0.1");
}

static void lists_are_counted(void **state) {
    (void)state;
    struct address address;
    assert_true(address_parse(&address, span_text("192.0.2.1"), 0));
    struct address_list *list = address_list_copy(&address, 1);
    assert_non_null(list);
    assert_ptr_equal(address_list_keep(list), list);
    address_list_drop(list);
    assert_int_equal(list->references, 1);
    address_list_drop(list);
    address_list_drop(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_alternate),
        cmocka_unit_test(options_restrict),
        cmocka_unit_test(what_cannot_be_reached_goes),
        cmocka_unit_test(repetitions_go),
        cmocka_unit_test(a_unique_local_source_prefers_ipv4_abroad),
        cmocka_unit_test(lists_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
