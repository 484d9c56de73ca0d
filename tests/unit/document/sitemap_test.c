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
        {"<urlset xmlns:a='u' xmlns:b='u' a:x='' b:x=''><url><a:b:loc>a</a:b:loc><:loc>b</:loc>"
         "<loc:>c</loc:></url></urlset>",
         ""},
        {"<urlset><url><loc>a<?x y?>b<!-- c -->d<![CDATA[e]]>&lt;&gt;&quot;&apos;&#x1F600;</loc>"
         "</url></urlset>",
         "1:19 abde<>\"'\xF0\x9F\x98\x80\n"},
        {"<urlset><url><loc>a\r\nb\rc</loc>\r<loc>d</loc></url></urlset>",
         "1:19 a\nb\nc\n2:16 d\n"},
        {"<?x?>\n<!-- y --><urlset/>\n<?z?><!-- y -->\n", ""},
        {"<?xml version='1.1' encoding='no-such' standalone='yes'?><urlset><url><loc>a</loc></url>"
         "</urlset>",
         "1:76 a\n"},
        {"\xEF\xBB\xBF<urlset><url><loc>\xC3\xA4</loc></url></urlset>", "1:19 \xC3\xA4\n"},
        {"<?xml version='1.0' "
         "encoding='iso-8859-1'?><urlset>\xE4<url><loc>\xE4</loc></url></urlset>",
         "1:63 \xC3\xA4\n"},
        {"<?xml version='1.0' encoding='koi8-r'?><urlset><url><loc>\xD6</loc></url></urlset>",
         "1:58 \xD0\xB6\n"},
        {"<?xml version='1.0' encoding='shift_jis'?><urlset><url><loc>\x82\xA0\x82\xA2</loc><loc>x"
         "</loc></url></urlset>",
         "1:61 \xE3\x81\x82\xE3\x81\x84\n1:76 x\n"},
    };
    expect_links(DOCUMENT_SITEMAP, CASES(cases));
}

#define INVALID "not well-formed (invalid token)"
#define TYPE "no sitemap: it has a document type, "
static const struct links_case broken_cases[] = {
    {"", "! line 1: it ends before it begins"},
    {" \n", "! line 2: it ends before it begins"},
    {"<urls", "! line 1: it ends before it begins"},
    {"<!-- ", "! line 1: it ends before it begins"},
    {"<urlset>\n<url><loc>a</loc></url>", "2:11 a\n! line 2: it ends in the middle"},
    {"<urlset>\n<url\n", "! line 3: it ends in the middle"},
    {"<urlset><url><loc>a", "! line 1: it ends in the middle"},
    {"<urlset><url><loc>a&am", "! line 1: it ends in the middle"},
    {"<urlset><url><loc><![CDATA[a", "! line 1: it ends in the middle"},
    {"\xEF\xBB\xBF<urlset>\xE4\xB8", "! line 1: it ends in the middle"},
    {"<urlset/>\n<!-- ", "! line 2: it ends in the middle"},
    {"<urlset>\n<url><loc>a</url>", "! line 2: mismatched tag"},
    {"<a:urlset></b:urlset>", "! line 1: mismatched tag"},
    {"<!DOCTYPE html><html>", "! line 1: " TYPE "html"},
    {"<!--\n--><!DOCTYPE\nhtml PUBLIC 'a' 'b'>", "! line 2: " TYPE "html"},
    {"<!doctype html>", "! line 1: syntax error"},
    {"\n<rss></rss>", "! line 2: no sitemap: its root is <rss>"},
    {"<r:RDF><url><loc>a</loc></url></r:RDF>", "! line 1: no sitemap: its root is <r:RDF>"},
    {"<urlset><url><loc>a</loc><loc>&nosuch;</loc></url></urlset>",
     "1:19 a\n! line 1: undefined entity"},
    {"<urlset a='&nbsp;'/>", "! line 1: undefined entity"},
    {"<!DOCTYPE u [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
     "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]><urlset><url><loc>&c;</loc></url></urlset>",
     "! line 1: " TYPE "u"},
    {"<!DOCTYPE u SYSTEM 'file:///etc/passwd'><urlset/>", "! line 1: " TYPE "u"},
    {"<!DOCTYPE u [<!ENTITY % a SYSTEM 'http://127.0.0.1/'> %a;]><urlset/>", "! line 1: " TYPE "u"},
    {"<urlset/>\n<!DOCTYPE u>", "! line 2: junk after document element"},
    {"text", "! line 1: syntax error"},
    {"{\"urlset\": 1}", "! line 1: " INVALID},
    {"<urlset><url><loc>a</loc></url></urlset>x", "1:19 a\n! line 1: junk after document element"},
    {"<urlset/>\n<urlset/>", "! line 2: junk after document element"},
    {"\n<?xml version='1.0'?><urlset/>",
     "! line 2: XML or text declaration not at start of entity"},
    {"<urlset>\n<url><loc>?a&b</loc></url></urlset>", "! line 2: " INVALID},
    {"<urlset>\r\r\n<url><loc>a]]>b</loc></url></urlset>", "! line 2: " INVALID},
    {"<urlset>\x01</urlset>", "! line 1: " INVALID},
    {"<urlset>&#xFFFF;</urlset>", "! line 1: reference to invalid character number"},
    {"<urlset a='1' a='2'/>", "! line 1: duplicate attribute"},
    {"\xEF\xBB\xBF<urlset>\n<url><loc>\xE4</loc></url></urlset>", "! line 2: " INVALID},
    {"\xEF\xBB\xBF<urlset>\xED\xA0\x80</urlset>", "! line 1: " INVALID},
};

