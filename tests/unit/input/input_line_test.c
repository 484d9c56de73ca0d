/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_line_test.c: plain lines of input files. Every line is parsed from a buffer that ends at a forbidden page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <string.h>

#include "guard.h"
#include "input/input_line.h"

static struct line_parser parser;
static struct input_record record;

static bool parse_bytes(const char *line, size_t len) {
    memset(&record, 0x5a, sizeof record);
    return line_parse(&parser, span_of(guard_copy(line, len), len), 7, &record);
}

static bool parse(const char *line) {
    return parse_bytes(line, strlen(line));
}

static void test_silent(void **state) {
    (void)state;
    static const char *const lines[] = {"",      " ",      "\t",    " \t \r", "#", "# http://h/",
                                        "  # x", "\t#\tx", "#\xff", "\v\f"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_false(parse(lines[i]));
        assert_true(line_is_silent(span_text(lines[i])));
    }
    assert_false(line_is_silent(span_text(" x#")));
}

static void test_good(void **state) {
    (void)state;
    static const struct {
        const char *line, *url, *name;
    } table[] = {
        {"http://h/", "http://h/", NULL},
        {"  http://h/  ", "http://h/", NULL},
        {"http://h/#x", "http://h/#x", NULL},
        {"h", "h", NULL},
        {"not a URL", "not a URL", NULL},
        {"http://h/\tname", "http://h/", "name"},
        {"http://h/ \t a name ", "http://h/", "a name"},
        {"http://h/\t", "http://h/", NULL},
        {"http://h/\t\t ", "http://h/", NULL},
        {"http://h/\tdir/\xc3\xbc.txt", "http://h/", "dir/\xc3\xbc.txt"},
        {"http://h/[1-2]{a,b}", "http://h/[1-2]{a,b}", NULL},
        {"[1", "[1", NULL},
        {"http://h/\t{x}", "http://h/", "{x}"},
        {"\xff\xfe", "\xff\xfe", NULL},
        {"http://h/\r", "http://h/", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_true(parse(table[i].line));
        assert_false(err_is(record.err));
        assert_null(record.why);
        assert_true(span_is(record.url, table[i].url));
        assert_int_equal(record.name.at != NULL, table[i].name != NULL);
        if (table[i].name)
            assert_true(span_is(record.name, table[i].name));
        assert_int_equal(record.line, 7);
        assert_int_equal(record.size, -1);
        assert_null(record.tag.at);
        assert_null(record.method.at);
        assert_null(record.headers);
        assert_int_equal(record.header_count, 0);
        assert_null(record.body.at);
        assert_null(record.sha256.at);
    }
}

static void check_bad(const char *line, size_t len, const char *url, const char *why) {
    assert_true(parse_bytes(line, len));
    assert_int_equal(record.err.stage, STAGE_INPUT);
    assert_int_equal(record.err.kind, ERR_BAD_LINE);
    assert_int_equal(record.err.detail, 7);
    assert_true(record.url.len == strlen(url) && memcmp(record.url.at, url, record.url.len) == 0);
    assert_string_equal(record.why, why);
    assert_null(record.name.at);
}

static void test_bad(void **state) {
    (void)state;
    static const char tabs[] = "more than one tab; a line is URL, tab, name";
    static const char none[] = "there is no URL before the tab";
    check_bad("u\tn\tx", 5, "u", tabs);
    check_bad("u\t\tx", 4, "u", tabs);
    check_bad("\tn", 2, "n", none);
    check_bad("  \tn", 4, "n", none);
    check_bad("\thttp://h/", 10, "http://h/", none);
    static const char nul[] = "a NUL byte in the line; is the file text in UTF-8?";
    assert_true(parse_bytes("u\0x", 3));
    assert_int_equal(record.err.kind, ERR_BAD_LINE);
    assert_string_equal(record.why, nul);
    assert_int_equal(record.url.len, 3);
    assert_true(parse_bytes("\0", 1));
    assert_int_equal(record.err.kind, ERR_BAD_LINE);
    assert_true(parse_bytes("{\"url\":\"u\0\"}", 12));
    assert_int_equal(record.err.kind, ERR_BAD_LINE);
    assert_false(parse_bytes("#\0", 2)); /* a comment may hold anything */
}

static void test_shown_url_is_short(void **state) {
    (void)state;
    static char line[10000];
    memset(line, 'u', sizeof line);
    line[9000] = '\t';
    line[9001] = '\t';
    assert_true(parse_bytes(line, sizeof line));
    assert_int_equal(record.err.kind, ERR_BAD_LINE);
    assert_int_equal(record.url.len, LINE_URL_SHOWN_MAX);
    memset(line, 'u', sizeof line);
    assert_true(parse_bytes(line, sizeof line));
    assert_int_equal(record.url.len, sizeof line); /* good URLs are not cut */
}

static void test_too_long(void **state) {
    (void)state;
    assert_true(line_too_long(span_text("  http://h/"), 9, &record));
    assert_int_equal(record.err.kind, ERR_LINE_TOO_LONG);
    assert_int_equal(record.err.detail, 9);
    assert_int_equal(record.line, 9);
    assert_true(span_is(record.url, "http://h/"));
    assert_string_equal(record.why, "the line is longer than 1 MiB");
    assert_false(line_too_long(span_text(" # http://h/"), 9, &record));
    assert_true(line_too_long(span_text("   "), 9, &record));
    assert_int_equal(record.url.len, 0);
    assert_true(line_too_long(span_text("u"), UINT64_C(1) << 40, &record));
    assert_int_equal(record.err.detail, INT32_MAX);
    assert_true(record.line == UINT64_C(1) << 40);
}

static void test_one_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } table[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\nb\r\t\x1b[1m\x7f", "a?b???[1m?"},
        {"\xc3\xbc", "\xc3\xbc"},
        {"a\xc3", "a"},
        {"a\xe2\x82", "a"},
        {"a\xe2\x82\xac", "a\xe2\x82\xac"},
        {"a\xf0\x9f\x98", "a"},
        {"a\xf0\x9f\x98\x80", "a\xf0\x9f\x98\x80"},
        {"\x80", "\x80"},
        {"\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t size = strlen(table[i].text) + 1;
        char *text = (char *)guard_copy(table[i].text, size);
        input_one_line(text, size);
        assert_string_equal(text, table[i].want);
    }
    input_one_line(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent),   cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),      cmocka_unit_test(test_shown_url_is_short),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_one_line),
    };
    line_parser_init(&parser);
    int failed = cmocka_run_group_tests_name("input_line", tests, NULL, NULL);
    line_parser_deinit(&parser);
    return failed;
}
