/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * title_test.c: titles, of whole pages and of pages that end anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"
#include "links.h"

static const char *title_of(struct span page, const char *charset, size_t size) {
    static char title[400];
    memset(title, 'x', sizeof title);
    document_title(span_of(guard_copy(page.at, page.len), page.len), charset, title, size);
    return title;
}

static void titles(void **state) {
    (void)state;
    static const struct {
        const char *page, *title;
    } cases[] = {
        {"", ""},
        {"<title>a</title>", "a"},
        {"<html><head><TITLE lang=en>\n a\t\r\n b </TITLE >", "a b"},
        {"<title>a</title><title>b</title>", "a"},
        {"<title></title><title>b</title>", ""},
        {"<title>a &amp; b &lt;c&gt; &copy &euro; &#228;</title>",
         "a & b <c> \xC2\xA9 \xE2\x82\xAC \xC3\xA4"},
        {"<title><b>a</b></title>", "<b>a</b>"},
        {"<svg><title>no</title></svg><title>yes</title>", "yes"},
        {"<svg><g/><svg><title>no</title></svg><title>no</title></svg><title>yes</title>", "yes"},
        {"<math><title>no</title></math><title>yes</title>", "yes"},
        {"<!-- <title>no</title> --><title>yes</title>", "yes"},
        {"<script>'<title>no</title>'</script><title>yes</title>", "yes"},
        {"<title>a&nbsp;\xC2\xA0 b\x1B[1m&#7;\xC2\x85</title>", "a b [1m"},
        {"<title>cut", "cut"},
        {"<title>cut</ti", "cut"},
        {"<title>cut</TITLE", "cut"},
        {"<title>a < b", "a < b"},
        {"<title>a</title", "a"},
        {"<title>a\xE2\x82", "a"},
        {"<title", ""},
        {"<title x='", ""},
        {"<titles>no</titles>", ""},
        {"</title>", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(title_of(span_text(cases[i].page), NULL, 400), cases[i].title);
}

static void cut_to_size(void **state) {
    (void)state;
    struct span page = span_text("<title>ab \xE2\x82\xAC\xC3\xA4</title>");
    static const char *const titles[] = {"",
                                         "a",
                                         "ab",
                                         "ab",
                                         "ab",
                                         "ab",
                                         "ab \xE2\x82\xAC",
                                         "ab \xE2\x82\xAC",
                                         "ab \xE2\x82\xAC\xC3\xA4"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        assert_string_equal(title_of(page, NULL, i + 1), titles[i]);
    char nothing = 'x';
    document_title(page, NULL, &nothing, 0);
    assert_int_equal(nothing, 'x');
}

/* Every beginning of the page gives a beginning of the title. */
static void cut_pages(void **state) {
    (void)state;
    static const char page[] =
        "<!doctype html><html><head><meta charset=utf-8><svg><title>n</title></svg>"
        "<title lang='d>e'>Stra\xC3\x9F"
        "e in K\xC3\xB6ln</title><body>x";
    const char *whole = "Stra\xC3\x9F"
                        "e in K\xC3\xB6ln";
    size_t longest = 0;
    for (size_t len = 0; len < sizeof page; len++) {
        const char *title = title_of(span_of(page, len), NULL, 400);
        assert_memory_equal(title, whole, strlen(title));
        assert_true(strlen(title) >= longest);
        longest = strlen(title);
    }
    assert_int_equal(longest, strlen(whole));
}

static void long_titles(void **state) {
    (void)state;
    size_t len;
    uint8_t *page = repeat("&CounterClockwise; ", 500000, "</title>", &len);
    memcpy(page, "<title>", 7);
    char title[20];
    double begin = seconds_used();
    document_title(span_of(page, len), NULL, title, sizeof title);
    assert_true(seconds_used() - begin < seconds_allowed(0.5));
    assert_int_equal(strlen(title), sizeof title - 1);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles),
        cmocka_unit_test(cut_to_size),
        cmocka_unit_test(cut_pages),
        cmocka_unit_test(long_titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
