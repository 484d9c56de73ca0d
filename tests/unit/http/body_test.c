/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * body_test.c: bodies of every framing, fed whole, in pieces of 1 to n bytes, and cut at every byte, each piece at the
 * edge of a forbidden page. Random chunked bodies are compared with a decoder that sees everything at once.
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

enum { BYTES_MAX = 1 << 17 };

struct result {
    enum step step;
    enum err_kind kind;
    size_t taken, data_len;
    uint8_t data[BYTES_MAX];
};

/* Gives one piece; false when the body is whole or faulty. */
static bool feed(struct body_reader *reader, struct result *result, const char *bytes, size_t len) {
    struct span in = span_of(guard_copy(bytes, len), len), data;
    struct err err = ERR_OK;
    do {
        size_t before = in.len;
        result->step = body_feed(reader, &in, &data, &err);
        memcpy(result->data + result->data_len, data.at, data.len);
        result->data_len += data.len;
        result->taken += before - in.len;
        assert_true(data.len <= before - in.len);
        assert_true(result->step != STEP_MORE || before > in.len || !len);
    } while (result->step == STEP_MORE && in.len);
    result->kind = (enum err_kind)err.kind;
    if (result->step == STEP_BAD)
        assert_int_equal(err.stage, STAGE_BODY);
    return result->step == STEP_MORE;
}

/* `cuts` are growing offsets; the last piece reaches to `len`. */
static void feed_cut(struct result *result, struct response_framing framing, const char *bytes,
                     size_t len, const size_t *cuts, size_t count) {
    struct body_reader reader;
    size_t at = 0;
    memset(&reader, 0xee, sizeof reader);
    body_begin(&reader, &framing);
    result->taken = result->data_len = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t next = i < count ? cuts[i] : len;
        if (!feed(&reader, result, bytes + at, next - at))
            return;
        at = next;
    }
}

static void assert_same(const struct result *a, const struct result *b) {
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->taken, b->taken);
    assert_int_equal(a->data_len, b->data_len);
    assert_memory_equal(a->data, b->data, a->data_len);
}

static const struct response_framing chunked = {.framing = FRAMING_CHUNKED, .length = -1};

/* Cuts in every way that the file's head names and leaves the result of the uncut feed in *whole. */
static void feed_all(struct result *whole, struct response_framing framing, const char *bytes,
                     size_t len) {
    static struct result cut;
    static size_t cuts[BYTES_MAX];
    feed_cut(whole, framing, bytes, len, NULL, 0);
    for (size_t piece = 1; piece <= len && piece <= 40; piece++) {
        size_t count = 0;
        for (size_t at = piece; at < len; at += piece)
            cuts[count++] = at;
        feed_cut(&cut, framing, bytes, len, cuts, count);
        assert_same(whole, &cut);
    }
    for (size_t a = 0; a <= len && len <= 600; a++)
        for (size_t b = a; b <= len && (len <= 70 || b == a); b++) {
            feed_cut(&cut, framing, bytes, len, (size_t[]){a, b}, 2);
            assert_same(whole, &cut);
        }
}

struct body_case {
    const char *bytes;
    size_t len;
    const char *expected; /* "data|beyond" if whole, "data..." if more is awaited, or the error */
};
#define CASE(bytes, expected)                                                                      \
    { bytes, sizeof(bytes) - 1, expected }

static void check_chunked(const struct body_case *cases, size_t count) {
    static struct result result;
    for (size_t i = 0; i < count; i++) {
        char text[600];
        const struct body_case *c = &cases[i];
        feed_all(&result, chunked, c->bytes, c->len);
        int len = (int)result.data_len, beyond = (int)(c->len - result.taken);
        if (result.step == STEP_DONE)
            snprintf(text, sizeof text, "%.*s|%.*s", len, (char *)result.data, beyond,
                     c->bytes + result.taken);
        else if (result.step == STEP_MORE)
            snprintf(text, sizeof text, "%.*s...", len, (char *)result.data);
        else
            snprintf(text, sizeof text, "%s", err_kind_name(result.kind));
        if (strcmp(text, c->expected))
            fail_msg("%s\n  said  %s\n  wants %s", c->bytes, text, c->expected);
    }
}

