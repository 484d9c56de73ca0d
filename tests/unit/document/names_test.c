/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * names_test.c: what fragments lead to, asked one by one and of a set of many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "links.h"

struct name_case {
    const char *text, *fragment;
    bool is_there;
};

static void check(enum document_kind kind, const struct name_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct span text = span_text(cases[i].text), fragment = span_text(cases[i].fragment);
        text.at = guard_copy(text.at, text.len);
        fragment.at = guard_copy(fragment.at, fragment.len);
        if (document_has_name(kind, text, NULL, fragment) != cases[i].is_there)
            fail_msg("of\n%s\n#%s is%s there", cases[i].text, cases[i].fragment,
                     cases[i].is_there ? " not" : "");
    }
}

static void in_html(void **state) {
    (void)state;
    static const struct name_case cases[] = {
        {"<p id=a>", "a", true},
        {"<p id=a>", "A", false},
        {"<p id=a>", "b", false},
        {"<p id=ab>", "a", false},
        {"<p class=x\n ID = 'a b'>", "a b", true},
        {"<a name=a>", "a", true},
        {"<p name=a>", "a", false},
        {"<p id='a&amp;b&copy;'>", "a&b\xC2\xA9", true},
        {"<p id='a&amp;b'>", "a&amp;b", false},
        {"<p id=\xC3\xA4>", "\xC3\xA4", true},
        {"<p id=\xE4>.", "\xC3\xA4", true},
        {"<svg><g id=a></svg>", "a", true},
        {"<!-- <p id=a> -->", "a", false},
        {"</p id=a>", "a", false},
        {"<script>'<p id=a>'</script>", "a", false},
        {"", "", true},
        {"", "top", true},
        {"", "TOP", true},
        {"", "tops", false},
        {"", ":~:text=x", true},
        {"<p id=a>", "a:~:text=x", true},
        {"<p id=a>", "b:~:text=x", false},
        {"<p id='a:~'>", "a:~", true},
        {"<p id='0123456789012345678901234567890123456789012345678901234567890123&lt;x'>",
         "0123456789012345678901234567890123456789012345678901234567890123<x", true},
        {"<p id='012345678901234567890123456789012345678901234567890123456789012&lt;x'>",
         "012345678901234567890123456789012345678901234567890123456789012<x", true},
    };
    check(DOCUMENT_HTML, CASES(cases));
}

static void in_markdown(void **state) {
    (void)state;
    static const struct name_case cases[] = {
        {"# Hello World", "hello-world", true},
        {"# Hello World", "Hello-World", false},
        {"Hello\n=====\n\nx\n---\n", "hello", true},
        {"Hello\n=====\n\nx\n---\n", "x", true},
        {"> ## In a quote", "in-a-quote", true},
        {"# C++ & C#: what's new?", "c--c-whats-new", true},
        {"# AT&amp;T", "att", true},
        {"# `a&amp;b`", "aampb", true},
        {"# foo_bar-baz 1.2", "foo_bar-baz-12", true},
        {"# a *b* **c** `d` [e](f) ![g](h) <b>i</b>", "a-b-c-d-e--i", true},
        {"# \xC3\x84rger \xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82",
         "\xC3\xA4rger-\xE4\xB8\xAD\xE6\x96\x87", true},
        {"# \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82",
         "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", true},
        {"# \xF0\x9F\x8E\x89 Party", "-party", true},
        {"# cafe\xCC\x81", "cafe\xCC\x81", true},
        {"# A\n# A\n# A", "a", true},
        {"# A\n# A\n# A", "a-1", true},
        {"# A\n# A\n# A", "a-2", true},
        {"# A\n# A\n# A", "a-3", false},
        {"# A\n# A\n# A", "a-01", false},
        {"# A\n# A\n# A", "a-0", false},
        {"# A\n# B", "a-1", false},
        {"# A 1", "a-1", true},
        {"# Step 10", "step-10", true},
        {"#\n#\n", "-1", true},
        {"```\n# A\n```\n", "a", false},
        {"    # A\n", "a", false},
        {"# A", "top", false},
        {"# A", "", true},
        {"# A", "a:~:text=x", true},
        {"<a name=\"x\"></a>\n<h1 id=y>z</h1>", "x", true},
        {"a <a id='x'></a>", "x", true},
        {"<h1 id=y>z</h1>", "y", true},
        {"`<a id=x>`", "x", false},
        {"no heading", "no-heading", false},
    };
    check(DOCUMENT_MARKDOWN, CASES(cases));
}

