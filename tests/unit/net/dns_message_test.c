/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "guard.h"

/* Header, then the question "a.test". */
#define HEAD(flags, answers, authority)                                                            \
    0x12, 0x34, 0x81, (flags), 0, 1, 0, (answers), 0, (authority), 0, 0, 1, 'a', 4, 't', 'e', 's', \
        't', 0, 0, 1, 0, 1
#define RECORD(type, ttl, len) 0xc0, 12, 0, (type), 0, 1, 0, 0, 0, (ttl), 0, (len)
#define SOA_DATA(minimum)                                                                          \
    0, 0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, (minimum)
enum { SOA_BYTES = 23, A = 1, CNAME = 5, SOA = 6, AAAA = 28 };

static bool parse(struct dns_answer *answer, const uint8_t *bytes, size_t count, int family) {
    return dns_answer_parse(answer, span_of(guard_copy(bytes, count), count), family);
}

static void addresses_and_the_least_ttl(void **state) {
    (void)state;
    static const uint8_t message[] = {HEAD(0x80, 3, 0),
                                      RECORD(CNAME, 9, 2),
                                      0xc0,
                                      14,
                                      RECORD(A, 20, 4),
                                      127,
                                      0,
                                      0,
                                      5,
                                      RECORD(A, 30, 4),
                                      127,
                                      0,
                                      0,
                                      6};
    struct dns_answer answer;
    char text[ADDRESS_TEXT_BYTES];
    assert_true(parse(&answer, message, sizeof message, AF_INET));
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.ttl_s, 9);
    assert_string_equal(address_text(&answer.address[0], text), "127.0.0.5");
    assert_string_equal(address_text(&answer.address[1], text), "127.0.0.6");
    assert_int_equal(address_port(&answer.address[0]), 0);
}

static void absence_lasts_as_the_soa_says(void **state) {
    (void)state;
    static const uint8_t by_ttl[] = {HEAD(0x83, 0, 1), RECORD(SOA, 40, SOA_BYTES), SOA_DATA(90)};
    static const uint8_t by_minimum[] = {HEAD(0x80, 0, 1), RECORD(SOA, 40, SOA_BYTES), SOA_DATA(7)};
    static const uint8_t unsaid[] = {HEAD(0x83, 0, 0)};
    struct dns_answer answer;
    assert_true(parse(&answer, by_ttl, sizeof by_ttl, AF_INET6));
    assert_int_equal(answer.rcode, DNS_NXDOMAIN);
    assert_true(answer.has_ttl);
    assert_int_equal(answer.ttl_s, 40);
    assert_true(parse(&answer, by_minimum, sizeof by_minimum, AF_INET));
    assert_int_equal(answer.rcode, DNS_NOERROR);
    assert_int_equal(answer.ttl_s, 7);
    assert_true(parse(&answer, unsaid, sizeof unsaid, AF_INET));
    assert_false(answer.has_ttl);
}

static void the_other_family_is_left_out(void **state) {
    (void)state;
    static const uint8_t message[] = {HEAD(0x80, 2, 0),
                                      RECORD(A, 20, 4),
                                      127,
                                      0,
                                      0,
                                      5,
                                      RECORD(AAAA, 5, 16),
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      1};
    struct dns_answer answer;
    char text[ADDRESS_TEXT_BYTES];
    assert_true(parse(&answer, message, sizeof message, AF_INET6));
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.ttl_s, 5);
    assert_string_equal(address_text(&answer.address[0], text), "::1");
}

static void a_ttl_with_the_top_bit_is_zero(void **state) {
    (void)state;
    uint8_t message[] = {HEAD(0x80, 1, 0), RECORD(A, 20, 4), 127, 0, 0, 5};
    message[sizeof message - 10] = 0x80;
    struct dns_answer answer;
    assert_true(parse(&answer, message, sizeof message, AF_INET));
    assert_int_equal(answer.ttl_s, 0);
}

static void every_cut_is_malformed(void **state) {
    (void)state;
    static const uint8_t positive[] = {HEAD(0x80, 1, 0), RECORD(A, 20, 4), 127, 0, 0, 5};
    static const uint8_t negative[] = {HEAD(0x83, 0, 1), RECORD(SOA, 9, SOA_BYTES), SOA_DATA(9)};
    struct dns_answer answer;
    for (size_t cut = 0; cut < sizeof positive; cut++)
        assert_false(parse(&answer, positive, cut, AF_INET));
    for (size_t cut = 0; cut < sizeof negative; cut++)
        assert_false(parse(&answer, negative, cut, AF_INET));
}

static void more_addresses_than_room_are_cut(void **state) {
    (void)state;
    static const uint8_t head[] = {HEAD(0x80, 200, 0)};
    static const uint8_t record[] = {RECORD(A, 20, 4), 127, 0, 0, 5};
    uint8_t message[sizeof head + 200 * sizeof record];
    memcpy(message, head, sizeof head);
    for (size_t i = 0; i < 200; i++)
        memcpy(message + sizeof head + i * sizeof record, record, sizeof record);
    struct dns_answer answer;
    assert_true(parse(&answer, message, sizeof message, AF_INET));
    assert_int_equal(answer.count, DNS_ADDRESSES_MAX);
}

static void noise_does_no_harm(void **state) {
    (void)state;
    static const uint8_t seeds[2][60] = {
        {HEAD(0x80, 1, 0), RECORD(A, 20, 4), 127, 0, 0, 5},
        {HEAD(0x83, 0, 1), RECORD(SOA, 40, SOA_BYTES), SOA_DATA(90)}};
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 200000; round++) {
        uint8_t message[60];
        struct dns_answer answer;
        memcpy(message, seeds[round & 1], sizeof message);
        for (int change = 0; change < 4; change++)
            message[random_below(&random, sizeof message)] = (uint8_t)random_next(&random);
        (void)parse(&answer, message, random_below(&random, sizeof message + 1), AF_INET);
        assert_true(answer.count <= DNS_ADDRESSES_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_the_least_ttl),
        cmocka_unit_test(absence_lasts_as_the_soa_says),
        cmocka_unit_test(the_other_family_is_left_out),
        cmocka_unit_test(a_ttl_with_the_top_bit_is_zero),
        cmocka_unit_test(every_cut_is_malformed),
        cmocka_unit_test(more_addresses_than_room_are_cut),
        cmocka_unit_test(noise_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