static void broken(void **state) {
    (void)state;
    expect_links(DOCUMENT_SITEMAP, CASES(broken_cases));
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

/* Each piece in memory of its own. Whether all of them were taken. */
static bool feed_pieces(struct sitemap *sitemap, struct span text, size_t piece, char *why,
                        size_t why_size) {
    bool good = true;
    for (size_t at = 0; at < text.len; at += piece) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, text.at + at, len);
        good &= sitemap_feed(sitemap, span_of(copy, len), why, why_size);
        free(copy);
    }
    return good;
}

/* What is seen of a document in pieces: the URLs, and behind them "! why" if it is broken. */
static void see_in_pieces(struct span text, size_t piece, struct gathered *seen) {
    char why[100] = "";
    struct sitemap *sitemap = sitemap_open(gather, seen);
    assert_non_null(sitemap);
    feed_pieces(sitemap, text, piece, why, sizeof why);
    if (!sitemap_end(sitemap, why, sizeof why))
        snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "! %s", why);
    sitemap_close(sitemap);
}

static void broken_in_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof broken_cases / sizeof *broken_cases; i++) {
        struct span text = span_text(broken_cases[i].text);
        struct gathered whole = {.len = 0};
        see_in_pieces(text, text.len + 1, &whole);
        assert_non_null(strstr(whole.text, strchr(broken_cases[i].links, '!')));
        for (size_t piece = 1; piece < text.len; piece++) {
            struct gathered seen = {.len = 0};
            see_in_pieces(text, piece, &seen);
            assert_string_equal(seen.text, whole.text);
        }
    }
}