static void test_good_chunks(void **state) {
    (void)state;
    static const struct body_case cases[] = {
        CASE("0\r\n\r\n", "|"),
        CASE("0\r\n\r\nHTTP/1.1", "|HTTP/1.1"),
        CASE("5\r\nhello\r\n0\r\n\r\n\r\n", "hello|\r\n"),
        CASE("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world|"),
        CASE("2\r\n\r\n\r\n0\r\n\r\n", "\r\n|"),
        CASE("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789|"),
        CASE("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello|"),
        CASE("5\nhello\n0\n\n", "hello|"),
        CASE("5 \t\r\nhello\r\n0  \r\n\r\n", "hello|"),
        CASE("5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello|"),
        CASE("5 ; a = \"b;c\"\t\r\nhello\r\n0;\r\n\r\n", "hello|"),
        CASE("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x|"),
        CASE("1\r\nx\r\n0\nA: b\x80\x01\nC:\n\n", "x|"),
    };
    check_chunked(cases, sizeof cases / sizeof cases[0]);
}

static void test_bad_chunks(void **state) {
    (void)state;
    static const struct body_case cases[] = {
        CASE("\r\n", "bad-chunk"),
        CASE("\n", "bad-chunk"),
        CASE(" 5\r\nhello\r\n", "bad-chunk"),
        CASE(";a\r\n", "bad-chunk"),
        CASE("-5\r\nhello", "bad-chunk"),
        CASE("+5\r\nhello", "bad-chunk"),
        CASE("0x5\r\nhello", "bad-chunk"),
        CASE("5h\r\nhello", "bad-chunk"),
        CASE("5 5\r\nhello", "bad-chunk"),
        CASE("5 a\r\nhello", "bad-chunk"),
        CASE("5,a\r\nhello", "bad-chunk"),
        CASE("5\r\rhello", "bad-chunk"),
        CASE("5\rhello", "bad-chunk"),
        CASE("5\0\r\nhello", "bad-chunk"),
        CASE("5;a\nhello\r\n0\r\n\r\n", "bad-chunk"),
        CASE("5;a\r\r\nhello", "bad-chunk"),
        CASE("5;a\rb\r\nhello", "bad-chunk"),
        CASE("5;a\0\r\nhello", "bad-chunk"),
        CASE("5;a\x7f\r\nhello", "bad-chunk"),
        CASE("5\r\nhello0\r\n\r\n", "bad-chunk"),
        CASE("5\r\nhello!\r\n0\r\n\r\n", "bad-chunk"),
        CASE("5\r\nhello\r0\r\n\r\n", "bad-chunk"),
        CASE("5\r\nhello\r\r\n0\r\n\r\n", "bad-chunk"),
        CASE("5\r\nhello\r\n\r\n", "bad-chunk"),
        CASE("00000000000000005\r\nhello\r\n", "bad-chunk"),
        CASE("8000000000000000\r\n", "bad-chunk"),
        CASE("ffffffffffffffff\r\n", "bad-chunk"),
        CASE("10000000000000000\r\n", "bad-chunk"),
        CASE("0\r\n\rX", "bad-field"),
        CASE("0\r\n: b\r\n\r\n", "bad-field"),
        CASE("0\r\nA\r\n\r\n", "bad-field"),
        CASE("0\r\nA : b\r\n\r\n", "bad-field"),
        CASE("0\r\nA: b\r\n c\r\n\r\n", "bad-field"),
        CASE("0\r\nA: b\rc\r\n\r\n", "bad-field"),
        CASE("0\r\nA: b\0\r\n\r\n", "bad-field"),
    };
    check_chunked(cases, sizeof cases / sizeof cases[0]);
}

static void test_unfinished_chunks(void **state) {
    (void)state;
    static const struct body_case cases[] = {
        CASE("", "..."),
        CASE("5", "..."),
        CASE("7fffffffffffffff\r\nhel", "hel..."),
        CASE("5\r\nhello", "hello..."),
        CASE("5\r\nhello\r\n", "hello..."),
        CASE("5\r\nhello\r\n0\r\n", "hello..."),
        CASE("0\r\n\r", "..."),
        CASE("0\r\nA: b\r\n", "..."),
    };
    check_chunked(cases, sizeof cases / sizeof cases[0]);
}

