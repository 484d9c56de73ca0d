/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_json_test.c: lines that are JSON objects: what each member becomes, and what is said about bad ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "input/input_line.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX64_UPPER "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789ABCDEF"

static struct line_parser parser;
static struct input_record record;

static void parse(const char *line) {
    size_t len = strlen(line);
    memset(&record, 0x5a, sizeof record);
    assert_true(line_parse(&parser, span_of(guard_copy(line, len), len), 3, &record));
}

static void parse_good(const char *line) {
    parse(line);
    if (err_is(record.err))
        fail_msg("%s: %s", line, record.why);
    assert_null(record.why);
}

static void test_url_alone(void **state) {
    (void)state;
    parse_good("{\"url\":\"http://h/\"}");
    assert_true(span_is(record.url, "http://h/"));
    assert_int_equal(record.line, 3);
    assert_int_equal(record.size, -1);
    assert_null(record.name.at);
    assert_null(record.tag.at);
    assert_null(record.method.at);
    assert_null(record.headers);
    assert_int_equal(record.header_count, 0);
    assert_null(record.body.at);
    assert_null(record.sha256.at);
    parse_good("  { \"url\" : \"http://h/[1-2]\" }\t ");
    assert_true(span_is(record.url, "http://h/[1-2]"));
}

static void test_all_members(void **state) {
    (void)state;
    parse_good(
        "{\"url\":\"u\",\"path\":\"a/b\",\"method\":\"POST\",\"headers\":{\"X-A\":\"1\",\"b\":"
        "\"\"},\"body\":\"x\\ny\\u0000z\",\"size\":42,\"sha256\":\"" HEX64_UPPER
        "\",\"tag\":\"t\\u00fc\"}");
    assert_true(span_is(record.url, "u"));
    assert_true(span_is(record.name, "a/b"));
    assert_true(span_is(record.method, "POST"));
    assert_int_equal(record.header_count, 2);
    assert_true(span_is(record.headers[0], "X-A: 1"));
    assert_int_equal(record.headers[0].at[record.headers[0].len], 0);
    assert_true(span_is(record.headers[1], "b;"));
    assert_int_equal(record.headers[1].at[record.headers[1].len], 0);
    assert_int_equal(record.body.len, 5);
    assert_memory_equal(record.body.at, "x\ny\0z", 5);
    assert_int_equal(record.size, 42);
    assert_true(span_is(record.sha256, HEX64));
    assert_true(span_is(record.tag, "t\xc3\xbc"));
}

static void test_null_is_absent(void **state) {
    (void)state;
    parse_good("{\"url\":\"u\",\"path\":null,\"method\":null,\"headers\":null,\"body\":null,"
               "\"size\":null,\"sha256\":null,\"tag\":null}");
    assert_null(record.name.at);
    assert_null(record.method.at);
    assert_null(record.headers);
    assert_null(record.body.at);
    assert_int_equal(record.size, -1);
    assert_null(record.sha256.at);
    assert_null(record.tag.at);
}

static void test_small_values(void **state) {
    (void)state;
    parse_good("{\"url\":\"u\",\"body\":\"\",\"size\":0,\"tag\":\"\",\"headers\":{}}");
    assert_non_null(record.body.at);
    assert_int_equal(record.body.len, 0);
    assert_int_equal(record.size, 0);
    assert_non_null(record.tag.at);
    assert_int_equal(record.header_count, 0);
    parse_good("{\"url\":\"u\",\"headers\":[]}");
    assert_int_equal(record.header_count, 0);
    parse_good("{\"url\":\"u\",\"size\":9223372036854775807}");
    assert_true(record.size == INT64_MAX);
}

static void test_header_array(void **state) {
    (void)state;
    parse_good("{\"url\":\"u\",\"headers\":[\"A: 1\",\"A: 2\",\"Gone:\",\"Empty;\",\"C:d:e\"]}");
    static const char *const want[] = {"A: 1", "A: 2", "Gone:", "Empty;", "C:d:e"};
    assert_int_equal(record.header_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(span_is(record.headers[i], want[i]));
        assert_int_equal(record.headers[i].at[record.headers[i].len], 0);
    }
}

/* Buffers grow with the record that needs it, and the next record reuses them. */
static void test_many_headers(void **state) {
    (void)state;
    for (unsigned count = 1; count <= 3000; count = count * 3 + 1) {
        char *line = malloc(count * 40 + 100), *to = line;
        to += sprintf(to, "{\"url\":\"u\",\"headers\":{");
        for (unsigned i = 0; i < count; i++)
            to += sprintf(to, "%s\"Name-%u\":\"value %u\"", i ? "," : "", i, i);
        strcpy(to, "}}");
        parse_good(line);
        free(line);
        assert_int_equal(record.header_count, count);
        char want[60];
        for (unsigned i = 0; i < count; i++) {
            sprintf(want, "Name-%u: value %u", i, i);
            assert_true(span_is(record.headers[i], want));
        }
    }
}