static void feed_in_pieces(struct span text, size_t piece, struct gathered *gathered) {
    char why[100] = "untouched";
    struct sitemap *sitemap = sitemap_open(gather, gathered);
    assert_non_null(sitemap);
    assert_true(feed_pieces(sitemap, text, piece, why, sizeof why));
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

/* ---- limits ---- */

enum { LONG = 256 << 10 }; /* of a construct */

/* A document with `count` times `piece` between head and tail, in pieces of several sizes. */
static void expect_long(const char *head, const char *piece, size_t count, const char *tail,
                        const char *expected) {
    static const size_t pieces[] = {1, 1000, 16 << 10, (16 << 10) + 1, 250000, 1 << 20};
    size_t len, head_len = strlen(head);
    uint8_t *middle = repeat(piece, count, tail, &len);
    uint8_t *text = malloc(head_len + len);
    assert_non_null(text);
    memcpy(text, head, head_len);
    memcpy(text + head_len, middle, len);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct gathered seen = {.len = 0};
        see_in_pieces(span_of(text, head_len + len), pieces[i], &seen);
        assert_string_equal(seen.text, expected);
    }
    free(text);
    free(middle);
}

static void long_constructs(void **state) {
    (void)state;
    static const char why[] = "! line 2: a tag, comment or text of over 256 KiB";
    static const char tail[] = "<url><loc>z</loc></url></urlset>";
    static const struct {
        const char *head, *tail;
        size_t len; /* of both, without what is no part of the construct */
    } cases[] = {
        {"<urlset>\n<!--", "-->", 7}, {"<urlset>\n<a b='", "'/>", 9}, {"<urlset>\n<?a ", "?>", 6}};
    char end[100];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[40];
        snprintf(end, sizeof end, "%s%s", cases[i].tail, tail);
        snprintf(expected, sizeof expected, "u2:%zu z\n", LONG + strlen("<url><loc>") + 1);
        expect_long(cases[i].head, "x", LONG - cases[i].len, end, expected);
        expect_long(cases[i].head, "x", LONG + 1 - cases[i].len, end, why);
        expect_long(cases[i].head, "x", 3 * LONG, "", why);
    }
    /* Of a loc all that is in it, with its end. */
    expect_long("<urlset>\n<url><loc>z<!--", "x", LONG - 8 - 6, "--></loc></url></urlset>",
                "u2:11 z\n");
    expect_long("<urlset>\n<url><loc>z<!--", "x", LONG - 8 - 5, "--></loc></url></urlset>", why);
    expect_long("<urlset>\n<url><loc>", "x", LONG + 1, "", why);
    /* Text that nobody looks at may be of any length. */
    expect_long("<urlset><x>", "x", 2 * LONG, "</x>\n<url><loc>z</loc></url></urlset>",
                "u2:11 z\n");
}

static void deep(void **state) {
    (void)state;
    char ends[257 * 4 + 20] = "";
    for (int i = 0; i < 255; i++)
        strcat(ends, "</b>");
    strcat(ends, "</urlset>");
    expect_long("<urlset>", "<b>", 255, ends, "");
    expect_long("<urlset>\n", "<b>", 256, "", "! line 2: elements over 256 deep");
}

static void names(void **state) {
    (void)state;
    enum { NAMES = 20000 };
    static const char *const forms[] = {"<n%d/>", "<n a%d=''/>"};
    for (size_t i = 0; i < 2; i++) {
        struct gathered seen = {.len = 0};
        char *text = malloc(20 * NAMES);
        assert_non_null(text);
        size_t len = (size_t)sprintf(text, "<urlset>");
        for (int name = 0; name < NAMES; name++)
            len += (size_t)snprintf(text + len, 20, forms[i], name);
        see_in_pieces(span_of(text, len), 1000, &seen);
        assert_string_equal(seen.text, "! line 1: too many names of elements and attributes");
        free(text);
    }
    expect_long("<urlset><", "n", 1000, "/></urlset>", "");
    expect_long("<urlset><", "n", 1001, "/></urlset>", "! line 1: a name of over 1000 bytes");
    expect_long("<urlset ", "n", 1001, "=''/>", "! line 1: a name of over 1000 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(broken),
        cmocka_unit_test(pieces),
        cmocka_unit_test(wide_in_pieces),
        cmocka_unit_test(enough),
        cmocka_unit_test(many),
        cmocka_unit_test(broken_in_pieces),
        cmocka_unit_test(long_constructs),
        cmocka_unit_test(deep),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