static void test_limits(void **state) {
    (void)state;
    static struct result result;
    static char bytes[BYTES_MAX];
    for (size_t over = 0; over <= 1; over++) {
        size_t len = CHUNK_LINE_BYTES_MAX + over;
        memset(bytes, 'x', sizeof bytes);
        memcpy(bytes, "1;", 2);
        memcpy(bytes + len - 2, "\r\nd\r\n0\r\n\r\n", 10);
        feed_all(&result, chunked, bytes, len + 8);
        assert_int_equal(result.step, over ? STEP_BAD : STEP_DONE);
        assert_int_equal(result.kind, over ? ERR_BAD_CHUNK : ERR_NONE);

        len = TRAILER_BYTES_MAX + over;
        memset(bytes, 'x', sizeof bytes);
        memcpy(bytes, "0\r\nA:", 5);
        memcpy(bytes + 100, "\r\nB:", 4);
        memcpy(bytes + 3 + len - 4, "\r\n\r\n", 4);
        feed_all(&result, chunked, bytes, 3 + len);
        assert_int_equal(result.step, over ? STEP_BAD : STEP_DONE);
        assert_int_equal(result.kind, over ? ERR_HEAD_TOO_LARGE : ERR_NONE);
    }
}

/* The limit of a line holds for every chunk anew. */
static void test_many_chunks(void **state) {
    (void)state;
    static struct result result;
    static char bytes[BYTES_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < 3000; i++)
        len += (size_t)sprintf(bytes + len, "1;abcdef\r\n%c\r\n", 'a' + i % 26);
    len += (size_t)sprintf(bytes + len, "0\r\n\r\n");
    feed_all(&result, chunked, bytes, len);
    assert_int_equal(result.step, STEP_DONE);
    assert_int_equal(result.data_len, 3000);
    assert_memory_equal(result.data + 2990, "abcdefghij", 10);
}

static void test_length(void **state) {
    (void)state;
    static struct result result;
    struct response_framing framing = {.framing = FRAMING_LENGTH, .length = 5};
    feed_all(&result, framing, "hello", 5);
    assert_int_equal(result.step, STEP_DONE);
    feed_all(&result, framing, "helloHTTP/1.1 200", 17);
    assert_int_equal(result.step, STEP_DONE);
    assert_int_equal(result.taken, 5);
    assert_memory_equal(result.data, "hello", 5);
    feed_all(&result, framing, "hell", 4);
    assert_int_equal(result.step, STEP_MORE);
    framing.length = INT64_MAX;
    feed_all(&result, framing, "hello", 5);
    assert_int_equal(result.step, STEP_MORE);
    assert_int_equal(result.data_len, 5);
}

static void test_until_close_and_none(void **state) {
    (void)state;
    static struct result result;
    feed_all(&result, (struct response_framing){.framing = FRAMING_UNTIL_CLOSE, .length = -1},
             "0\r\n\r\n", 5);
    assert_int_equal(result.step, STEP_MORE);
    assert_int_equal(result.data_len, 5);
    for (int64_t length = -1; length <= 5; length++) {
        feed_all(&result, (struct response_framing){.framing = FRAMING_NONE, .length = length},
                 "HTTP/", 5);
        assert_int_equal(result.step, STEP_DONE);
        assert_int_equal(result.taken, 0);
    }
    feed_all(&result, (struct response_framing){.framing = FRAMING_NONE, .length = -1}, "", 0);
    assert_int_equal(result.step, STEP_DONE);
    feed_all(&result, (struct response_framing){.framing = FRAMING_LENGTH, .length = 0}, "", 0);
    assert_int_equal(result.step, STEP_DONE);
}

/* Feeds `bytes`, then the connection ends. */
static enum step end_after(enum framing framing, int64_t length, const char *bytes) {
    static struct result result;
    struct body_reader reader;
    struct err err = ERR_OK;
    body_begin(&reader, &(struct response_framing){.framing = (uint8_t)framing, .length = length});
    result.data_len = result.taken = 0;
    feed(&reader, &result, bytes, strlen(bytes));
    enum step step = body_end(&reader, &err);
    if (step == STEP_BAD) {
        assert_int_equal(err.stage, STAGE_BODY);
        assert_int_equal(err.kind, ERR_TRUNCATED);
    }
    return step;
}

