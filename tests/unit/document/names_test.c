/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * names_test.c: what fragments lead to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_html),
        cmocka_unit_test(in_markdown),
        cmocka_unit_test(in_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
