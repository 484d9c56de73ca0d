/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_test.c: the URL parser against tables of cases, and what must hold for every URL: offsets
 * that put the href together again, a href that parses to itself, no byte read beyond the input,
 * no byte written beyond the room.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "url_cases.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static char memory[URL_HREF_BYTES_MAX + 1], base_memory[URL_HREF_BYTES_MAX + 1];

static void assert_span(struct span span, const char *text) {
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.at, text, span.len);
}

/* Puts the parts together as the standard's serialiser does. */
static void assert_parts_make_href(const struct url *url) {
    static char text[URL_HREF_BYTES_MAX + 16];
    const char *href = url->href;
    uint16_t usual = url->scheme == URL_HTTPS ? 443 : 80;
    size_t len = (size_t)sprintf(text, "%s://%.*s", url->scheme == URL_HTTPS ? "https" : "http",
                                 (int)url->username_len, href + url->username);
    if (url->password_len)
        len += (size_t)sprintf(text + len, ":%.*s", (int)url->password_len, href + url->password);
    if (url->username_len || url->password_len)
        len += (size_t)sprintf(text + len, "@");
    len += (size_t)sprintf(text + len, "%.*s", (int)url->host_len, href + url->host);
    if (url->port != usual)
        len += (size_t)sprintf(text + len, ":%u", url->port);
    assert_int_equal(url->path, len);
    assert_int_equal(href[url->path], '/');
    assert_true(url->path < url->query && url->query <= url->fragment);
    assert_true(url->fragment <= url->href_len);
    assert_true(url->query == url->fragment || href[url->query] == '?');
    assert_true(url->fragment == url->href_len || href[url->fragment] == '#');
    assert_null(memchr(href + url->path, '?', url->query - url->path));
    assert_null(memchr(href + url->path, '#', url->fragment - url->path));
    sprintf(text + len, "%s", href + url->path);
    assert_string_equal(text, href);
    assert_int_equal(strlen(href), url->href_len);
    assert_true(url->host_len <= URL_HOST_BYTES_MAX);
}

static void assert_all_zero(const struct url *url) {
    struct url zero;
    memset(&zero, 0, sizeof zero);
    assert_memory_equal(url, &zero, sizeof zero);
}

/* A URL parsed again, with or without a base, is itself, offset by offset. */
static void assert_parses_to_itself(const struct url *url) {
    static char again_memory[URL_HREF_BYTES_MAX + 1];
    struct url again;
    assert_int_equal(url_parse(&again, span_of(url->href, url->href_len), url, again_memory,
                               sizeof again_memory),
                     URL_OK);
    assert_string_equal(again.href, url->href);
    again.href = url->href;
    assert_memory_equal(&again, url, sizeof again);
}

static const struct url *parse_base(const struct url_case *test, struct url *base) {
    if (!test->base)
        return NULL;
    assert_int_equal(url_parse(base, span_text(test->base), NULL, base_memory, sizeof base_memory),
                     URL_OK);
    return base;
}

static void check_result(const struct url_case *test, const struct url *url, enum url_fault fault) {
    if (fault != test->fault || (!fault && strcmp(url->href, test->href) != 0))
        fail_msg("\"%s\" with base \"%s\" gives \"%s\" (%s)", test->input,
                 test->base ? test->base : "", url->href ? url->href : "", url_fault_text(fault));
    if (fault) {
        assert_all_zero(url);
        return;
    }
    assert_parts_make_href(url);
    assert_parses_to_itself(url);
}

static void every_case_gives_its_href_or_fault(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(url_cases); i++) {
        struct url url, base_url;
        size_t len = strlen(url_cases[i].input);
        const struct url *base = parse_base(&url_cases[i], &base_url);
        const uint8_t *input = guard_copy(url_cases[i].input, len);
        check_result(&url_cases[i], &url,
                     url_parse(&url, span_of(input, len), base, memory, sizeof memory));
    }
}

