/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request_test.c: request heads byte by byte, what users may put into them, dates, and what redirects do to methods.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"
#include "http/http_date.h"
#include "http/request.h"

enum { FIELDS_MAX = 16 };

static char href[URL_HREF_BYTES_MAX + 1];
static struct url url;
static struct http_field fields[FIELDS_MAX];

/* A head for `address` with the fields given in curl's notation; the list ends with NULL. */
static struct request_head head_of(const char *method, const char *address, ...) {
    struct request_head head = {.method = method, .url = &url, .extra = fields, .body_bytes = -1};
    va_list list;
    assert_int_equal(url_parse(&url, span_text(address), NULL, href, sizeof href), URL_OK);
    va_start(list, address);
    for (const char *text; (text = va_arg(list, const char *));)
        assert_true(request_field_parse(&fields[head.extra_count++], text));
    va_end(list);
    return head;
}

/* Also: the length is told without room, and a room that is exact is enough and not exceeded. */
static void check_head(const struct request_head *head, const char *expected) {
    size_t len = request_write(head, NULL, 0);
    char *memory = malloc(len + 1);
    assert_non_null(memory);
    memset(memory, 0, len + 1);
    char *edge = (char *)guard_copy(memory, len);
    assert_int_equal(request_write(head, edge, len), len);
    memcpy(memory, edge, len);
    assert_string_equal(memory, expected);
    for (size_t room = 0; room < len; room++) {
        edge = (char *)guard_copy(memory, room);
        assert_int_equal(request_write(head, edge, room), len);
    }
    free(memory);
}

static void test_write(void **state) {
    (void)state;
    struct request_head head = head_of("GET", "http://example.com", NULL);
    check_head(&head, "GET / HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n");
    head = head_of("HEAD", "https://[::1]:8443/a%20b?c=d&e#f", NULL);
    head.user_agent = "";
    check_head(&head, "HEAD /a%20b?c=d&e HTTP/1.1\r\nHost: [::1]:8443\r\nAccept: */*\r\n\r\n");
    head =
        head_of("POST", "http://name:password@example.com:80/x", "X-A: 1", "X-B;", "X-A: 2", NULL);
    head.user_agent = "ringfetch/1";
    head.authorization = span_text("Basic eA==");
    head.referer = "http://a/";
    head.range = span_text("bytes=0-499");
    head.if_range = span_text("\"tag\"");
    head.body_bytes = INT64_MAX;
    head.content_type = "text/plain";
    check_head(&head,
               "POST /x HTTP/1.1\r\nHost: example.com\r\nUser-Agent: ringfetch/1\r\nAccept: */*\r\n"
               "Authorization: Basic eA==\r\nReferer: http://a/\r\nRange: bytes=0-499\r\n"
               "If-Range: \"tag\"\r\nX-A: 1\r\nX-B: \r\nX-A: 2\r\nContent-Type: text/plain\r\n"
               "Content-Length: 9223372036854775807\r\n\r\n");
    head = head_of("PUT", "http://a/", NULL);
    head.body_bytes = 0;
    check_head(&head, "PUT / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n");
    head.body_bytes = 1000;
    check_head(&head, "PUT / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Length: 1000\r\n\r\n");
}

static void test_replace_and_remove(void **state) {
    (void)state;
    struct request_head head = head_of("POST", "http://a/", "accept: text/html", "USER-AGENT: mine",
                                       "Content-Type: a/b", "Range:", "Referer;", "X:", NULL);
    head.user_agent = "ringfetch/1";
    head.range = span_text("bytes=0-");
    head.referer = "http://b/";
    head.content_type = "text/plain";
    head.body_bytes = 3;
    check_head(&head, "POST / HTTP/1.1\r\nHost: a\r\naccept: text/html\r\nUSER-AGENT: "
                      "mine\r\nContent-Type: a/b\r\n"
                      "Referer: \r\nContent-Length: 3\r\n\r\n");
    head = head_of("GET", "http://a/", "X: y", "Host: other", "host: third", "Accept:", NULL);
    check_head(&head, "GET / HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n");
    head = head_of("GET", "http://a/", "Host:", "Authorization: mine", NULL);
    head.authorization = span_text("Basic eA==");
    check_head(&head, "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nAuthorization: mine\r\n\r\n");
}

