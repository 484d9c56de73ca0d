/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * html_test.c: which links a page has, and where they stand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "links.h"

static void elements(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"", ""},
        {"no markup", ""},
        {"<a href=\"http://a/\">x</a>", "1:10 http://a/\n"},
        {"<A HREF=http://a/>", "1:9 http://a/\n"},
        {"<a href='x'><area href=y>", "1:10 x\n1:24 y\n"},
        {"<link rel=stylesheet href=a.css><link href=b>", "1:27 a.css\n1:44 b\n"},
        {"<link rel=\"preconnect\" href=a><link rel='x DNS-prefetch' href=b>", ""},
        {"<link rel=preload imagesrcset='a 1x, b 2x' href=c>", "1:32 a\n1:38 b\n1:49 c\n"},
        {"<img src=a srcset=\"b\">", "1:10 a\n1:20 b\n"},
        {"<img srcset=\"b\" src=a>", "1:14 b\n1:21 a\n"},
        {"<script src=a.js></script>", "1:13 a.js\n"},
        {"<iframe src=a></iframe><frame src=b>", "1:13 a\n1:35 b\n"},
        {"<video src=a poster=b><source src=c srcset=d><audio src=e><track src=f>",
         "1:12 a\n1:21 b\n1:35 c\n1:44 d\n1:57 e\n1:70 f\n"},
        {"<embed src=a><object data=b>", "1:12 a\n1:27 b\n"},
        {"<form action=a><form method=GET action=b>", "1:14 a\n1:40 b\n"},
        {"<form action=a method=POST><form method=dialog action=b>", ""},
        {"<input src=a type=image>", "1:12 a\n"},
        {"<blockquote cite=a><q cite=b><del cite=c><ins cite=d>",
         "1:18 a\n1:28 b\n1:40 c\n1:52 d\n"},
        {"<base href=/x/><base href=/y/><a href=z>", "1:12 base /x/\n1:39 z\n"},
        {"<base target=x><base href=/y/>", "1:27 base /y/\n"},
        {"<a name=x><p href=y><img alt=z><div src=a><a data-href=b>", ""},
        {"<a href=''><a href><a href=\"  \"><img src>", ""},
        {"<a href=a href=b>", "1:9 a\n"},
        {"<a/href=a>", "1:9 a\n"},
        {"</a href=b>", ""},
        {"<noscript><img src=a></noscript>", "1:20 a\n"},
    };
    expect_links(DOCUMENT_HTML, CASES(cases));
}

static void places(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"<a\n  class=x\n  href = \"http://a/\"\n>", "3:11 http://a/\n"},
        {"<a href=a><a href=b>\r\n<a href=c>\r\n\r\n<a\r\nhref=d>",
         "1:9 a\n1:19 b\n2:9 c\n5:6 d\n"},
        {"<a href=\"\n   a\">", "2:4 a\n"},
        {"<a href=\" \t a \">", "1:13 a\n"},
        {"<a href=\"a\n  b\r\n\tc\">", "1:10 a  bc\n"},
        {"\xEF\xBB\xBF<a href=a>\n<a href=b>", "1:9 a\n2:9 b\n"},
        {"\xC3\xA4\xE2\x82\xAC<a href=\xC3\xA4>", "1:14 \xC3\xA4\n"},
        {"<a href=?a&amp;b><a href=c>", "1:9 ?a&b\n1:26 c\n"},
        {"<a title='>' href=a>", "1:19 a\n"},
        {"<a title=\"\n\n\" href=a>", "3:8 a\n"},
        {"<img srcset='\n a.png 1x,\n b.png 2x\n'>", "2:2 a.png\n3:2 b.png\n"},
    };
    expect_links(DOCUMENT_HTML, CASES(cases));
}

static void srcset(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"<img srcset='a'>", "1:14 a\n"},
        {"<img srcset='a, b'>", "1:14 a\n1:17 b\n"},
        {"<img srcset='a,b'>", "1:14 a,b\n"},
        {"<img srcset=', ,a 1x , b 2x,,c 3x'>", "1:17 a\n1:24 b\n1:30 c\n"},
        {"<img srcset='data:x,y 1x, b'>", "1:14 data:x,y\n1:27 b\n"},
        {"<img srcset='a (1x, 2x), b 3x'>", "1:14 a\n1:26 b\n"},
        {"<img srcset='?a=1&amp;b=2 1x, c'>", "1:14 ?a=1&b=2\n1:31 c\n"},
        {"<img srcset=',,'>", ""},
        {"<img srcset=''>", ""},
    };
    expect_links(DOCUMENT_HTML, CASES(cases));
}