static void every_typed_case_gives_its_href_or_fault(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(typed_cases); i++) {
        struct url url;
        size_t len = strlen(typed_cases[i].input);
        const uint8_t *input = guard_copy(typed_cases[i].input, len);
        check_result(&typed_cases[i], &url,
                     url_parse_typed(&url, span_of(input, len), memory, sizeof memory));
    }
}

static void every_beginning_of_every_case_is_safe(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(url_cases); i++) {
        struct url url, base_url;
        const struct url *base = parse_base(&url_cases[i], &base_url);
        for (size_t len = 0; len < strlen(url_cases[i].input); len++) {
            struct span input = span_of(guard_copy(url_cases[i].input, len), len);
            if (url_parse(&url, input, base, memory, sizeof memory) == URL_OK) {
                assert_parts_make_href(&url);
                assert_parses_to_itself(&url);
            } else {
                assert_all_zero(&url);
            }
        }
    }
}

/* Until the whole href fits, the answer is URL_TOO_LONG; a fault is the same fault in any room. */
static void no_room_is_exceeded(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(url_cases); i++) {
        struct url url, base_url;
        const struct url *base = parse_base(&url_cases[i], &base_url);
        struct span input = span_text(url_cases[i].input);
        bool fitted = false;
        for (size_t room = 0; room < 100; room++) {
            static const char blank[128];
            char *small = (char *)guard_copy(blank, room);
            enum url_fault fault = url_parse(&url, input, base, small, room);
            if (url_cases[i].fault) {
                assert_int_equal(fault, url_cases[i].fault);
            } else if (fault == URL_OK) {
                assert_true(room > strlen(url_cases[i].href));
                assert_string_equal(small, url_cases[i].href);
                fitted = true;
            } else {
                assert_int_equal(fault, URL_TOO_LONG);
                assert_false(fitted);
                assert_all_zero(&url);
            }
        }
        assert_true(fitted || url_cases[i].fault);
    }
}

static enum url_fault parse_repeated(const char *before, char filler, size_t count,
                                     const char *after, struct url *url) {
    size_t before_len = strlen(before), after_len = strlen(after);
    char *text = malloc(before_len + count + after_len);
    assert_non_null(text);
    memcpy(text, before, before_len);
    memset(text + before_len, filler, count);
    memcpy(text + before_len + count, after, after_len);
    enum url_fault fault =
        url_parse(url, span_of(text, before_len + count + after_len), NULL, memory, sizeof memory);
    free(text);
    return fault;
}

static void hrefs_have_a_limit(void **state) {
    struct url url;
    (void)state;
    assert_int_equal(parse_repeated("http://h/", 'a', URL_HREF_BYTES_MAX - 9, "", &url), URL_OK);
    assert_int_equal(url.href_len, URL_HREF_BYTES_MAX);
    assert_int_equal(parse_repeated("http://h/", 'a', URL_HREF_BYTES_MAX - 8, "", &url),
                     URL_TOO_LONG);
    assert_int_equal(parse_repeated("http://h/?", '\'', URL_HREF_BYTES_MAX / 3, "", &url),
                     URL_TOO_LONG);
    assert_int_equal(parse_repeated("http://", 'u', 20000, "@h/", &url), URL_TOO_LONG);
    assert_int_equal(parse_repeated("http://", 'u', 20000, "@h:x/", &url), URL_BAD_PORT);
    assert_int_equal(parse_repeated("http://h/", '\t', 100000, "x", &url), URL_OK);
    assert_string_equal(url.href, "http://h/x");
    assert_int_equal(parse_repeated("http:", '/', 100000, "h", &url), URL_OK);
    assert_int_equal(parse_repeated("", ' ', 100000, "http://h", &url), URL_OK);
    assert_int_equal(parse_repeated("http://h:", '0', 100000, "81", &url), URL_OK);
    assert_int_equal(url.port, 81);
}

