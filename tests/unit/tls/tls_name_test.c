/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_name_test.c: distinguished names and SANs as text: every encoding, every escape, every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cert_make.h"
#include "guard.h"
#include "tls/tls_name.h"

static uint8_t memory[1 << 17];
static char text[TLS_NAME_TEXT_MAX];

static struct der_writer begin(void) {
    return (struct der_writer){.at = memory, .room = sizeof memory};
}

static const char *text_of(const struct der_writer *name) {
    assert_false(name->full);
    int len = tls_name_text(span_of(guard_copy(name->at, name->len), name->len), text);
    if (len < 0)
        return NULL;
    assert_int_equal(len, strlen(text));
    return text;
}

static const char *value_of(unsigned tag, struct span value) {
    struct der_writer name = begin();
    cert_add_attribute(&name, OID_CN, tag, value);
    return text_of(&name);
}

static void test_order_and_short_names(void **state) {
    static const struct {
        const char *oid;
        size_t bytes;
    } oids[] = {{"\x55\x04\x06", 3},
                {"\x55\x04\x08", 3},
                {"\x55\x04\x07", 3},
                {"\x55\x04\x09", 3},
                {"\x55\x04\x0a", 3},
                {"\x55\x04\x0b", 3},
                {"\x55\x04\x03", 3},
                {"\x55\x04\x05", 3},
                {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10},
                {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10},
                {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9}};
    (void)state;
    struct der_writer name = begin();
    for (unsigned i = 0; i < sizeof oids / sizeof *oids; i++) {
        char value = (char)('a' + i);
        cert_add_attribute(&name, span_of(oids[i].oid, oids[i].bytes), DER_PRINTABLE_STRING,
                           span_of(&value, 1));
    }
    assert_string_equal(text_of(&name), "emailAddress=k, UID=j, DC=i, serialNumber=h, CN=g, OU=f, "
                                        "O=e, street=d, L=c, ST=b, C=a");
}

static void test_empty(void **state) {
    (void)state;
    struct der_writer name = begin();
    assert_string_equal(text_of(&name), "");
    assert_string_equal(value_of(DER_UTF8_STRING, BYTES("")), "CN=");
}

static void test_unknown_attributes_are_numbers(void **state) {
    (void)state;
    struct der_writer name = begin();
    cert_add_attribute(&name, BYTES("\x55\x04\x61"), DER_UTF8_STRING, BYTES("ab"));
    assert_string_equal(text_of(&name), "2.5.4.97=#0C026162");
    name = begin();
    cert_add_attribute(&name, BYTES("\x88\x37\x84\x80\x00\x27"), DER_NULL, BYTES(""));
    assert_string_equal(text_of(&name), "2.999.65536.39=#0500");
    name = begin();
    cert_add_attribute(&name, BYTES("\x27"), DER_NULL, BYTES(""));
    assert_string_equal(text_of(&name), "0.39=#0500");
    name = begin();
    cert_add_attribute(&name, BYTES("\x50"), DER_NULL, BYTES(""));
    assert_string_equal(text_of(&name), "2.0=#0500");
    name = begin();
    cert_add_attribute(&name, BYTES("\x28\x01"), DER_NULL, BYTES(""));
    assert_string_equal(text_of(&name), "1.0.1=#0500");
}

static void test_several_attributes_in_one(void **state) {
    (void)state;
    struct der_writer name = begin();
    size_t set = der_begin(&name, DER_SET);
    for (int i = 0; i < 2; i++) {
        size_t pair = der_begin(&name, DER_SEQUENCE);
        der_add(&name, DER_OID, OID_CN);
        der_add(&name, DER_UTF8_STRING, i ? BYTES("y") : BYTES("x"));
        der_end(&name, pair);
    }
    der_end(&name, set);
    assert_string_equal(text_of(&name), "CN=x+CN=y");
}

