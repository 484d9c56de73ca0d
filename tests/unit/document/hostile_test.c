/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hostile_test.c: documents that were made to hurt: every sample cut at every byte, endless nesting and repetition, bytes that
 * are nothing. No answer is expected but one in time; the sanitizers and the forbidden page say the rest.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "links.h"

static const char *const samples[] = {
    "<!doctype html><html><head><meta charset='utf-8'><title>T &amp; \xC3\xA4</title><base "
    "href='/b/'>"
    "<link rel='x' href=y><script>'</a>'</script></head><!-- c --><body><svg><title>t</title>"
    "<![CDATA[x]]></svg><a href=\"http://a/?b&amp;c&#x41;&copy\" id=i>\n<img srcset='a 1x, b 2x'>"
    "<meta http-equiv=refresh content=\"5; url='x'\"></body>",
    "# H &amp; *i*\n\n[a](b \"t\") ![c](<d e>) <http://f/> `g`\n\n> * [h][i] <a "
    "href='j&amp;'>k</a>\n"
    "\n[i]: l\\_m 'n'\n\n|o|p|\n|-|-|\n|q|https://r/|\n\n<div>\n<img "
    "src=s>\n</div>\n\n```\nt\n```\nu\n===\n",
    "see (http://a/b_(c)), \xE2\x80\x9Chttps://d/\xE2\x80\x9D\r\nhttp://[::1]/.",
    "<?xml version='1.0' encoding='utf-8'?><!-- x --><urlset "
    "xmlns='y'><url><loc>http://a/&amp;b</loc>"
    "<lastmod>2000-01-01</lastmod></url><url><loc> <![CDATA[c]]></loc></url></urlset>\n"};

static void cut_anywhere(void **state) {
    (void)state;
    static const char *const charsets[] = {NULL, "utf-16le", "shift_jis", "iso-2022-jp"};
    for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++)
        for (size_t len = 0; len <= strlen(samples[kind]); len++)
            for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
                ask_everything(kind, span_of(samples[kind], len), charsets[i]);
}

/* Every byte of every sample replaced by something that has a meaning somewhere. */
static void spoilt_anywhere(void **state) {
    (void)state;
    static const char spoilers[] = {0, '<', '"', '\'', '&', '\xFF', '\xE4', '[', '\\', '\n'};
    for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++) {
        size_t len = strlen(samples[kind]);
        char *text = strdup(samples[kind]);
        assert_non_null(text);
        for (size_t at = 0; at < len; at++) {
            text[at] = spoilers[at % sizeof spoilers];
            ask_everything(kind, span_of(text, len), NULL);
            text[at] = samples[kind][at];
        }
        free(text);
    }
}

static void every_kind_as_every_other(void **state) {
    (void)state;
    for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++)
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
            ask_everything(kind, span_text(samples[i]), NULL);
}

static void repeated(void **state) {
    (void)state;
    static const struct {
        const char *piece;
        size_t count;
        const char *tail;
    } cases[] = {
        {"<b>", 100000, ""},
        {"<a href=x><b><i>", 100000, "</i></a>"},
        {"</b>", 100000, "<a href=x>"},
        {"<svg>", 100000, "<title>x"},
        {"<!--", 100000, ""},
        {"<!-- --", 100000, ""},
        {"--", 100000, ""},
        {"</script", 100000, ""},
        {"<title>", 100000, ""},
        {"<a href='", 100000, ""},
        {"<![CDATA[", 100000, ""},
        {"<a x", 100000, ""},
        {"&", 300000, ""},
        {"[", 100000, ""},
        {"[a](", 50000, ""},
        {"![[]()", 50000, ""},
        {"> ", 30000, "x"},
        {"* a\n", 50000, ""},
        {"[a]: b\n", 50000, "[a]"},
        {"[a](\\_)\n", 30000, ""},
        {"http://a.b\n", 30000, ""},
        {"http://", 100000, ""},
        {"http://(((", 100000, ")))"},
        {"*a **b _c ", 30000, ""},
        {"`a``", 50000, ""},
        {"# a\n", 50000, ""},
        {"<?", 100000, ""},
        {"<urlset>", 100000, ""},
        {"\xFF", 300000, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len;
        size_t count = i ? cases[i].count / 4 : cases[i].count;
        uint8_t *text = repeat(cases[i].piece, count, cases[i].tail, &len);
        for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++) {
            double begin = seconds_used();
            ask_everything(kind, span_of(text, len), NULL);
            if (seconds_used() - begin > seconds_allowed(1))
                fail_msg("%s took %f s as kind %d", cases[i].piece, seconds_used() - begin, kind);
        }
        free(text);
    }
}

/* An attribute of 10 MB, a tag of 10 MB of attributes, and 1 MB of other things. */
static void long_pieces(void **state) {
    (void)state;
    static const char *const heads[] = {
        "<a href='", "<a ", "<urlset><url><loc>", "<urlset a='", "[a](", "http://", "<title>"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t len;
        uint8_t *text = repeat(i == 1 ? "a " : "aa", i < 2 ? 5 << 20 : 1 << 19, "'>", &len);
        memcpy(text, heads[i], strlen(heads[i]));
        double begin = seconds_used();
        for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++)
            if (i < 2 ? kind == DOCUMENT_HTML : true)
                links_of(kind, span_of(text, len), NULL);
        assert_true(seconds_used() - begin < seconds_allowed(2));
        free(text);
    }
    const char *why = "! line 1: a tag, comment or text of over 256 KiB";
    size_t len;
    uint8_t *text = repeat("a", 10 << 20, "", &len);
    memcpy(text, "<urlset><url><loc>", 18);
    assert_string_equal(links_of(DOCUMENT_SITEMAP, span_of(text, len), NULL), why);
    free(text);
}

/* Libraries can speak without being asked. */
static void nothing_is_printed(void **state) {
    (void)state;
    int ends[2], kept = dup(STDERR_FILENO);
    char text[10];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    dup2(ends[1], STDERR_FILENO);
    for (size_t len = 0; len < strlen(samples[DOCUMENT_SITEMAP]); len++)
        ask_everything(DOCUMENT_SITEMAP, span_of(samples[DOCUMENT_SITEMAP], len), NULL);
    ask_everything(DOCUMENT_SITEMAP, span_text("<urlset a='1' a='2' x:y='z'>&x;\x01\xFF<"),
                   "utf-8");
    dup2(kept, STDERR_FILENO);
    assert_int_equal(read(ends[0], text, sizeof text), -1);
    close(kept);
    close(ends[0]);
    close(ends[1]);
}

static bool take(void *context, const struct document_link *link) {
    *(size_t *)context += link->url.len + link->column;
    return true;
}

static void *ask_often(void *context) {
    size_t *sum = context;
    char why[100];
    for (int turn = 0; turn < 200; turn++)
        for (enum document_kind kind = DOCUMENT_HTML; kind <= DOCUMENT_SITEMAP; kind++) {
            struct span text = span_text(samples[kind]);
            *sum += !document_links(kind, text, "windows-1252", take, sum, why, sizeof why);
            *sum += document_has_name(kind, text, NULL, span_text("h--i"));
        }
    return NULL;
}

static void several_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    size_t sums[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &sums[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(sums[i], sums[0]);
    }
    assert_true(sums[0] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_threads),    cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(spoilt_anywhere),    cmocka_unit_test(every_kind_as_every_other),
        cmocka_unit_test(repeated),           cmocka_unit_test(long_pieces),
        cmocka_unit_test(nothing_is_printed),
    };
    alarm((unsigned)seconds_allowed(60));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
