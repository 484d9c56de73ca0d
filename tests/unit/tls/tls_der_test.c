/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_der_test.c: DER as it is written, octet by octet, and what the reader takes and refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <stdlib.h>

#include "guard.h"
#include "tls/tls_der.h"

static uint8_t memory[1 << 17];

static struct der_writer begin(void) {
    return (struct der_writer){.at = memory, .room = sizeof memory};
}

static void wrote(const struct der_writer *writer, const char *expected, size_t count) {
    assert_false(writer->full);
    assert_int_equal(writer->len, count);
    assert_memory_equal(writer->at, expected, count);
}

static void test_lengths(void **state) {
    static const struct {
        size_t len;
        const char *head;
        size_t head_len;
    } rows[] = {
        {0, "\x04\x00", 2},
        {127, "\x04\x7f", 2},
        {128, "\x04\x81\x80", 3},
        {255, "\x04\x81\xff", 3},
        {256, "\x04\x82\x01\x00", 4},
        {65535, "\x04\x82\xff\xff", 4},
        {65536, "\x04\x83\x01\x00\x00", 5},
    };
    (void)state;
    uint8_t *value = calloc(1, 65536);
    assert_non_null(value);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct der_writer out = begin();
        struct der_element element;
        memset(value, 'v', 65536);
        der_add(&out, DER_OCTET_STRING, span_of(value, rows[i].len));
        assert_int_equal(out.len, rows[i].head_len + rows[i].len);
        assert_memory_equal(memory, rows[i].head, rows[i].head_len);
        struct span from = span_of(memory, out.len);
        assert_true(der_expect(&from, DER_OCTET_STRING, &element));
        assert_int_equal(from.len, 0);
        assert_int_equal(element.whole.len, out.len);
        assert_int_equal(element.value.len, rows[i].len);
        assert_memory_equal(element.value.at, value, rows[i].len);
        from = span_of(memory, out.len - 1);
        assert_false(der_take(&from, &element));
        assert_int_equal(from.len, out.len - 1);
    }
    free(value);
}

static void test_integers(void **state) {
    (void)state;
    struct der_writer out = begin();
    der_add_small(&out, 0);
    der_add_small(&out, 127);
    der_add_small(&out, 128);
    der_add_unsigned(&out, span_of("\0\0\x01\x80", 4));
    der_add_unsigned(&out, span_of("\0\xff", 2));
    der_add_unsigned(&out, span_of("", 0));
    wrote(&out,
          "\x02\x01\x00\x02\x01\x7f\x02\x02\x00\x80\x02\x02\x01\x80\x02\x02\x00\xff\x02\x01\x00",
          21);
    out = begin();
    der_add_true(&out);
    wrote(&out, "\x01\x01\xff", 3);
}

static void test_times(void **state) {
    (void)state;
    struct der_writer out = begin();
    assert_true(der_add_time(&out, 0));
    assert_true(der_add_time(&out, 2524607999));
    assert_true(der_add_time(&out, 2524608000));
    assert_true(der_add_time(&out, 951782400 + 86399));
    wrote(&out,
          "\x17\x0d"
          "700101000000Z"
          "\x17\x0d"
          "491231235959Z"
          "\x18\x0f"
          "20500101000000Z"
          "\x17\x0d"
          "000229235959Z",
          62);
}

/* With less room than it takes: nothing beyond the room is written, and the writer says so. */
static void test_full(void **state) {
    (void)state;
    for (size_t room = 0; room < 134; room++) {
        static const uint8_t value[128];
        uint8_t *exact = malloc(room + 1);
        assert_non_null(exact);
        exact[room] = 0x5a;
        struct der_writer out = {.at = exact, .room = room};
        size_t begun = der_begin(&out, DER_SEQUENCE);
        der_add(&out, DER_OCTET_STRING, span_of(value, 127));
        der_end(&out, begun);
        assert_int_equal(out.full, room < 132);
        assert_int_equal(exact[room], 0x5a);
        assert_true(out.len <= room);
        free(exact);
    }
}

static void test_reader_refuses(void **state) {
    static const struct {
        const char *bytes;
        size_t count;
    } rows[] = {
        {"", 0},
        {"\x04", 1},
        {"\x04\x01", 2},
        {"\x04\x80\x00\x00", 4},                 /* indefinite */
        {"\x04\x81", 2},                         /* its length is cut off */
        {"\x04\x84\xff\xff\xff\xff", 6},         /* longer than there is */
        {"\x04\x85\x00\x00\x00\x00\x01\x00", 8}, /* five octets of length */
        {"\x1f\x01\x00", 3},                     /* a tag of several octets */
    };
    struct der_element element;
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span from = span_of(guard_copy(rows[i].bytes, rows[i].count), rows[i].count);
        assert_false(der_take(&from, &element));
        assert_int_equal(from.len, rows[i].count);
    }
    struct span lax = span_of("\x04\x82\x00\x01v", 5); /* longer than need be: taken */
    assert_true(der_take(&lax, &element));
    assert_int_equal(element.value.len, 1);
    struct span other = span_of("\x04\x00", 2);
    assert_false(der_expect(&other, DER_SEQUENCE, &element));
    assert_true(der_skip_optional(&other, DER_SEQUENCE));
    assert_int_equal(other.len, 2);
    assert_true(der_skip_optional(&other, DER_OCTET_STRING));
    assert_int_equal(other.len, 0);
    assert_true(der_skip_optional(&other, DER_OCTET_STRING));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_times),          cmocka_unit_test(test_full),
        cmocka_unit_test(test_reader_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