static void test_escapes(void **state) {
    static const struct {
        struct span value;
        const char *expected;
    } rows[] = {
        {{(const uint8_t *)"a,b+c\"d\\e<f>g;h", 15}, "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h"},
        {{(const uint8_t *)" a b ", 5}, "CN=\\ a b\\ "},
        {{(const uint8_t *)" ", 1}, "CN=\\ "},
        {{(const uint8_t *)"#a#", 3}, "CN=\\#a#"},
        {{(const uint8_t *)"a=b", 3}, "CN=a=b"},
        {{(const uint8_t *)"a\0b", 3}, "CN=a\\00b"},
        {{(const uint8_t *)"\x1b[0m\r\n\x7f", 7}, "CN=\\1B[0m\\0D\\0A\\7F"},
        {{(const uint8_t *)"\xc2\x9b", 2}, "CN=\\C2\\9B"},
        {{(const uint8_t *)"Pr\xc3\xb8ve \xf0\x9f\x98\x80", 11},
         "CN=Pr\xc3\xb8ve \xf0\x9f\x98\x80"},
        /* not UTF-8: alone, cut, overlong, a surrogate, above U+10FFFF */
        {{(const uint8_t *)"a\xe9z", 3}, "CN=a\\E9z"},
        {{(const uint8_t *)"\xe2\x82", 2}, "CN=\\E2\\82"},
        {{(const uint8_t *)"\xc0\xaf", 2}, "CN=\\C0\\AF"},
        {{(const uint8_t *)"\xe0\x80\xaf", 3}, "CN=\\E0\\80\\AF"},
        {{(const uint8_t *)"\xed\xa0\x80", 3}, "CN=\\ED\\A0\\80"},
        {{(const uint8_t *)"\xf4\x90\x80\x80", 4}, "CN=\\F4\\90\\80\\80"},
        {{(const uint8_t *)"\xff", 1}, "CN=\\FF"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(value_of(DER_UTF8_STRING, rows[i].value), rows[i].expected);
}

static void test_encodings(void **state) {
    (void)state;
    assert_string_equal(value_of(DER_PRINTABLE_STRING, BYTES("abc")), "CN=abc");
    assert_string_equal(value_of(DER_IA5_STRING, BYTES("a@b")), "CN=a@b");
    assert_string_equal(value_of(DER_NUMERIC_STRING, BYTES("12 3")), "CN=12 3");
    assert_string_equal(value_of(DER_VISIBLE_STRING, BYTES("~")), "CN=~");
    assert_string_equal(value_of(DER_T61_STRING, BYTES("Pr\xf8ve,\x9b")),
                        "CN=Pr\xc3\xb8ve\\,\\C2\\9B");
    assert_string_equal(value_of(DER_BMP_STRING, BYTES("\0a \xac\0,\0\0")),
                        "CN=a\xe2\x82\xac\\,\\00");
    assert_string_equal(value_of(DER_BMP_STRING, BYTES("\xd8\x3d")), "CN=\xef\xbf\xbd");
    assert_string_equal(value_of(DER_BMP_STRING, BYTES("\0a\0")), "CN=#1E03006100");
    assert_string_equal(value_of(DER_UNIVERSAL_STRING, BYTES("\0\1\xf6\0\0\0\0a")),
                        "CN=\xf0\x9f\x98\x80"
                        "a");
    assert_string_equal(value_of(DER_UNIVERSAL_STRING, BYTES("\xff\xff\xff\xff")),
                        "CN=\xef\xbf\xbd");
    assert_string_equal(value_of(DER_OCTET_STRING, BYTES("\x01")), "CN=#040101");
}

static void test_long_values_are_cut_between_characters(void **state) {
    (void)state;
    static uint8_t value[4000];
    size_t room = TLS_NAME_TEXT_MAX - 4; /* without "..." and its NUL */
    memset(value, 'x', sizeof value);
    assert_int_equal(strlen(value_of(DER_UTF8_STRING, span_of(value, room - 3))), room);
    assert_null(strstr(text, "..."));
    value_of(DER_UTF8_STRING, span_of(value, room - 2));
    assert_int_equal(strlen(text), TLS_NAME_TEXT_MAX - 1);
    assert_string_equal(text + room - 1, "x...");
    for (size_t i = 0; i < sizeof value; i += 2)
        memcpy(value + i, "\xc3\xb8", 2);
    value_of(DER_UTF8_STRING, span_of(value, sizeof value));
    assert_string_equal(text + strlen(text) - 5, "\xc3\xb8...");
    memset(value, 1, sizeof value);
    value_of(DER_UTF8_STRING, span_of(value, sizeof value));
    assert_string_equal(text + strlen(text) - 6, "\\01...");
    assert_int_equal(text[TLS_NAME_TEXT_MAX - 1], 0);
}

static void test_many_relative_names(void **state) {
    (void)state;
    struct der_writer name = begin();
    for (int i = 0; i < 4000; i++) {
        char value[8];
        int len = snprintf(value, sizeof value, "%d", i);
        cert_add_attribute(&name, OID_CN, DER_UTF8_STRING, span_of(value, (size_t)len));
    }
    text_of(&name);
    assert_memory_equal(text, "CN=3999, CN=3998, ", 18);
    assert_string_equal(text + strlen(text) - 10, "CN=3968...");
}

static void test_malformed(void **state) {
    static const struct {
        const char *bytes;
        size_t count;
    } rows[] = {
        {"\x31", 1},
        {"\x31\x01", 2},
        {"\x30\x00", 2},                                              /* no SET */
        {"\x31\x00", 2},                                              /* an empty one */
        {"\x31\x02\x30\x00", 4},                                      /* no type */
        {"\x31\x07\x30\x05\x06\x03\x55\x04\x03", 9},                  /* no value */
        {"\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x05\x00\x05\x00", 13}, /* one value more */
        {"\x31\x06\x30\x04\x06\x00\x05\x00", 8},                      /* an empty OID */
        {"\x31\x07\x30\x05\x06\x01\x80\x05\x00", 9},                  /* an OID cut off */
        {"\x31\x11\x30\x0f\x06\x0b\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x05\x00", 19},
        {"\x31\x80\x00\x00", 4},             /* indefinite length */
        {"\x31\x85\x00\x00\x00\x00\x00", 7}, /* a length of five octets */
        {"\x3f\x01\x00", 3},                 /* a tag of several octets */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            tls_name_text(span_of(guard_copy(rows[i].bytes, rows[i].count), rows[i].count), text),
            -1);
}

static void test_dns_sans(void **state) {
    char san[TLS_SAN_TEXT_MAX];
    static uint8_t name[1000];
    (void)state;
    assert_int_equal(tls_san_dns_text(BYTES("*.A.example"), san), 11);
    assert_string_equal(san, "*.A.example");
    tls_san_dns_text(BYTES("a\0.b\xc3\\ c"), san);
    assert_string_equal(san, "a\\00.b\\C3\\5C\\20c");
    memset(name, 'a', sizeof name);
    assert_int_equal(tls_san_dns_text(span_of(name, sizeof name), san), TLS_SAN_TEXT_MAX - 1);
    assert_string_equal(san + TLS_SAN_TEXT_MAX - 5, "a...");
    assert_int_equal(tls_san_dns_text(BYTES(""), san), 0);
}

static void test_ip_sans(void **state) {
    char san[TLS_SAN_TEXT_MAX];
    (void)state;
    assert_int_equal(tls_san_ip_text(BYTES("\xc0\x00\x02\x07"), san), 9);
    assert_string_equal(san, "192.0.2.7");
    tls_san_ip_text(BYTES("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), san);
    assert_string_equal(san, "2001:db8::1");
    tls_san_ip_text(BYTES("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"), san);
    assert_string_equal(san, "::ffff:127.0.0.1");
    assert_int_equal(tls_san_ip_text(BYTES("\x0a\x00\x00\x00\xff"), san), 11);
    assert_string_equal(san, "#0A000000FF");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_short_names),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_unknown_attributes_are_numbers),
        cmocka_unit_test(test_several_attributes_in_one),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_long_values_are_cut_between_characters),
        cmocka_unit_test(test_many_relative_names),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_dns_sans),
        cmocka_unit_test(test_ip_sans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