static void test_secrets_stay(void **state) {
    (void)state;
    struct request_head head = head_of(
        "GET", "http://a/", "Cookie: a", "cookie2: b", "PROXY-AUTHORIZATION: c", "X-Api-Key: d",
        "X-Access-TOKEN: e", "My-Secret: f", "PHPSESSIONID: g", "passwords: h", "X-Credentials: i",
        "authorization: j", "Accept-Language: de", "Host: named", NULL);
    head.authorization = span_text("Basic eA==");
    head.secrets_stay = true;
    head.user_agent = "u";
    check_head(
        &head,
        "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: u\r\nAccept: */*\r\nAccept-Language: de\r\n\r\n");
    head = head_of("GET", "http://a/", "X: y", NULL);
    head.authorization = span_text("Basic eA==");
    head.secrets_stay = true;
    check_head(&head, "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX: y\r\n\r\n");
}

static void test_field_parse(void **state) {
    (void)state;
    static const struct {
        const char *text, *name, *value; /* value NULL: removes */
    } good[] = {
        {"A: b", "A", "b"},
        {"A:b", "A", "b"},
        {"A: \t b c \t", "A", "b c"},
        {"A:", "A", NULL},
        {"A: ", "A", NULL},
        {"A;", "A", ""},
        {"A; ", "A", ""},
        {"A: b: c;", "A", "b: c;"},
        {"A: \xc3\xa4", "A", "\xc3\xa4"},
        {"A:\tb\tc", "A", "b\tc"},
        {"x!#$%&'*+-.^_`|~9: \"", "x!#$%&'*+-.^_`|~9", "\""},
    };
    static const char *const bad[] = {
        "",           "A",        ":",        ": b",      ";",           " A: b",
        "A : b",      "A b: c",   "A;b",      "A; b",     "A: b\r",      "A: b\r\nC: d",
        "A: b\nC: d", "A\r\n: b", "A: b\x01", "A: b\x7f", "\xc3\xa4: b", "(A): b",
        "A\n",        "A;\r\n",
    };
    struct http_field field;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t size = strlen(good[i].text) + 1;
        assert_true(request_field_parse(&field, (const char *)guard_copy(good[i].text, size)));
        assert_true(span_is(field.name, good[i].name));
        assert_int_equal(field.value.at == NULL, good[i].value == NULL);
        assert_true(!good[i].value || span_is(field.value, good[i].value));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (request_field_parse(&field, (const char *)guard_copy(bad[i], strlen(bad[i]) + 1)))
            fail_msg("accepted: %s", bad[i]);
}

static void test_field_is_framing(void **state) {
    (void)state;
    static const char *const owned[] = {
        "Content-Length: 5", "TRANSFER-ENCODING: chunked", "connection:", "TE;",
        "Upgrade: h2c",      "expect: 100-continue",       "Trailer: a",  "Keep-Alive: 1"};
    static const char *const free_names[] = {"Content-Type: a", "Host: b", "TEE: c",
                                             "Content-Lengths: 5", "Accept: */*"};
    struct http_field field;
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        assert_true(request_field_parse(&field, owned[i]));
        assert_true(request_field_is_framing(&field));
    }
    for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++) {
        assert_true(request_field_parse(&field, free_names[i]));
        assert_false(request_field_is_framing(&field));
    }
}

static void test_methods(void **state) {
    (void)state;
    assert_true(request_method_is_valid("GET"));
    assert_true(request_method_is_valid("M-SEARCH"));
    assert_false(request_method_is_valid(""));
    assert_false(request_method_is_valid("GET "));
    assert_false(request_method_is_valid("GET / HTTP/1.1\r\nX:"));
    assert_true(request_method_is_idempotent("DELETE"));
    assert_false(request_method_is_idempotent("POST"));
    assert_false(request_method_is_idempotent("PATCH"));
    assert_false(request_method_is_idempotent("get"));
    assert_true(request_value_is_valid("Mozilla/5.0 (\xc3\xa4)\t"));
    assert_false(request_value_is_valid("a\r\nb: c"));
}

