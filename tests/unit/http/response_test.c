/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * response_test.c: heads of responses, good and bad. Every case is parsed whole and cut at every byte (short ones at every
 * pair of bytes), each part at the edge of a forbidden page: the verdict and every span must be the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "guard.h"
#include "http/response.h"

enum { TEXT_MAX = 1 << 18 };

/* What a parse said, in a form that doesn't depend on where the bytes lay. */
static size_t verdict_write(char *text, size_t room, enum step step, struct err err, size_t len,
                            const struct response_head *head) {
    if (step != STEP_DONE)
        return (size_t)snprintf(text, room, "%s",
                                step == STEP_MORE ? "more" : err_kind_name(err.kind));
    size_t at = (size_t)snprintf(text, room, "%zu 1.%u %u [%.*s]", len, head->minor, head->status,
                                 (int)head->reason.len, (const char *)head->reason.at);
    for (unsigned i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->field[i];
        at += (size_t)snprintf(text + at, room - at, " %.*s=[%.*s]", (int)field->name.len,
                               (const char *)field->name.at, (int)field->value.len,
                               (const char *)field->value.at);
        assert_true(at < room);
    }
    return at;
}

/* Feeds the input as it grows to each of `cuts` and then to its whole length. */
static void verdict_of(char *text, const char *input, size_t len, const size_t *cuts,
                       unsigned count) {
    struct response_head head;
    struct err err = ERR_OK;
    size_t seen = 0, head_bytes = 0;
    for (unsigned i = 0; i <= count; i++) {
        size_t now = i < count ? cuts[i] : len;
        const uint8_t *bytes = guard_copy(input, now);
        memset(&head, 0xee, sizeof head);
        enum step step = response_head_parse(&head, span_of(bytes, now), seen, &head_bytes, &err);
        seen = now;
        if (step == STEP_MORE && i < count)
            continue;
        if (step == STEP_BAD)
            assert_int_equal(err.stage, STAGE_HEAD);
        verdict_write(text, TEXT_MAX, step, err, head_bytes, &head);
        return;
    }
}

static void check(const char *input, size_t len, const char *expected) {
    static char text[TEXT_MAX];
    verdict_of(text, input, len, NULL, 0);
    if (strcmp(text, expected))
        fail_msg("%s\n  said  %s\n  wants %s", input, text, expected);
    for (size_t a = 0; a <= len; a++) {
        verdict_of(text, input, len, &a, 1);
        if (strcmp(text, expected))
            fail_msg("%s\n  cut at %zu\n  said  %s\n  wants %s", input, a, text, expected);
        for (size_t b = a; b <= len && len <= 70; b++) {
            size_t cuts[] = {a, b};
            verdict_of(text, input, len, cuts, 2);
            if (strcmp(text, expected))
                fail_msg("%s\n  cut at %zu and %zu\n  said  %s", input, a, b, text);
        }
    }
}

struct head_case {
    const char *input;
    size_t len;
    const char *expected;
};
#define CASE(input, expected)                                                                      \
    { input, sizeof(input) - 1, expected }

static void check_all(const struct head_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++)
        check(cases[i].input, cases[i].len, cases[i].expected);
}
#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof((cases)[0]))

#define OK "HTTP/1.1 200 OK\r\n"

