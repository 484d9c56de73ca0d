/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * range_test.c: ranges and conditions of the origin, its numbers, its dates and its keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/origin/keys.h"
#include "../../../tools/origin/pattern.h"
#include "../../../tools/origin/query.h"
#include "../../../tools/origin/range.h"

static const struct resource resource = {.length = 1000,
                                         .etag = "\"tag\"",
                                         .modified_s = 784111777,
                                         .modified = "Sun, 06 Nov 1994 08:49:37 GMT"};

static struct selection choose(const struct resource *of, const char *method, const char *fields) {
    static char text[1024];
    static struct request request;
    size_t used;
    unsigned status;
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);
    assert_int_equal(request_parse(&request, span_text(text), 0, &used, &status), STEP_DONE);
    return range_select(&request, of);
}

static void assert_chosen(const char *fields, unsigned status, uint64_t first, uint64_t count) {
    struct selection part = choose(&resource, "GET", fields);
    assert_int_equal(part.status, status);
    assert_int_equal(part.first, first);
    assert_int_equal(part.count, count);
}

static void test_ranges(void **state) {
    (void)state;
    assert_chosen("", 200, 0, 1000);
    assert_chosen("Range: bytes=0-0\r\n", 206, 0, 1);
    assert_chosen("Range: bytes=10-19\r\n", 206, 10, 10);
    assert_chosen("Range: Bytes=10-\r\n", 206, 10, 990);
    assert_chosen("Range: bytes=-7\r\n", 206, 993, 7);
    assert_chosen("Range: bytes=-5000\r\n", 206, 0, 1000);
    assert_chosen("Range: bytes=999-5000\r\n", 206, 999, 1);
    assert_chosen("Range: bytes=1000-\r\n", 416, 0, 0);
    assert_chosen("Range: bytes=-0\r\n", 416, 0, 0);
}

static void test_ranges_to_ignore(void **state) {
    (void)state;
    static const char *const ignored[] = {
        "bytes=5-4", "bytes=-", "bytes=",  "bytes", "lines=1-2",      "bytes=a-b",
        "bytes=1-b", "1-2",     "bytes=1", "=1-2",  "bytes=1-2, 4-5", "bytes=99999999999999999999-",
    };
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        char field[80];
        snprintf(field, sizeof field, "Range: %s\r\n", ignored[i]);
        assert_chosen(field, 200, 0, 1000);
    }
    assert_int_equal(choose(&resource, "HEAD", "Range: bytes=1-2\r\n").status, 200);
    struct resource empty = resource;
    empty.length = 0;
    assert_int_equal(choose(&empty, "GET", "Range: bytes=0-\r\n").status, 416);
    assert_int_equal(choose(&empty, "GET", "").status, 200);
}

#define RANGE "Range: bytes=1-2\r\n"
static void test_if_range(void **state) {
    (void)state;
    assert_chosen(RANGE "If-Range: \"tag\"\r\n", 206, 1, 2);
    assert_chosen(RANGE "If-Range: \"other\"\r\n", 200, 0, 1000);
    assert_chosen(RANGE "If-Range: W/\"tag\"\r\n", 200, 0, 1000);
    assert_chosen(RANGE "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 206, 1, 2);
    assert_chosen(RANGE "If-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", 200, 0, 1000);
    assert_chosen(RANGE "If-Range: nonsense\r\n", 200, 0, 1000);
}

static void test_conditions(void **state) {
    (void)state;
    assert_chosen("If-None-Match: \"x\", W/\"tag\"\r\n", 304, 0, 0);
    assert_chosen("If-None-Match: *\r\n", 304, 0, 0);
    assert_chosen("If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                  200, 0, 1000);
    assert_chosen("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304, 0, 0);
    assert_chosen("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200, 0, 1000);
}

static void test_dates(void **state) {
    (void)state;
    char text[HTTP_DATE_BYTES + 1];
    http_date_write(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    http_date_write(1767225600, text);
    assert_string_equal(text, "Thu, 01 Jan 2026 00:00:00 GMT");
}

static void test_numbers(void **state) {
    (void)state;
    uint64_t n = 0;
    assert_true(size_read(span_text("64k"), &n));
    assert_int_equal(n, 65536);
    assert_true(size_read(span_text("0"), &n));
    assert_int_equal(n, 0);
    assert_false(size_read(span_text(""), &n));
    assert_false(size_read(span_text("-1"), &n));
    assert_false(size_read(span_text("10/x"), &n));
    assert_false(number_read(span_text("11"), 10, &n));
    assert_true(seconds_read(span_text("0.25"), &n));
    assert_int_equal(n, 250000000);
    struct span query = span_text("a=1&bb=2&a=3&c=&d");
    assert_true(span_is(query_value(query, "a"), "1"));
    assert_true(span_is(query_value(query, "bb"), "2"));
    assert_null(query_value(query, "b").at);
    assert_null(query_value(query, "d").at);
    n = 9;
    assert_true(query_number(query, "z", 100, &n));
    assert_int_equal(n, 9);
    assert_false(query_number(query, "c", 100, &n));
}

static void test_pattern(void **state) {
    (void)state;
    pattern_init();
    static const uint64_t places[] = {0, 1, 255, 256, 65520, 65521, 131042, UINT64_C(1) << 40};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct span run = pattern_span(places[i], UINT64_MAX);
        assert_int_equal(run.len, PATTERN_RUN);
        for (size_t at = 0; at < run.len; at++) {
            uint64_t j = (places[i] + at) % 65521;
            if (run.at[at] != ((131 * j + 17 * (j / 256)) & 255))
                fail_msg("byte %zu from %llu", at, (unsigned long long)places[i]);
        }
    }
}

static void test_keys(void **state) {
    (void)state;
    struct keys *keys = keys_open();
    char name[16], long_name[KEY_BYTES_MAX + 1] = {0};
    uint64_t before = 7;
    assert_true(keys_count(keys, span_text("a"), &before));
    assert_int_equal(before, 0);
    assert_true(keys_count(keys, span_text("a"), &before));
    assert_int_equal(before, 1);
    assert_true(keys_count(keys, span_text(""), &before));
    assert_int_equal(before, 0);
    assert_false(keys_count(keys, span_of(long_name, sizeof long_name), &before));
    for (unsigned i = 2; i < KEYS_MAX; i++)
        assert_true(keys_count(keys, span_of(name, (size_t)sprintf(name, "%u", i)), &before));
    assert_false(keys_count(keys, span_text("new"), &before));
    assert_true(keys_count(keys, span_text("a"), &before));
    assert_int_equal(before, 2);
    keys_clear(keys);
    assert_true(keys_count(keys, span_text("new"), &before));
    assert_int_equal(before, 0);
    keys_close(keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),   cmocka_unit_test(test_ranges_to_ignore),
        cmocka_unit_test(test_if_range), cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_dates),    cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_pattern),  cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