static void labels_and_domains_have_a_limit(void **state) {
    struct url url;
    char text[300] = "http://";
    (void)state;
    assert_int_equal(parse_repeated("http://", 'a', 63, ".b/", &url), URL_OK);
    assert_int_equal(parse_repeated("http://", 'a', 64, ".b/", &url), URL_BAD_HOST);
    assert_int_equal(parse_repeated("http://b.", 'A', 64, "/", &url), URL_BAD_HOST);
    assert_int_equal(parse_repeated("http://\xc3\xa9", 'a', 60, "/", &url), URL_BAD_HOST);
    assert_int_equal(parse_repeated("http://\xe2\x98\x95", 'a', 60, "/", &url), URL_BAD_HOST);
    assert_int_equal(parse_repeated("http://", 'A', 2000, "/", &url), URL_BAD_HOST);
    assert_int_equal(parse_repeated("http://xn--", '9', 59, "/", &url), URL_BAD_HOST);
    assert_int_equal(parse_repeated("http://[", ':', 2000, "]/", &url), URL_BAD_HOST);
    for (size_t i = 0; i < 253; i++)
        text[7 + i] = i % 50 == 49 ? '.' : 'a';
    strcpy(text + 260, "./");
    assert_int_equal(url_parse(&url, span_text(text), NULL, memory, sizeof memory), URL_OK);
    assert_int_equal(url.host_len, 254);
    strcpy(text + 260, "a/");
    assert_int_equal(url_parse(&url, span_text(text), NULL, memory, sizeof memory), URL_BAD_HOST);
}

static void parse(struct url *url, const char *text) {
    assert_int_equal(url_parse(url, span_text(text), NULL, memory, sizeof memory), URL_OK);
}

static void parts_are_where_the_offsets_say(void **state) {
    struct url url;
    (void)state;
    parse(&url, "https://us:pw@Example.com:8443/p/q?r=s#t");
    assert_int_equal(url.scheme, URL_HTTPS);
    assert_int_equal(url.port, 8443);
    assert_int_equal(url.host_kind, URL_HOST_NAME);
    assert_span(span_of(url.href + url.username, url.username_len), "us");
    assert_span(span_of(url.href + url.password, url.password_len), "pw");
    assert_span(url_host(&url), "example.com");
    assert_span(url_host_bare(&url), "example.com");
    assert_span(url_authority(&url), "example.com:8443");
    assert_span(url_path(&url), "/p/q");
    assert_span(url_target(&url), "/p/q?r=s");
    assert_span(url_part(&url, url.fragment, url.href_len), "#t");
    parse(&url, "http://[::1]:80");
    assert_int_equal(url.host_kind, URL_HOST_IPV6);
    assert_int_equal(url.port, 80);
    assert_span(url_authority(&url), "[::1]");
    assert_span(url_host_bare(&url), "::1");
    assert_span(url_target(&url), "/");
    parse(&url, "https://0x7f.1");
    assert_int_equal(url.host_kind, URL_HOST_IPV4);
    assert_int_equal(url.port, 443);
    assert_span(url_host_bare(&url), "127.0.0.1");
}

static void origins_are_scheme_host_and_port(void **state) {
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"http://h/a", "http://u:p@H:80/b?c#d", true},
        {"http://h/", "https://h/", false},
        {"http://h/", "http://h:81/", false},
        {"http://h/", "http://h./", false},
        {"http://h/", "http://hh/", false},
        {"http://h/", "http://g/", false},
        {"http://127.1/", "http://127.0.0.1/", true},
        {"http://h:443/", "https://h/", false},
        {"https://h:443/", "https://h/", true},
        {"http://[::1]/", "http://[0::1]/", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct url a, b;
        parse(&a, pairs[i].a);
        assert_int_equal(
            url_parse(&b, span_text(pairs[i].b), NULL, base_memory, sizeof base_memory), URL_OK);
        assert_int_equal(url_same_origin(&a, &b), pairs[i].same);
        assert_int_equal(url_same_origin(&b, &a), pairs[i].same);
    }
}