static void test_good(void **state) {
    (void)state;
    static const struct head_case cases[] = {
        CASE("HTTP/1.1 200 OK\r\n\r\n", "19 1.1 200 [OK]"),
        CASE("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1", "19 1.1 200 [OK]"),
        CASE("HTTP/1.0 404 Not Found\r\n\r\n\r\n\r\n", "26 1.0 404 [Not Found]"),
        CASE("HTTP/1.1 200 \r\n\r\n", "17 1.1 200 []"),
        CASE("HTTP/1.1 200\r\n\r\n", "16 1.1 200 []"),
        CASE("HTTP/1.1 200\n\n", "14 1.1 200 []"),
        CASE("HTTP/1.1 200 OK\n\r\n", "18 1.1 200 [OK]"),
        CASE("HTTP/1.1 200 OK\nA: b\n\nx", "22 1.1 200 [OK] A=[b]"),
        CASE("HTTP/1.9 100 \xc3\xa4\x80\tb\r\n\r\n", "22 1.9 100 [\xc3\xa4\x80\tb]"),
        CASE("HTTP/1.1 999 Denied\r\n\r\n", "23 1.1 999 [Denied]"),
        CASE("\r\nHTTP/1.1 200 OK\r\n\r\n", "21 1.1 200 [OK]"),
        CASE("\n\r\nHTTP/1.1 200 OK\r\n\r\n", "22 1.1 200 [OK]"),
        CASE("\r\n\r\nHTTP/1.1 200 OK\n\n", "21 1.1 200 [OK]"),
        CASE(OK "A:b\r\n\r\n", "24 1.1 200 [OK] A=[b]"),
        CASE(OK "A: \t b c \t \r\n\r\n", "32 1.1 200 [OK] A=[b c]"),
        CASE(OK "A:\r\nB:  \r\nC: d\r\n\r\n", "35 1.1 200 [OK] A=[] B=[] C=[d]"),
        CASE(OK "A: b:c;d=\"e\"\r\na: 2\r\n\r\n", "39 1.1 200 [OK] A=[b:c;d=\"e\"] a=[2]"),
        CASE(OK "!#$%&'*+-.^_`|~09azAZ: \x80\xff\r\n\r\n",
             "46 1.1 200 [OK] !#$%&'*+-.^_`|~09azAZ=[\x80\xff]"),
        CASE(OK "A: a\tlong value\x01with\x1b"
                "some\x7f"
                "controls\tin it\r\n\r\n",
             "61 1.1 200 [OK] A=[a\tlong value\x01with\x1b"
             "some\x7f"
             "controls\tin it]"),
        CASE(OK "Server: nginx/1.22.1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                "Content-Type: text/html\r\nContent-Length: 615\r\n\r\n<html>",
             "124 1.1 200 [OK] Server=[nginx/1.22.1] Date=[Sun, 06 Nov 1994 08:49:37 GMT] "
             "Content-Type=[text/html] Content-Length=[615]"),
    };
    CHECK_ALL(cases);
}

