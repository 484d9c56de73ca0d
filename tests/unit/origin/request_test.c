/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request_test.c: the origin's request parser: what it takes, what it refuses and with which
 * status, and that it reads no byte too far, however the head is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/origin/request.h"
#include "guard.h"

#define HOST "Host: a\r\n"

static struct request request;
static size_t used;
static unsigned status;

static enum step parse(const char *text) {
    size_t len = strlen(text);
    used = 0;
    return request_parse(&request, span_of(guard_copy(text, len), len), 0, &used, &status);
}

static void assert_refused(const char *text, unsigned expected) {
    assert_int_equal(parse(text), STEP_BAD);
    assert_int_equal(status, expected);
}

static void test_plain(void **state) {
    (void)state;
    const char *text = "GET /bytes/10?seed=3&x HTTP/1.1\r\nHost: a:80\r\nX-Y:  v w \t\r\n\r\nrest";
    assert_int_equal(parse(text), STEP_DONE);
    assert_int_equal(used, strlen(text) - 4);
    assert_true(span_is(request.method, "GET"));
    assert_true(span_is(request.target, "/bytes/10?seed=3&x"));
    assert_true(span_is(request.path, "/bytes/10"));
    assert_true(span_is(request.query, "seed=3&x"));
    assert_int_equal(request.minor, 1);
    assert_int_equal(request.field_count, 2);
    assert_true(span_is(request_field(&request, "x-y")->value, "v w"));
    assert_null(request_field(&request, "x-z"));
    assert_true(request.keep_alive);
    assert_false(request.is_head);
    assert_int_equal(request.length, 0);
    assert_int_equal(request.head.len, used);
}

static void test_every_cut(void **state) {
    (void)state;
    const char *text = "\r\nPUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n";
    size_t len = strlen(text);
    for (size_t cut = 0; cut < len; cut++) {
        const uint8_t *part = guard_copy(text, cut);
        assert_int_equal(request_parse(&request, span_of(part, cut), 0, &used, &status), STEP_MORE);
        const uint8_t *whole = guard_copy(text, len);
        assert_int_equal(request_parse(&request, span_of(whole, len), cut, &used, &status),
                         STEP_DONE);
        assert_int_equal(used, len);
        assert_int_equal(request.length, 5);
        assert_int_equal(request.head.len, len - 2);
    }
}

static void test_targets(void **state) {
    (void)state;
    assert_int_equal(parse("GET http://a:1/p?q HTTP/1.1\r\n" HOST "\r\n"), STEP_DONE);
    assert_true(span_is(request.path, "/p"));
    assert_true(span_is(request.query, "q"));
    assert_int_equal(parse("GET http://a HTTP/1.1\r\n" HOST "\r\n"), STEP_DONE);
    assert_true(span_is(request.path, "/"));
    assert_int_equal(parse("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), STEP_DONE);
    assert_int_equal(parse("GET /? HTTP/1.1\r\n" HOST "\r\n"), STEP_DONE);
    assert_int_equal(request.query.len, 0);
    assert_refused("GET * HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET a HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 501);
}

static void test_request_lines(void **state) {
    (void)state;
    assert_refused("GET  / HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET / HTTP/1.1 \r\n" HOST "\r\n", 400);
    assert_refused("GET /a b HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET /\r\n" HOST "\r\n", 400);
    assert_refused("G@T / HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET / http/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
    assert_refused("GET / HTTP/1.1\n" HOST "\r\n\r\n", 400);
    assert_refused("\x16\x03\x01", 400);
    assert_refused("\r\n\r\n\r\n\r\n\r\n\r\n", 400);
}

static void test_fields(void **state) {
    (void)state;
    assert_refused("GET / HTTP/1.1\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: b\nC: d\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: b\rC\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "Expect: magic\r\n\r\n", 417);
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), STEP_DONE);
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "A:\r\n\r\n"), STEP_DONE);
    assert_int_equal(request_field(&request, "a")->value.len, 0);
}

static void test_connection(void **state) {
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n"), STEP_DONE);
    assert_false(request.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), STEP_DONE);
    assert_false(request.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), STEP_DONE);
    assert_true(request.keep_alive);
    assert_int_equal(parse("HEAD / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n"), STEP_DONE);
    assert_true(request.expects_continue);
    assert_true(request.is_head);
    assert_int_equal(parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), STEP_DONE);
    assert_false(request.expects_continue);
}

static void test_bodies(void **state) {
    (void)state;
#define POST "POST / HTTP/1.1\r\n" HOST
    assert_int_equal(parse(POST "Content-Length: 12\r\n\r\n"), STEP_DONE);
    assert_int_equal(request.length, 12);
    assert_false(request.is_chunked);
    assert_int_equal(parse(POST "Transfer-Encoding: Chunked\r\n\r\n"), STEP_DONE);
    assert_true(request.is_chunked);
    assert_refused(POST "Content-Length: +1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: \r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1, 1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 9999999999999999999\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    assert_refused(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    assert_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    /* What one request said must not reach the next. */
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "\r\n"), STEP_DONE);
    assert_int_equal(request.length, 0);
    assert_false(request.is_chunked);
}

static void test_limits(void **state) {
    (void)state;
    static char text[REQUEST_HEAD_BYTES_MAX + 200];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "GET /", 5);
    assert_refused(text, 414);
    memcpy(text, "GET / HTTP/1.1\r\nHost: ", 22);
    assert_refused(text, 431);
    memcpy(text + sizeof text - 5, "\r\n\r\n", 4);
    assert_refused(text, 431);
    char *at = stpcpy(text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 1; i < REQUEST_FIELDS_MAX; i++)
        at = stpcpy(at, "A: b\r\n");
    strcpy(at, "\r\n");
    assert_int_equal(parse(text), STEP_DONE);
    assert_int_equal(request.field_count, REQUEST_FIELDS_MAX);
    strcpy(at, "A: b\r\n\r\n");
    assert_refused(text, 431);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),   cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_targets), cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_connection),
        cmocka_unit_test(test_bodies),  cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