static void test_basic(void **state) {
    (void)state;
    static const struct {
        const char *user, *expected;
    } cases[] = {
        {"", "Basic "},
        {"a", "Basic YQ=="},
        {"a:", "Basic YTo="},
        {"a:b", "Basic YTpi"},
        {"Aladdin:open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, /* RFC 7617, 2 */
        {"test:123\xc2\xa3", "Basic dGVzdDoxMjPCow=="},                /* 2.1 */
        {"\xff\xff\xff\xfb\xf0", "Basic ////+/A="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].expected);
        char *memory = (char *)guard_copy(cases[i].expected, len);
        memset(memory, 'x', len);
        assert_int_equal(request_basic(cases[i].user, memory, len), len);
        assert_memory_equal(memory, cases[i].expected, len);
        assert_int_equal(request_basic(cases[i].user, memory, len - 1), 0);
    }
}

static void test_http_date(void **state) {
    (void)state;
    const int64_t now = 1767225600; /* 2026-01-01 00:00:00 */
    static const struct {
        const char *text;
        int64_t unix_s;
    } good[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 16 08:49:37 1994", 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
        {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
        {"Saturday, 31-Dec-05 23:59:60 GMT", 1136073600},
        {"Thursday, 01-Jan-76 00:00:00 GMT", 3345062400}, /* 50 years ahead, no more */
        {"Saturday, 01-Jan-77 00:00:00 GMT", 220924800},
    };
    static const char *const bad[] = {
        "",
        "now",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 29 Feb 2023 00:00:00 GMT",
        "Sun, 31 Apr 2023 00:00:00 GMT",
        "Sun, 00 Jan 2023 00:00:00 GMT",
        "Sun, 32 Jan 2023 00:00:00 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 06 08:49:37 1994 GMT",
        "Sun Nov 6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
    };
    int64_t unix_s;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t len = strlen(good[i].text);
        assert_true(http_date_parse(span_of(guard_copy(good[i].text, len), len), now, &unix_s));
        assert_int_equal(unix_s, good[i].unix_s);
        for (size_t part = 0; part < len; part++)
            assert_false(
                http_date_parse(span_of(guard_copy(good[i].text, part), part), now, &unix_s));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_date_parse(span_text(bad[i]), now, &unix_s))
            fail_msg("accepted: %s", bad[i]);
}

static void test_retry_after(void **state) {
    (void)state;
    const int64_t now = 784111777, day_ms = 86400000;
    static const struct {
        const char *value;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"120", 120000},
        {" 5\t", 5000},
        {"007", 7000},
        {"86399", 86399000},
        {"86401", 86400000},
        {"18446744073709551617", 86400000},
        {"99999999999999999999999999999999999999", 86400000},
        {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
        {"Sunday, 06-Nov-94 08:49:38 GMT", 1000},
        {"Sun Nov  6 08:49:37 1994", 0},
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 86400000},
        {"", -1},
        {"-1", -1},
        {"+1", -1},
        {"1.5", -1},
        {"1 s", -1},
        {"soon", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].value);
        assert_int_equal(retry_after_ms(span_of(guard_copy(cases[i].value, len), len), now),
                         cases[i].ms);
        assert_true(cases[i].ms <= day_ms);
    }
}

static void test_redirects(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *method, *next;
        bool drop;
    } cases[] = {
        {301, "GET", "GET", false},   {301, "POST", "GET", true},
        {301, "PUT", "PUT", false},   {301, "HEAD", "HEAD", false},
        {302, "POST", "GET", true},   {302, "DELETE", "DELETE", false},
        {303, "POST", "GET", true},   {303, "PUT", "GET", true},
        {303, "HEAD", "HEAD", false}, {303, "GET", "GET", false},
        {307, "POST", "POST", false}, {308, "PUT", "PUT", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool drop = !cases[i].drop;
        assert_string_equal(redirect_method(cases[i].status, cases[i].method, &drop),
                            cases[i].next);
        assert_int_equal(drop, cases[i].drop);
        assert_true(redirect_status(cases[i].status));
    }
    static const unsigned others[] = {0, 200, 201, 300, 304, 305, 306, 309, 400};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(redirect_status(others[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_replace_and_remove),
        cmocka_unit_test(test_secrets_stay),
        cmocka_unit_test(test_field_parse),
        cmocka_unit_test(test_field_is_framing),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_http_date),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_redirects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