struct refusal {
    const char *members; /* after "url" */
    const char *why;
};

static const struct refusal refusals[] = {
    {"\"path\":1", "member \"path\" must be a string"},
    {"\"path\":\"\"", "member \"path\" is empty"},
    {"\"path\":[]", "member \"path\" must be a string"},
    {"\"path\":\"a\\u0000\"", "member \"path\": a NUL character"},
    {"\"method\":\"\"", "member \"method\": not a valid method"},
    {"\"method\":\"GET /\"", "member \"method\": not a valid method"},
    {"\"method\":\"G\\r\\nX\"", "member \"method\": not a valid method"},
    {"\"method\":\"\\u00fc\"", "member \"method\": not a valid method"},
    {"\"method\":7", "member \"method\" must be a string"},
    {"\"method\":\"A\\u0000\"", "member \"method\": a NUL character"},
    {"\"body\":{}", "member \"body\" must be a string"},
    {"\"body\":false", "member \"body\" must be a string"},
    {"\"tag\":17", "member \"tag\" must be a string"},
    {"\"tag\":\"\\u0000\"", "member \"tag\": a NUL character"},
    {"\"size\":-1", "member \"size\" must be an integer, 0 or more"},
    {"\"size\":1.0", "member \"size\" must be an integer, 0 or more"},
    {"\"size\":\"1\"", "member \"size\" must be an integer, 0 or more"},
    {"\"size\":true", "member \"size\" must be an integer, 0 or more"},
    {"\"sha256\":\"\"", "member \"sha256\" must be 64 hex digits"},
    {"\"sha256\":\"" HEX64 "0\"", "member \"sha256\" must be 64 hex digits"},
    {"\"sha256\":\"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
     "member \"sha256\" must be 64 hex digits"},
    {"\"sha256\":5", "member \"sha256\" must be 64 hex digits"},
    {"\"Tag\":\"x\"", "unknown member \"Tag\""},
    {"\"hedaers\":{}", "unknown member \"hedaers\""},
    {"\"\":null", "unknown member \"\""},
    {"\"a\\u001b\\n\":1", "unknown member \"a??\""},
    {"\"headers\":\"A: b\"", "member \"headers\" must be an object or an array"},
    {"\"headers\":{\"A\":1}", "member \"headers\", field \"A\": must be a string"},
    {"\"headers\":{\"A\":null}", "member \"headers\", field \"A\": must be a string"},
    {"\"headers\":{\"\":\"x\"}", "member \"headers\", field \"\": not a valid field name"},
    {"\"headers\":{\"A b\":\"x\"}", "member \"headers\", field \"A b\": not a valid field name"},
    {"\"headers\":{\"A:\":\"x\"}", "member \"headers\", field \"A:\": not a valid field name"},
    {"\"headers\":{\"A\\n\":\"x\"}", "member \"headers\", field \"A?\": not a valid field name"},
    {"\"headers\":{\"A\":\"x\\ny\"}", "member \"headers\", field \"A\": a line break in the value"},
    {"\"headers\":{\"A\":\"x\\r\"}", "member \"headers\", field \"A\": a line break in the value"},
    {"\"headers\":{\"A\":\"\\u0000\"}",
     "member \"headers\", field \"A\": a NUL character in the value"},
    {"\"headers\":[1]", "member \"headers\", element 1: must be a string"},
    {"\"headers\":[\"A: b\",\"\"]", "member \"headers\", element 2: not \"Name: value\""},
    {"\"headers\":[\"A\"]", "member \"headers\", element 1: not \"Name: value\""},
    {"\"headers\":[\": b\"]", "member \"headers\", element 1: not a valid field name"},
    {"\"headers\":[\";\"]", "member \"headers\", element 1: not a valid field name"},
    {"\"headers\":[\"A : b\"]", "member \"headers\", element 1: not a valid field name"},
    {"\"headers\":[\"A: b\\r\\nC: d\"]",
     "member \"headers\", element 1: a line break in the value"},
    {"\"headers\":[\"A: \\u0000\"]", "member \"headers\", element 1: a NUL character in the value"},
};

static void check_refusal(const char *line, const char *url, const char *why) {
    parse(line);
    assert_int_equal(record.err.stage, STAGE_INPUT);
    assert_int_equal(record.err.kind, ERR_BAD_JSON);
    assert_int_equal(record.err.detail, 3);
    assert_string_equal(record.why, why);
    if (!span_is(record.url, url))
        fail_msg("%s: the URL is \"%.*s\"", line, (int)record.url.len, record.url.at);
}

