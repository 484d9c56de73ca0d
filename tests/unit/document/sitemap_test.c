/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sitemap_test.c: the URLs of sitemaps and their places, in pieces of any size, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "links.h"

static void urls(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"<urlset/>", ""},
        {"<urlset><url><loc>http://a/</loc></url></urlset>", "1:19 http://a/\n"},
        {"<?xml version='1.0' encoding='UTF-8'?>\r\n<urlset xmlns='x'>\r\n<url>\r\n  <loc\r\n>\r\n"
         "  http://a/ </loc><priority>1</priority>\r\n</url><url><loc>b</loc></url></urlset>",
         "6:3 http://a/\n7:17 b\n"},
        {"<sitemapindex><sitemap><loc>a</loc></sitemap></sitemapindex>", "1:29 a\n"},
        {"<urlset><url><loc>?a&amp;b&#38;c</loc></url></urlset>", "1:19 ?a&b&c\n"},
        {"<urlset><url><loc> <![CDATA[ a&b ]]></loc></url></urlset>", "1:30 a&b\n"},
        {"<urlset><url><loc></loc><loc> </loc><loc/></url></urlset>", ""},
        {"<urlset><loc>a</loc><x><url><loc>b</loc></url></x><url><y><loc>c</loc></y>"
         "<loc>d<z>e</z>f</loc></url></urlset>",
         "1:80 df\n"},
        {"<urlset xmlns:image='i'><url><loc>a</loc><image:image><image:loc>b</image:loc>"
         "</image:image></url></urlset>",
         "1:35 a\n"},
        {"<urlset><!-- \n --><url><?x\n?><loc>a</loc></url></urlset>", "3:8 a\n"},
        {"<s:urlset><s:url><s:loc>a</s:loc></s:url></s:urlset>", "1:25 a\n"},
        {"\xEF\xBB\xBF<urlset><url><loc>\xC3\xA4</loc></url></urlset>", "1:19 \xC3\xA4\n"},
        {"<?xml version='1.0' "
         "encoding='iso-8859-1'?><urlset>\xE4<url><loc>\xE4</loc></url></urlset>",
         "1:63 \xC3\xA4\n"},
    };
    expect_links(DOCUMENT_SITEMAP, CASES(cases));
}

static void broken(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"", "! line 1: it ends before it begins"},
        {"<urlset>\n<url><loc>a</loc></url>", "2:11 a\n! line 2: it ends in the middle"},
        {"<urlset>\n<url><loc>a</url>",
         "! line 2: Opening and ending tag mismatch: loc line 2 and url"},
        {"<!DOCTYPE html><html>", "! line 1: no sitemap: it has a document type, html"},
        {"\n<rss></rss>", "! line 2: no sitemap: its root is <rss>"},
        {"<urlset><url><loc>&nosuch;</loc></url></urlset>",
         "! line 1: Entity 'nosuch' not defined"},
        {"<!DOCTYPE u [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
         "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]><urlset><url><loc>&c;</loc></url></urlset>",
         "! line 1: no sitemap: it has a document type, u"},
        {"<!DOCTYPE u SYSTEM 'file:///etc/passwd'><urlset/>",
         "! line 1: no sitemap: it has a document type, u"},
        {"text", "! line 1: Document is empty"},
        {"<urlset><url><loc>a</loc></url></urlset>x",
         "1:19 a\n! line 1: Extra content at the end of the document"},
    };
    expect_links(DOCUMENT_SITEMAP, CASES(cases));
}

struct gathered {
    char text[4000];
    size_t len;
    unsigned most;
};

static bool gather(void *context, enum sitemap_entry entry, const struct document_link *link) {
    struct gathered *gathered = context;
    gathered->len +=
        (size_t)snprintf(gathered->text + gathered->len, sizeof gathered->text - gathered->len,
                         "%c%u:%u %.*s\n", entry == SITEMAP_URL ? 'u' : 's', link->line,
                         link->column, (int)link->url.len, (const char *)link->url.at);
    return !gathered->most || --gathered->most;
}

