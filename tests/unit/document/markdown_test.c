/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * markdown_test.c: which links a Markdown document has, and where they stand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "links.h"

static void links(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"", ""},
        {"text", ""},
        {"[a](b)", "1:5 b\n"},
        {"[a](<b c> \"title\") [d]( e 'f')", "1:6 b c\n1:25 e\n"},
        {"![a](b) [![c](d)](e)", "1:6 b\n1:15 d\n1:19 e\n"},
        {"x\n\n* a [b](c)\n  d [e](f)\n> [g](h)\n> i [j](k)\n", "3:9 c\n4:9 f\n5:7 h\n6:9 k\n"},
        {"a\r\n[b](c)\r\n", "2:5 c\n"},
        {"\xEF\xBB\xBF[a](b)", "1:5 b\n"},
        {"<http://a/> <mailto:x@y>", "1:2 http://a/\n1:14 mailto:x@y\n"},
        {"see https://a.b/c, and www.c.d", "1:5 https://a.b/c\n"},
        {"# [a](b)\n\n[c](d)\n===\n", "1:7 b\n3:5 d\n"},
        {"|a|b|\n|-|-|\n|[c](d)|[e](f)|\n", "3:6 d\n3:13 f\n"},
        {"`[a](b)` ``<http://c/>``\n\n    [a](b)\n\n```\n[a](b)\n<a href=c>\n```\n", ""},
        {"\\[a](b) [c]", ""},
        {"[a]() [b](<>)", ""},
    };
    expect_links(DOCUMENT_MARKDOWN, CASES(cases));
}

static void references(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"[a][b] [b] [b][]\n\n[b]: c 'd'\n", "3:6 c\n"},
        {"[b]: c\n\n[a](x) [B]\n\n[b]: never\n", "1:6 c\n3:5 x\n"},
        {"[unused]: c\n\n[unknown]\n", ""},
        {"![b]\n\n> [b]:\n>   <c d>\n", "4:6 c d\n"},
        {"[b] [b]\n\n[b]: x\\_y?a&amp;b\n", "3:6 x_y?a&b\n"},
    };
    expect_links(DOCUMENT_MARKDOWN, CASES(cases));
}

static void escapes(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"[a](?b&amp;c&copy=d&#38;)", "1:5 ?b&c&copy=d&\n"},
        {"<http://a/?b&amp;c&d>", "1:2 http://a/?b&c&d\n"},
        {"https://a.b/?b&c=d", "1:1 https://a.b/?b&c=d\n"},
        {"[a](b\\_c) and [d](e\\)f&amp;)", "1:5 b_c\n1:19 e)f&\n"},
        {"[a](\\*) [b](\\*)", "1:5 *\n1:13 *\n"},
        {"[a](C:\\x)", "1:5 C:\\x\n"},
        {"[a](b\xFF"
         "c)",
         "1:5 b\xC3\xBF"
         "c\n"},
    };
    expect_links(DOCUMENT_MARKDOWN, CASES(cases));
}

static void html(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"a <a href=\"b&amp;c\">d</a> [e](f)", "1:12 b&c\n1:31 f\n"},
        {"<p>\n  <img\n   src=a>\n</p>\n\n[b](c)", "3:8 a\n6:5 c\n"},
        {"> <div>\n> <a href=a>\n> </div>\n", "2:11 a\n"},
        {"<!-- <a href=a>\n\n[b](c) -->\n\n[d](e)", "5:5 e\n"},
        {"`<a href=a>` \\<a href=b>", ""},
        {"a <img src=b srcset='c 1x,\nd 2x'> e", "1:12 b\n1:22 c\n2:1 d\n"},
        {"<script>\n'<a href=a>'\n</script>\n", ""},
    };
    expect_links(DOCUMENT_MARKDOWN, CASES(cases));
}

/* A paragraph of so many lines is cut for md4c, and nobody sees it. */
static void long_paragraph(void **state) {
    (void)state;
    enum { LINES = 40000 };
    size_t len;
    char expected[60];
    uint8_t *text = repeat("[a](b)\n", LINES, "[last](c)", &len);
    double begin = seconds_used();
    const char *found = links_of(DOCUMENT_MARKDOWN, span_of(text, len), NULL);
    assert_true(seconds_used() - begin < seconds_allowed(1));
    for (unsigned line = 1; line <= LINES; line++) {
        size_t count = (size_t)snprintf(expected, sizeof expected, "%u:5 b\n", line);
        assert_memory_equal(found, expected, count);
        found += count;
    }
    snprintf(expected, sizeof expected, "%u:8 c\n", LINES + 1);
    assert_string_equal(found, expected);
    free(text);
}

static void reference_bomb(void **state) {
    (void)state;
    size_t len, url_len;
    uint8_t *url = repeat("\\_", 50000, "\n", &url_len), *text = repeat("[a] ", 50000, "", &len);
    uint8_t *both = malloc(url_len + len + 10);
    assert_non_null(both);
    memcpy(both, "[a]: ", 5);
    memcpy(both + 5, url, url_len);
    memcpy(both + 5 + url_len, "\n", 1);
    memcpy(both + 6 + url_len, text, len);
    const char *found = links_of(DOCUMENT_MARKDOWN, span_of(both, 6 + url_len + len), NULL);
    assert_string_equal(found, "! its reference definitions unfold to more than the document");
    free(url);
    free(text);
    free(both);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links), cmocka_unit_test(references),     cmocka_unit_test(escapes),
        cmocka_unit_test(html),  cmocka_unit_test(long_paragraph), cmocka_unit_test(reference_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