static void test_bad(void **state) {
    (void)state;
    static const struct head_case cases[] = {
        CASE("<html>hello</html>\r\n\r\n", "http-0.9"),
        CASE("SSH-2.0-OpenSSH_9.2\r\n", "http-0.9"),
        CASE("HTTX", "http-0.9"),
        CASE("HTTP 200 OK\r\n\r\n", "http-0.9"),
        CASE("http/1.1 200 OK\r\n\r\n", "http-0.9"),
        CASE("ICY 200 OK\r\n\r\n", "http-0.9"),
        CASE(" HTTP/1.1 200 OK\r\n\r\n", "http-0.9"),
        CASE("\rHTTP/1.1 200 OK\r\n\r\n", "http-0.9"),
        CASE("\0HTTP/1.1 200 OK\r\n\r\n", "http-0.9"),
        CASE("\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "http-0.9"),
        CASE("\n\n\n", "http-0.9"),
        CASE("HTTP/2 200\r\n\r\n", "bad-status-line"),
        CASE("HTTP/2.0 200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/0.9 200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/11.1 200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.10 200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.x 200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1. 200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1\r\n\r\n", "bad-status-line"),
        CASE("HTTP/\n\n", "bad-status-line"),
        CASE("HTTP/1.1 \r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 20\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 20\n\n", "bad-status-line"),
        CASE("HTTP/1.1 20 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 2000 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 099 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 -20 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 2x0 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1  200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1\t200 OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 200\tOK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 200OK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 200 O\rK\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 200 OK\r\r\n\r\n", "bad-status-line"),
        CASE("HTTP/1.1 200\r \n\n", "bad-status-line"),
        CASE("HTTP/1.1 200 O\0K\r\n\r\n", "bad-status-line"),
        CASE(OK "A : b\r\n\r\n", "bad-field"),
        CASE(OK "A\t: b\r\n\r\n", "bad-field"),
        CASE(OK " A: b\r\n\r\n", "bad-field"),
        CASE(OK "A: b\r\n c\r\n\r\n", "bad-field"),
        CASE(OK "A: b\r\n\tc: d\r\n\r\n", "bad-field"),
        CASE(OK ": b\r\n\r\n", "bad-field"),
        CASE(OK "A\r\n\r\n", "bad-field"),
        CASE(OK "A\n\n", "bad-field"),
        CASE(OK "A B: c\r\n\r\n", "bad-field"),
        CASE(OK "A(: c\r\n\r\n", "bad-field"),
        CASE(OK "A\x80: c\r\n\r\n", "bad-field"),
        CASE(OK "A\0: c\r\n\r\n", "bad-field"),
        CASE(OK "A: b\0c\r\n\r\n", "bad-field"),
        CASE(OK "A: long enough for a word\0c\r\n\r\n", "bad-field"),
        CASE(OK "A: b\rc\r\n\r\n", "bad-field"),
        CASE(OK "A: b\r\r\n\r\n", "bad-field"),
        CASE(OK "A: b\r\n\rB: c\r\n\r\n", "bad-field"),
        CASE(OK "A: long enough for two words\rSet-Cookie: c\r\n\r\n", "bad-field"),
    };
    CHECK_ALL(cases);
}

static void test_more(void **state) {
    (void)state;
    static const struct head_case cases[] = {
        CASE("", "more"),
        CASE("\r", "more"),
        CASE("\r\n\r", "more"),
        CASE("\n\n", "more"),
        CASE("HTTP", "more"),
        CASE("HTTP/", "more"),
        CASE("\r\nHTTP/1.1 2", "more"),
        CASE("HTTP/3.14 nonsense\r\n", "more"), /* a fault counts once the head is whole */
        CASE("HTTP/1.1 200 OK\r\n", "more"),
        CASE("HTTP/1.1 200 OK\r\n\r", "more"),
        CASE(OK "A", "more"),
        CASE(OK "A:", "more"),
        CASE(OK "A: b\r", "more"),
        CASE(OK "A: b\r\n", "more"),
        CASE(OK "A: b\r\n\r", "more"),
        CASE(OK "A: b\r\n\rB\r\n", "more"),
    };
    CHECK_ALL(cases);
}

/* Verdict of `len` bytes, whole and in three parts. */
static void check_large(const char *input, size_t len, const char *begins) {
    static char text[TEXT_MAX];
    size_t cuts[] = {len / 3, len - 1};
    for (unsigned count = 0; count <= 2; count++) {
        verdict_of(text, input, len, cuts, count);
        if (strncmp(text, begins, strlen(begins)))
            fail_msg("%zu bytes: %.60s", len, text);
    }
}

static void test_limit_of_fields(void **state) {
    (void)state;
    static char input[TEXT_MAX];
    for (unsigned count = HEAD_FIELDS_MAX; count <= HEAD_FIELDS_MAX + 1; count++) {
        size_t len = (size_t)sprintf(input, OK);
        for (unsigned i = 0; i < count; i++)
            len += (size_t)sprintf(input + len, "F%u: %u\r\n", i, i);
        len += (size_t)sprintf(input + len, "\r\n");
        check_large(input, len,
                    count > HEAD_FIELDS_MAX ? "head-too-large" : "2615 1.1 200 [OK] F0=");
    }
}

static void test_limit_of_bytes(void **state) {
    (void)state;
    static char input[TEXT_MAX];
    for (size_t total = HEAD_BYTES_MAX - 1; total <= HEAD_BYTES_MAX + 5; total++) {
        char expected[32];
        memset(input, 'x', sizeof input);
        memcpy(input, OK "A: ", 20);
        memcpy(input + total - 4, "\r\n\r\n", 4);
        snprintf(expected, sizeof expected, "%zu 1.1 200 [OK] A=[xx", total);
        check_large(input, total, total > HEAD_BYTES_MAX ? "head-too-large" : expected);
        check_large(input, total + 9, total > HEAD_BYTES_MAX ? "head-too-large" : expected);
    }
    memset(input, 'x', sizeof input);
    memcpy(input, OK "A: ", 20);
    check_large(input, HEAD_BYTES_MAX - 1, "more");
    check_large(input, HEAD_BYTES_MAX, "head-too-large");
    memcpy(input + 30, "\r\n\rbad",
           6); /* a fault in a head that never ends is still a head too large */
    check_large(input, HEAD_BYTES_MAX, "head-too-large");
}

/* Random text over the bytes that matter: whatever it is, cutting it changes nothing. */
static void test_random(void **state) {
    (void)state;
    static const char *const words[] = {
        "HTTP/1.1 200 OK",      "\r\n",    "\r\n", "\n", "\r", ":", " ", "A: b\r\n", "\t", "Name",
        "value of some length", "\r\n\r\n"};
    static char whole[TEXT_MAX];
    struct random random;
    random_seed(&random, 7);
    for (unsigned round = 0; round < 3000; round++) {
        char input[512] = OK;
        size_t len = random_below(&random, 8) ? sizeof OK - 1 : 0;
        for (uint64_t left = random_below(&random, 14); left; left--) {
            const char *word = words[random_below(&random, sizeof words / sizeof words[0])];
            memcpy(input + len, word, strlen(word));
            len += strlen(word);
        }
        input[len] = '\0';
        verdict_of(whole, input, len, NULL, 0);
        check(input, len, whole);
    }
}

static struct response_head head_of(const char *fields, const char *status_line) {
    static char input[4096];
    static struct response_head head;
    size_t len = (size_t)snprintf(input, sizeof input, "%s\r\n%s\r\n", status_line, fields),
           head_bytes;
    struct err err;
    const uint8_t *bytes = guard_copy(input, len);
    assert_int_equal(response_head_parse(&head, span_of(bytes, len), 0, &head_bytes, &err),
                     STEP_DONE);
    assert_int_equal(head_bytes, len);
    return head;
}

static void test_look_up(void **state) {
    (void)state;
    struct response_head head =
        head_of("Vary: Accept, ,*\r\nSET-Cookie: a\r\nset-cookie: b\r\nvary:\tOrigin\r\nX:\r\n",
                "HTTP/1.1 200 OK");
    assert_true(span_is(response_field(&head, "set-cookie")->value, "a"));
    assert_true(span_is(response_field(&head, "x")->value, ""));
    assert_null(response_field(&head, "cookie"));
    assert_null(response_field(&head, "set-cookie2"));
    assert_true(response_field_has(&head, "vary", "accept"));
    assert_true(response_field_has(&head, "vary", "*"));
    assert_true(response_field_has(&head, "vary", "ORIGIN"));
    assert_false(response_field_has(&head, "vary", "acc"));
    assert_false(response_field_has(&head, "vary", "accept, "));
    assert_false(response_field_has(&head, "x", "y"));
    assert_false(response_field_has(&head, "y", ""));
}

struct framing_case {
    const char *status_line, *fields,
        *expected; /* framing length [keep]; "N" NONE, "L", "C", "U", or the error */
};

static void framing_write(char *text, size_t room, const struct framing_case *c, bool head_method) {
    struct response_head head = head_of(c->fields, c->status_line);
    struct response_framing framing;
    struct err err;
    if (response_framing(&framing, &head, head_method, &err) == STEP_BAD)
        snprintf(text, room, "%s", err_kind_name(err.kind));
    else
        snprintf(text, room, "%c %lld%s", "NLCU"[framing.framing], (long long)framing.length,
                 framing.keep_alive ? " keep" : "");
}

static void check_framing(const struct framing_case *cases, size_t count, bool head_method) {
    for (size_t i = 0; i < count; i++) {
        char text[64];
        framing_write(text, sizeof text, &cases[i], head_method);
        if (strcmp(text, cases[i].expected))
            fail_msg("%s: %s\n  said  %s\n  wants %s", cases[i].status_line, cases[i].fields, text,
                     cases[i].expected);
    }
}

#define L "Content-Length: "
#define T "Transfer-Encoding: "
#define E "\r\n"
static const char ok11[] = "HTTP/1.1 200 OK", ok10[] = "HTTP/1.0 200 OK";

static void test_framing_length(void **state) {
    (void)state;
    static const struct framing_case cases[] = {
        {ok11, L "5" E, "L 5 keep"},
        {ok11, L "0" E, "N 0 keep"},
        {ok11, L "000" E, "N 0 keep"},
        {ok11, "content-LENGTH:005" E, "L 5 keep"},
        {ok11, L "9223372036854775807" E, "L 9223372036854775807 keep"},
        {ok11, L "5, 5" E, "L 5 keep"},
        {ok11, L "5" E L "5" E, "L 5 keep"},
        {ok11, L "5" E L "6" E, "bad-length"},
        {ok11, L "5, 6" E, "bad-length"},
        {ok11, L "5," E, "bad-length"},
        {ok11, L "9223372036854775808" E, "bad-length"},
        {ok11, L "99999999999999999999" E, "bad-length"},
        {ok11, L "18446744073709551621" E, "bad-length"},
        {ok11, L "+5" E, "bad-length"},
        {ok11, L "-1" E, "bad-length"},
        {ok11, L "0x10" E, "bad-length"},
        {ok11, L "5 5" E, "bad-length"},
        {ok11, L "5.0" E, "bad-length"},
        {ok11, L "" E, "bad-length"},
        {ok11, L "5" E L "" E, "bad-length"},
        {ok11,
         L "\x0b"
           "5" E,
         "bad-length"},
        {"HTTP/1.1 204 No", L "x" E, "bad-length"},
        {ok11, T "chunked" E L "x" E, "bad-length"},
        {ok11, "X-Content-Length: 5" E, "U -1"},
        {ok11, "", "U -1"},
        {"HTTP/1.1 500 No", L "5" E, "L 5 keep"},
        {"HTTP/1.1 205 No", L "5" E, "L 5 keep"},
    };
    check_framing(cases, sizeof cases / sizeof cases[0], false);
}

static void test_framing_coding(void **state) {
    (void)state;
    static const struct framing_case cases[] = {
        {ok11, T "chunked" E, "C -1 keep"},
        {ok11, T " CHUNKED\t" E, "C -1 keep"},
        {ok11, T ", chunked," E, "C -1 keep"},
        {ok11, T "" E T "chunked" E, "C -1 keep"},
        {ok11, T "chunked" E L "5" E, "C -1"},
        {ok11, L "5" E T "chunked" E, "C -1"},
        {ok10, T "chunked" E "Connection: keep-alive" E, "C -1"},
        {ok11, T "gzip, chunked" E, "bad-transfer-encoding"},
        {ok11, T "gzip" E T "chunked" E, "bad-transfer-encoding"},
        {ok11, T "chunked, chunked" E, "bad-transfer-encoding"},
        {ok11, T "chunked" E T "chunked" E, "bad-transfer-encoding"},
        {ok11, T "chunked, identity" E, "bad-transfer-encoding"},
        {ok11, T "chunked" E T "identity" E, "bad-transfer-encoding"},
        {ok11, T "identity" E L "5" E, "bad-transfer-encoding"},
        {ok11, T "chunked;q=1" E, "bad-transfer-encoding"},
        {ok11, T "xchunked" E, "bad-transfer-encoding"},
        {ok11, T "chunked x" E, "bad-transfer-encoding"},
        {ok11,
         T "\x0b"
           "chunked" E,
         "bad-transfer-encoding"},
        {ok11, T "" E L "5" E, "bad-transfer-encoding"},
        {ok11, T "\"chunked\"" E, "bad-transfer-encoding"},
    };
    check_framing(cases, sizeof cases / sizeof cases[0], false);
}

static void test_framing_none(void **state) {
    (void)state;
    static const struct framing_case bodiless[] = {
        {"HTTP/1.1 100 Go", "", "N 0 keep"},
        {"HTTP/1.1 103 Go", "Link: a" E, "N 0 keep"},
        {"HTTP/1.1 103 Go", L "5" E, "N 0"},
        {"HTTP/1.1 204 No", "", "N 0 keep"},
        {"HTTP/1.1 204 No", L "0" E, "N 0 keep"},
        {"HTTP/1.1 204 No", L "5" E, "N 0"},
        {"HTTP/1.1 204 No", T "chunked" E, "N 0"},
        {"HTTP/1.1 304 No", L "5" E, "N 0 keep"},
        {"HTTP/1.1 304 No", T "chunked" E, "N 0 keep"},
        {"HTTP/1.1 304 No", "Connection: close" E, "N 0"},
        {"HTTP/1.0 304 No", "", "N 0"},
    };
    static const struct framing_case to_head[] = {
        {ok11, L "5" E, "N 5 keep"},
        {ok11, L "0" E, "N 0 keep"},
        {ok11, "", "N -1 keep"},
        {ok11, T "chunked" E, "N -1 keep"},
        {ok11, T "gzip" E, "N -1 keep"},
        {ok11, T "chunked" E L "5" E, "N 5"},
        {ok11, L "5" E L "6" E, "bad-length"},
        {ok10, L "5" E, "N 5"},
        {"HTTP/1.1 404 No", L "7" E "Connection: close" E, "N 7"},
    };
    check_framing(bodiless, sizeof bodiless / sizeof bodiless[0], false);
    check_framing(to_head, sizeof to_head / sizeof to_head[0], true);
}

static void test_keep_alive(void **state) {
    (void)state;
    static const struct framing_case cases[] = {
        {ok11, L "5" E "Connection: close" E, "L 5"},
        {ok11, L "5" E "Connection: CLOSE" E, "L 5"},
        {ok11, L "5" E "Connection: upgrade, close" E, "L 5"},
        {ok11, L "5" E "Connection: x" E "Connection: close" E, "L 5"},
        {ok11, L "5" E "Connection: keep-alive, close" E, "L 5"},
        {ok11, L "5" E "Connection: closed" E, "L 5 keep"},
        {ok11, L "5" E "Connection: keep-alive" E, "L 5 keep"},
        {"HTTP/1.2 200 OK", L "5" E, "L 5 keep"},
        {ok10, L "5" E, "L 5"},
        {ok10, L "5" E "Connection: Keep-Alive" E, "L 5 keep"},
        {ok10, L "5" E "Connection: keep-alive, close" E, "L 5"},
        {ok10, "Connection: keep-alive" E, "U -1"},
        {ok11, "Connection: keep-alive" E, "U -1"},
    };
    check_framing(cases, sizeof cases / sizeof cases[0], false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),           cmocka_unit_test(test_bad),
        cmocka_unit_test(test_more),           cmocka_unit_test(test_limit_of_fields),
        cmocka_unit_test(test_limit_of_bytes), cmocka_unit_test(test_random),
        cmocka_unit_test(test_look_up),        cmocka_unit_test(test_framing_length),
        cmocka_unit_test(test_framing_coding), cmocka_unit_test(test_framing_none),
        cmocka_unit_test(test_keep_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