static void feed_in_pieces(struct span text, size_t piece, struct gathered *gathered) {
    char why[100] = "untouched";
    struct sitemap *sitemap = sitemap_open(gather, gathered);
    assert_non_null(sitemap);
    for (size_t at = 0; at < text.len; at += piece) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, text.at + at, len);
        assert_true(sitemap_feed(sitemap, span_of(copy, len), why, sizeof why));
        free(copy);
    }
    assert_true(sitemap_end(sitemap, why, sizeof why));
    assert_string_equal(why, "untouched");
    sitemap_close(sitemap);
}

static void pieces(void **state) {
    (void)state;
    static const char text[] =
        "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\n<urlset><!-- \xC3\xA4 -->\n"
        " <url><loc>http://a/?b&amp;c</loc></url><url>\n  "
        "<loc>\n\t<![CDATA[http://\xC3\xA4/]]>\n</loc>"
        "</url>\n <sitemap><loc>x</loc></sitemap></urlset>\n<!-- end -->";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct gathered gathered = {.len = 0};
        feed_in_pieces(span_of(text, sizeof text - 1), piece, &gathered);
        assert_string_equal(gathered.text,
                            "u3:12 http://a/?b&c\nu5:11 http://\xC3\xA4/\ns7:16 x\n");
    }
}

static void wide_in_pieces(void **state) {
    (void)state;
    static const char text[] = "<urlset>\n<url><loc>a</loc></url></urlset>";
    uint8_t wide[2 * sizeof text] = {0xFF, 0xFE};
    for (size_t i = 0; i + 1 < sizeof text; i++)
        wide[2 + 2 * i] = (uint8_t)text[i];
    for (size_t piece = 1; piece < 50; piece += 7) {
        struct gathered gathered = {.len = 0};
        feed_in_pieces(span_of(wide, sizeof wide), piece, &gathered);
        assert_string_equal(gathered.text, "u2:21 a\n");
    }
}

static void enough(void **state) {
    (void)state;
    char why[100] = "untouched";
    struct gathered gathered = {.most = 2};
    struct span text = span_text("<urlset><url><loc>a</loc></url><url><loc>b</loc></url>"
                                 "<url><loc>c</loc></url></urlset>");
    struct sitemap *sitemap = sitemap_open(gather, &gathered);
    assert_non_null(sitemap);
    /* Less than the beginning that tells the charset is looked at only when more comes, or the end. */
    sitemap_feed(sitemap, text, why, sizeof why);
    assert_false(sitemap_end(sitemap, why, sizeof why));
    assert_string_equal(why, "");
    assert_false(sitemap_feed(sitemap, text, why, sizeof why));
    assert_string_equal(gathered.text, "u1:19 a\nu1:42 b\n");
    sitemap_close(sitemap);
    sitemap_close(NULL);
}

static bool count_entry(void *context, enum sitemap_entry entry, const struct document_link *link) {
    (void)entry;
    (void)link;
    ++*(size_t *)context;
    return true;
}

/* 20 MB in one line: what is kept doesn't grow, and time goes with the length. */
static void many(void **state) {
    (void)state;
    enum { ENTRIES = 400000 };
    size_t len, count = 0;
    char why[100];
    uint8_t *text = repeat("<url><loc>https://example.com/1</loc></url>       ", ENTRIES, "", &len);
    struct sitemap *sitemap = sitemap_open(count_entry, &count);
    assert_non_null(sitemap);
    double begin = seconds_used();
    assert_true(sitemap_feed(sitemap, span_text("<urlset>"), why, sizeof why));
    for (size_t at = 0; at < len; at += 65536)
        assert_true(sitemap_feed(sitemap, span_of(text + at, len - at < 65536 ? len - at : 65536),
                                 why, sizeof why));
    assert_true(sitemap_feed(sitemap, span_text("</urlset>"), why, sizeof why));
    assert_true(sitemap_end(sitemap, why, sizeof why));
    assert_true(seconds_used() - begin < seconds_allowed(2));
    assert_int_equal(count, ENTRIES);
    sitemap_close(sitemap);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),           cmocka_unit_test(broken), cmocka_unit_test(pieces),
        cmocka_unit_test(wide_in_pieces), cmocka_unit_test(enough), cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