static void in_others(void **state) {
    (void)state;
    static const struct name_case cases[] = {{"# A", "a", false}, {"", "", true}};
    check(DOCUMENT_TEXT, CASES(cases));
    check(DOCUMENT_SITEMAP, CASES(cases));
}

/* ---- sets ---- */

enum { MANY = 20000, PIECE = 40 };

/* Writes `format` with 0, 1 ... MANY - 1 into one text; free it. */
__attribute__((format(printf, 1, 0))) static char *write_many(const char *format) {
    char *text = malloc(MANY * PIECE + 1), *to = text;
    assert_non_null(text);
    for (int i = 0; i < MANY; i++)
        to += snprintf(to, PIECE, format, i);
    return text;
}

static bool has(const struct document_names *names, const char *fragment) {
    return document_names_has(names, span_text(fragment));
}

static void expect_many(enum document_kind kind, char *text) {
    char fragment[PIECE];
    size_t len = strlen(text);
    struct document_names *names = document_names_open(kind, span_of(text, len), NULL);
    assert_non_null(names);
    memset(text, 'x', len); /* it is not needed any more */
    for (int i = 0; i < MANY; i++) {
        snprintf(fragment, sizeof fragment, "n%d", i);
        assert_true(has(names, fragment));
        snprintf(fragment, sizeof fragment, "n%d", i + MANY);
        assert_false(has(names, fragment));
    }
    assert_true(document_names_bytes(names) <= 32 * MANY);
    document_names_close(names);
    free(text);
}

static void many(void **state) {
    (void)state;
    expect_many(DOCUMENT_HTML, write_many("<p id=n%d>"));
    expect_many(DOCUMENT_MARKDOWN, write_many("# N%d\n"));
    expect_many(DOCUMENT_MARKDOWN, write_many("<p id=n%d>\n\n"));
}

/* Headings of one slug are counted, whatever stands between them, and take the place of one. */
static void numbered(void **state) {
    (void)state;
    char *text = write_many("# A!\n# B%d\n"), last[PIECE], behind[PIECE];
    struct document_names *names = document_names_open(DOCUMENT_MARKDOWN, span_text(text), NULL);
    assert_non_null(names);
    snprintf(last, sizeof last, "a-%d", MANY - 1);
    snprintf(behind, sizeof behind, "a-%d", MANY);
    assert_true(has(names, "a") && has(names, "a-1") && has(names, last));
    assert_false(has(names, behind) || has(names, "b7-1") || has(names, "c-1"));
    assert_false(has(names, "a-4294967297") || has(names, "a-18446744073709551617"));
    document_names_close(names);
    free(text);
}

/* An id is no heading of that slug. */
static void ids_are_not_counted(void **state) {
    (void)state;
    static const char text[] = "<b id=a></b><b id=a></b><b id=c></b>\n\n# A\n";
    struct document_names *names = document_names_open(DOCUMENT_MARKDOWN, span_text(text), NULL);
    assert_non_null(names);
    assert_true(has(names, "a") && has(names, "c"));
    assert_false(has(names, "a-1") || has(names, "c-1"));
    document_names_close(names);
    document_names_close(NULL);
}

/* Names of any length and many of them twice take no more than their number says. */
static void compact(void **state) {
    (void)state;
    size_t len;
    uint8_t *text = repeat("<p id='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&amp;'>", 10000,
                           "<p id=b><a name='&lt;'>", &len);
    struct document_names *names = document_names_open(DOCUMENT_HTML, span_of(text, len), NULL);
    free(text);
    assert_non_null(names);
    assert_true(has(names, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&"));
    assert_true(has(names, "b") && has(names, "<"));
    assert_true(document_names_bytes(names) < 512);
    document_names_close(names);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_html),   cmocka_unit_test(in_markdown),
        cmocka_unit_test(in_others), cmocka_unit_test(many),
        cmocka_unit_test(numbered),  cmocka_unit_test(ids_are_not_counted),
        cmocka_unit_test(compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
