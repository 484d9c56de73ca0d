/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text_test.c: URLs in prose, and what kind of document something is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "links.h"

static void urls(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"", ""},
        {"http://a", "1:1 http://a\n"},
        {"see http://a/b, HTTPS://c/d.", "1:5 http://a/b\n1:17 HTTPS://c/d\n"},
        {"http://a/\r\n\r\n  https://b/\r\n", "1:1 http://a/\n3:3 https://b/\n"},
        {"(http://a/b) [http://c/d] {http://e/f} <http://g/h>",
         "1:2 http://a/b\n1:15 http://c/d\n1:28 http://e/f\n1:41 http://g/h\n"},
        {"http://a/b_(c) (see http://a/b_(c)) http://a/b_(c).)",
         "1:1 http://a/b_(c)\n1:21 http://a/b_(c)\n1:37 http://a/b_(c)\n"},
        {"http://[::1]/x] 'http://a' \"http://b\" `http://c` *http://d*",
         "1:1 http://[::1]/x\n1:18 http://a\n1:29 http://b\n1:40 http://c\n1:51 http://d\n"},
        {"http://a/?!... http://b/?c!!", "1:1 http://a/\n1:16 http://b/?c\n"},
        {"\xC3\xA4\xE2\x80\x9Chttp://\xC3\xA4/\xE2\x80\x9D, http://b\xE3\x80\x82\xE3\x81\x93",
         "1:6 http://\xC3\xA4/\n1:21 http://b\n"},
        {"http:// https://. http:/a ftp://a xhttp://a git+https://a", ""},
        {"://http://a", "1:4 http://a\n"},
        {"httphttp://a http://http://b", "1:14 http://http://b\n"},
        {"http://a?b&amp;c|http://d", "1:1 http://a?b&amp;c\n1:18 http://d\n"},
        {"http://a\x01http://b\x7F", "1:1 http://a\n1:10 http://b\n"},
    };
    expect_links(DOCUMENT_TEXT, CASES(cases));
}

static void guesses(void **state) {
    (void)state;
    enum { UNKNOWN = -1 };
    static const struct {
        const char *name, *begin;
        int kind;
    } cases[] = {
        {"page.html", "", DOCUMENT_HTML},
        {"dir.md/page.HTM", "", DOCUMENT_HTML},
        {"README.md", "<html>", DOCUMENT_MARKDOWN},
        {"a.markdown", "", DOCUMENT_MARKDOWN},
        {"a.txt", "", DOCUMENT_TEXT},
        {"sitemap.xml", "", DOCUMENT_SITEMAP},
        {"https://x/Sitemap-1.xml.gz", "", DOCUMENT_SITEMAP},
        {"a.xml", "", UNKNOWN},
        {"a.xml", "<?xml version='1.0'?>\n<!-- x -->\n<urlset xmlns='x'>", DOCUMENT_SITEMAP},
        {"a.xml", "\xEF\xBB\xBF<sitemapindex>", DOCUMENT_SITEMAP},
        {"a.xml", "<rss>", UNKNOWN},
        {"a", " \n<!DOCTYPE HTML PUBLIC>", DOCUMENT_HTML},
        {"a", "<html lang=en>", DOCUMENT_HTML},
        {"a", "<htmlx>", UNKNOWN},
        {"a", "<?xml version='1.0'?><!DOCTYPE html><html>", DOCUMENT_HTML},
        {"a", "<!-- ", UNKNOWN},
        {"a", "http://x/", UNKNOWN},
        {"", "", UNKNOWN},
        {".md", "", UNKNOWN},
        {NULL, "<urlset>", DOCUMENT_SITEMAP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum document_kind kind;
        bool is_known = document_guess(cases[i].name, span_text(cases[i].begin), &kind);
        assert_int_equal(is_known ? (int)kind : UNKNOWN, cases[i].kind);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(guesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