static void a_copy_stands_on_its_own(void **state) {
    struct url url;
    (void)state;
    parse(&url, "http://h:81/a?b#c");
    char *copy_memory = (char *)guard_copy(url.href, url.href_len + 1u);
    memset(copy_memory, 'x', url.href_len + 1u);
    struct url copy = url_copy(&url, copy_memory);
    memset(memory, 'x', sizeof memory);
    assert_ptr_equal(copy.href, copy_memory);
    assert_string_equal(copy.href, "http://h:81/a?b#c");
    assert_span(url_target(&copy), "/a?b");
}

static void percent_decoding_keeps_what_is_no_triple(void **state) {
    static const struct {
        const char *text, *decoded;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"%41", "A"},
        {"a%2Fb%2f", "a/b/"},
        {"%", "%"},
        {"%4", "%4"},
        {"%4g", "%4g"},
        {"%g4", "%g4"},
        {"%%41", "%A"},
        {"%25"
         "41",
         "%41"},
        {"%ff", "\xff"},
        {"+", "+"},
        {"x%41%", "xA%"},
        {"%c3%A9", "\xc3\xa9"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i].text);
        char decoded[16];
        struct span text = span_of(guard_copy(cases[i].text, len), len);
        size_t decoded_len = url_percent_decode(text, decoded);
        assert_span(span_of(decoded, decoded_len), cases[i].decoded);
    }
    char decoded[4];
    assert_int_equal(url_percent_decode(span_text("%00x"), decoded), 2);
    assert_memory_equal(decoded, "\0x", 2);
}

static void every_byte_is_encoded_where_the_sets_say(void **state) {
    static const char path[] = " \"<>`{}^\x7f", query[] = " \"<>'\x7f", fragment[] = " \"<>`\x7f";
    (void)state;
    for (int c = 0; c < 0x80; c++) {
        char text[] = "http://h/_x?_x#_x", expected[64];
        if (c == '\t' || c == '\n' || c == '\r' || c == '/' || c == '\\' || c == '?' || c == '#')
            continue;
        text[9] = text[12] = text[15] = (char)c;
        int len = sprintf(expected, "http://h/");
        const char *const sets[] = {path, query, fragment}, *const ends[] = {"x?", "x#", "x"};
        for (size_t i = 0; i < 3; i++) {
            bool encode = c < 0x20 || strchr(sets[i], c);
            len += sprintf(expected + len, encode ? "%%%02X" : "%c", (unsigned)c);
            len += sprintf(expected + len, "%s", ends[i]);
        }
        struct url url;
        assert_int_equal(
            url_parse(&url, span_of(text, sizeof text - 1), NULL, memory, sizeof memory), URL_OK);
        assert_string_equal(url.href, expected);
    }
}

static void every_fault_has_a_text(void **state) {
    (void)state;
    for (int fault = URL_OK; fault <= URL_TOO_LONG; fault++)
        assert_true(strlen(url_fault_text((enum url_fault)fault)) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_its_href_or_fault),
        cmocka_unit_test(every_typed_case_gives_its_href_or_fault),
        cmocka_unit_test(every_beginning_of_every_case_is_safe),
        cmocka_unit_test(no_room_is_exceeded),
        cmocka_unit_test(hrefs_have_a_limit),
        cmocka_unit_test(labels_and_domains_have_a_limit),
        cmocka_unit_test(parts_are_where_the_offsets_say),
        cmocka_unit_test(origins_are_scheme_host_and_port),
        cmocka_unit_test(a_copy_stands_on_its_own),
        cmocka_unit_test(percent_decoding_keeps_what_is_no_triple),
        cmocka_unit_test(every_byte_is_encoded_where_the_sets_say),
        cmocka_unit_test(every_fault_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