static void test_end(void **state) {
    (void)state;
    assert_int_equal(end_after(FRAMING_NONE, 0, ""), STEP_DONE);
    assert_int_equal(end_after(FRAMING_UNTIL_CLOSE, -1, ""), STEP_DONE);
    assert_int_equal(end_after(FRAMING_UNTIL_CLOSE, -1, "x"), STEP_DONE);
    assert_int_equal(end_after(FRAMING_LENGTH, 0, ""), STEP_DONE);
    assert_int_equal(end_after(FRAMING_LENGTH, 2, ""), STEP_BAD);
    assert_int_equal(end_after(FRAMING_LENGTH, 2, "x"), STEP_BAD);
    assert_int_equal(end_after(FRAMING_LENGTH, 2, "xy"), STEP_DONE);
    assert_int_equal(end_after(FRAMING_CHUNKED, -1, ""), STEP_BAD);
    assert_int_equal(end_after(FRAMING_CHUNKED, -1, "1\r\nx\r\n"), STEP_BAD);
    assert_int_equal(end_after(FRAMING_CHUNKED, -1, "0\r\n"), STEP_BAD);
    assert_int_equal(end_after(FRAMING_CHUNKED, -1, "0\r\n\r"), STEP_BAD);
    assert_int_equal(end_after(FRAMING_CHUNKED, -1, "0\r\n\r\n"), STEP_DONE);
}

/* ---- random bodies against a decoder that is too simple to be wrong ---------------------------------- */

static size_t line_length(const char *bytes) {
    return (size_t)(strstr(bytes, "\r\n") + 2 - bytes);
}

static size_t reference_decode(char *body, const char *bytes) {
    size_t len = 0;
    for (;;) {
        size_t size = strtoull(bytes, NULL, 16);
        bytes += line_length(bytes);
        if (!size)
            return len;
        memcpy(body + len, bytes, size);
        len += size;
        bytes += size + 2;
    }
}

static size_t random_chunks(char *bytes, struct random *random) {
    static const char *const extensions[] = {"", "", "", ";a", " ; b=\"c\"", " "};
    static const char alphabet[] = "\r\n0123456789abcdef;: xyz";
    size_t len = 0;
    for (uint64_t left = random_below(random, 6); left; left--) {
        size_t size = 1 + random_below(random, random_below(random, 5) ? 20 : 3000);
        const char *extension = extensions[random_below(random, 6)];
        len += (size_t)sprintf(bytes + len, random_below(random, 2) ? "%zx%s\r\n" : "%04zX%s\r\n",
                               size, extension);
        while (size--)
            bytes[len++] = alphabet[random_below(random, sizeof alphabet - 1)];
        len += (size_t)sprintf(bytes + len, "\r\n");
    }
    return len + (size_t)sprintf(bytes + len, "0%s\r\n%s\r\n", extensions[random_below(random, 6)],
                                 random_below(random, 3) ? "" : "Digest: x\r\nB:\r\n");
}

static size_t random_cuts(size_t *cuts, size_t len, struct random *random) {
    size_t count = 0, longest = 1 + random_below(random, random_below(random, 2) ? 8 : 2000);
    for (size_t at = random_below(random, longest); at < len;
         at += 1 + random_below(random, longest))
        cuts[count++] = at;
    return count;
}

static void test_random(void **state) {
    (void)state;
    static char bytes[BYTES_MAX], expected[BYTES_MAX];
    static size_t cuts[BYTES_MAX];
    static struct result result;
    struct random random;
    random_seed(&random, 11);
    for (unsigned round = 0; round < 3000; round++) {
        size_t len = random_chunks(bytes, &random), beyond = random_below(&random, 10);
        size_t expected_len = reference_decode(expected, bytes);
        memset(bytes + len, '5', beyond);
        size_t count = random_cuts(cuts, len + beyond, &random);
        feed_cut(&result, chunked, bytes, len + beyond, cuts, count);
        assert_int_equal(result.step, STEP_DONE);
        assert_int_equal(result.taken, len);
        assert_int_equal(result.data_len, expected_len);
        assert_memory_equal(result.data, expected, expected_len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_chunks),
        cmocka_unit_test(test_bad_chunks),
        cmocka_unit_test(test_unfinished_chunks),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_chunks),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_until_close_and_none),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