static void refresh(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"<meta http-equiv=refresh content='5; url=a'>", "1:42 a\n"},
        {"<meta content=\"0;URL='a b'\" http-equiv=Refresh>", "1:23 a b\n"},
        {"<meta http-equiv=refresh content='0, a'>", "1:38 a\n"},
        {"<meta http-equiv=refresh content='1.5 url = a'>", "1:45 a\n"},
        {"<meta http-equiv=refresh content='0;url=\"a'>", "1:42 a\n"},
        {"<meta http-equiv=refresh content=5>", ""},
        {"<meta http-equiv=refresh content='x;url=a'>", ""},
        {"<meta http-equiv=refresh content='5;'>", ""},
        {"<meta http-equiv=refresh>", ""},
        {"<meta name=refresh content='5; url=a'>", ""},
    };
    expect_links(DOCUMENT_HTML, CASES(cases));
}

static void entities(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"<a href='?a=1&copy=2&copy;'>", "1:10 ?a=1&copy=2\xC2\xA9\n"},
        {"<a href='&lt&gt;&quot;&#39;&#x2F;&apos;'>", "1:10 <>\"'/'\n"},
        {"<a href='&#128;&#0;&#xD800;&#x110000;&#99999999999;'>",
         "1:10 \xE2\x82\xAC\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\n"},
        {"<a href='&colon;&sol;&num;&Tab;x&NewLine;y'>", "1:10 :/#xy\n"},
        {"<a href='&nosuch;&;&#;&#x;&'>", "1:10 &nosuch;&;&#;&#x;&\n"},
        {"<a href='&#32; a&#10;'>", "1:10 a\n"},
        {"<a href='x&euro;&euro'>", "1:10 x\xE2\x82\xAC&euro\n"},
        {"<a href='java&#10;script:x'>", "1:10 javascript:x\n"},
    };
    expect_links(DOCUMENT_HTML, CASES(cases));
}

static void what_is_no_tag(void **state) {
    (void)state;
    static const struct links_case cases[] = {
        {"<!-- <a href=a> --><a href=b>", "1:28 b\n"},
        {"<!--><a href=a>--><!---><a href=b><!-- --!><a href=c><!----><a href=d>",
         "1:14 a\n1:33 b\n1:52 c\n1:69 d\n"},
        {"<!-- -- - --><a href=a>", "1:22 a\n"},
        {"<!--- ---><a href=a>", "1:19 a\n"},
        {"<!-- <a href=a>", ""},
        {"<!doctype html><?php <a href=a> ?><a href=b>", "1:43 b\n"},
        {"<script>'<a href=a>'</script><a href=b>", "1:38 b\n"},
        {"<script>'</scripty><a href=a>'</SCRIPT ><a href=b>", "1:49 b\n"},
        {"<style><a href=a></style><textarea><a href=b></textarea><a href=c>", "1:65 c\n"},
        {"<title><a href=a></title><a href=b>", "1:34 b\n"},
        {"<xmp><a href=a></xmp><noembed><a href=b></noembed>", ""},
        {"<iframe src=a><a href=b></iframe>", "1:13 a\n"},
        {"<script src=a>", "1:13 a\n"},
        {"<svg><title><a href=a></title><![CDATA[<a href=b>]]></svg>", "1:21 a\n"},
        {"<svg><script><a href=a></script></svg>", "1:22 a\n"},
        {"<svg/><title><a href=a></title>", ""},
        {"<svg><p><title><a href=a></title>", ""},
        {"<![CDATA[<a href=a>]]><a href=b>", "1:31 b\n"},
        {"a < b <3 <> </> </ <a href=a>", ""},
        {"a < b <3 <> </> <a href=a>", "1:25 a\n"},
        {"<a href=a", ""},
        {"<a href='a", ""},
        {"<a href=\"a><a href=b>", ""},
        {"<a href='a'<a href=b>", "1:10 a\n"},
        {"<a =href=x href=a>", "1:17 a\n"},
        {"<a href = a>", "1:11 a\n"},
        {"<a href=>", ""},
        {"<a href=/>", "1:9 /\n"},
    };
    expect_links(DOCUMENT_HTML, CASES(cases));
}

static bool stop_at_second(void *context, const struct document_link *link) {
    (void)link;
    return ++*(int *)context < 2;
}

static void enough_is_no_fault(void **state) {
    (void)state;
    char why[50];
    for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++) {
        static const char *const texts[] = {"<img srcset='a 1x, b 2x, c 3x'><a href=d>",
                                            "<a> <b:c> <d:e> <f:g> [x](y) [x](z) [x](z)",
                                            "http://a http://b http://c",
                                            "<urlset><url><loc>a</loc></url><url><loc>b</loc></"
                                            "url><url><loc>c</loc></url></urlset>"};
        int count = 0;
        assert_true(document_links(kind, span_text(texts[kind]), NULL, stop_at_second, &count, why,
                                   sizeof why));
        assert_int_equal(count, 2);
        assert_string_equal(why, "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),
        cmocka_unit_test(places),
        cmocka_unit_test(srcset),
        cmocka_unit_test(refresh),
        cmocka_unit_test(entities),
        cmocka_unit_test(what_is_no_tag),
        cmocka_unit_test(enough_is_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