/* Whether the bad member comes before the URL or after it, the record shows the URL. */
static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char line[400];
        snprintf(line, sizeof line, "{\"url\":\"http://h/\",%s}", refusals[i].members);
        check_refusal(line, "http://h/", refusals[i].why);
        snprintf(line, sizeof line, "{%s,\"url\":\"http://h/\"}", refusals[i].members);
        check_refusal(line, "http://h/", refusals[i].why);
    }
}

static void test_url_refusals(void **state) {
    (void)state;
    static const struct {
        const char *line, *why;
    } table[] = {
        {"{}", "member \"url\" is missing"},
        {"{\"tag\":\"x\"}", "member \"url\" is missing"},
        {"{\"url\":null}", "member \"url\" is missing"},
        {"{\"url\":1}", "member \"url\" must be a string"},
        {"{\"url\":\"\"}", "member \"url\" is empty"},
        {"{\"url\":\"a\\u0000b\"}", "member \"url\": a NUL character"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_refusal(table[i].line, table[i].line, table[i].why);
}

static void test_syntax(void **state) {
    (void)state;
    static const struct {
        const char *line, *url, *position;
    } table[] = {
        {"{", NULL, " at byte 1"},
        {"{]", NULL, " at byte 2"},
        {"{\"url\"}", NULL, " at byte 7"},
        {"{\"url\":\"u\"", NULL, " at byte 10"},
        {"{\"url\":\"u\"} x", NULL, " at byte 13"},
        {"{\"url\":\"u\"}{}", NULL, " at byte 12"},
        {"{\"url\":\"\xff\"}", NULL, " at byte 8"},
        {"{\"url\":\"\\ud800\"}", NULL, ""},
        {"{'url':'u'}", NULL, " at byte 2"},
        {"{\"url\":\"u\",}", NULL, " at byte 12"},
        {"{\"url\":\"u\",\"size\":99999999999999999999}", NULL, ""},
        {"{\"url\":\"u\",\"tag\":\"a\",\"tag\":\"b\"}", "u", " at byte 26"},
        {"{\"url\":\"u\",\"headers\":{\"A\":\"1\",\"A\":\"2\"}}", "u", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        parse(table[i].line);
        assert_int_equal(record.err.kind, ERR_BAD_JSON);
        assert_true(span_is(record.url, table[i].url ? table[i].url : table[i].line));
        if (!strstr(record.why, table[i].position) || !strstr(record.why, " at byte "))
            fail_msg("%s: %s", table[i].line, record.why);
    }
}

/* jansson quotes the text it stumbles over; what it quotes must not reach a terminal as it is. */
static void test_why_is_one_line(void **state) {
    (void)state;
    parse("{\"url\":\"u\x1b[2J\x07\"}");
    assert_int_equal(record.err.kind, ERR_BAD_JSON);
    for (const char *at = record.why; *at; at++)
        assert_true((uint8_t)*at >= ' ' && *at != 0x7f);
    char line[500] = "{\"url\":\"u\",\"";
    for (int i = 0; i < 150; i++)
        strcat(line, "\xc3\xbc");
    strcat(line, "\":1}");
    parse(line);
    assert_int_equal(record.err.kind, ERR_BAD_JSON);
    assert_true(strlen(record.why) < LINE_WHY_BYTES);
}

static void test_deep_nesting(void **state) {
    (void)state;
    size_t depth = 200000;
    char *line = malloc(depth + 20);
    size_t begin = (size_t)sprintf(line, "{\"url\":");
    memset(line + begin, '[', depth);
    line[begin + depth] = 0;
    parse(line);
    assert_int_equal(record.err.kind, ERR_BAD_JSON);
    assert_int_equal(record.url.len, LINE_URL_SHOWN_MAX);
    free(line);
}

/* A good line cut anywhere is a record with an error, never a crash. */
static void test_every_prefix(void **state) {
    (void)state;
    static const char line[] = "{\"url\":\"http://h/\",\"headers\":{\"A\":\"b\"},\"size\":5,"
                               "\"sha256\":\"" HEX64 "\",\"tag\":\"\xc3\xbc\"}";
    char part[sizeof line];
    for (size_t len = 1; len < sizeof line - 1; len++) {
        memcpy(part, line, len);
        part[len] = 0;
        parse(part);
        assert_int_equal(record.err.kind, ERR_BAD_JSON);
    }
    parse_good(line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_alone),      cmocka_unit_test(test_all_members),
        cmocka_unit_test(test_null_is_absent), cmocka_unit_test(test_small_values),
        cmocka_unit_test(test_header_array),   cmocka_unit_test(test_many_headers),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_url_refusals),
        cmocka_unit_test(test_syntax),         cmocka_unit_test(test_why_is_one_line),
        cmocka_unit_test(test_deep_nesting),   cmocka_unit_test(test_every_prefix),
    };
    line_parser_init(&parser);
    int failed = cmocka_run_group_tests_name("input_json", tests, NULL, NULL);
    line_parser_deinit(&parser);
    return failed;
}
