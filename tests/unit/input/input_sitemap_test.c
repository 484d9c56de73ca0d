/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_sitemap_test.c: sitemaps from files and from a web of a few pages: order, places, indexes in indexes, cycles, and what
 * becomes of those that are missing or broken.
 */
#include "input/source_fixture.h"

#define URLSET(locs) "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>" locs "</urlset>"
#define INDEX(locs)                                                                                \
    "<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>" locs "</sitemapindex>"
#define URL_OF(loc) "<url><loc>" loc "</loc></url>\n"
#define MAP_OF(loc) "<sitemap><loc>" loc "</loc></sitemap>\n"

static void expect_next(struct input *input, const char *source, const char *url) {
    expect_record(input);
    expect_span(record.url, url);
    if (record.why)
        fail_msg("%s: %s", url, record.why);
    expect_span(record.source, source);
    assert_false(record.is_link);
    assert_true(record.line > 0);
}

static void test_file(void **state) {
    (void)state;
    struct input *input =
        open_source(put("s.xml", URLSET("\n" URL_OF("http://h/1") URL_OF(" http://h/2?a&amp;b\n")
                                            URL_OF("mailto:x"))),
                    "sitemap", NULL);
    expect_next(input, "s.xml", "http://h/1");
    assert_int_equal(record.line, 2);
    expect_next(input, "s.xml", "http://h/2?a&b");
    assert_int_equal(record.line, 3);
    expect_next(input, "s.xml", "mailto:x");
    expect_end(input);
}

/* URLs must be absolute; relative ones are forgiven where it is known what they are relative to. */
static void test_relative(void **state) {
    (void)state;
    put("s.xml", URLSET(URL_OF("/x")));
    struct input *input = open_source("s.xml", "sitemap", NULL);
    expect_bad(input, 1, ERR_BAD_URL, "");
    expect_end(input);
    input = open_source("s.xml", "sitemap", "https://base/y/z");
    expect_next(input, "s.xml", "https://base/x");
    expect_end(input);
}

static const struct page pages[] = {
    {"http://w/index.xml", NULL,
     INDEX(MAP_OF("http://w/a.xml") MAP_OF("http://w/missing.xml") MAP_OF("http://w/broken.xml")
               MAP_OF("http://w/index.xml") MAP_OF("/b.xml") MAP_OF("http://w/a.xml#again")
                   MAP_OF("ftp://w/c.xml") MAP_OF("http://w/html")),
     NULL},
    {"http://w/a.xml", "application/xml", URLSET(URL_OF("http://h/a1") URL_OF("http://h/a2")),
     NULL},
    {"http://w/broken.xml", NULL,
     "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>" URL_OF(
         "http://h/c1") "<url></loc>",
     NULL},
    {"http://w/b.xml", NULL, URLSET(URL_OF("http://h/b1") URL_OF("b2")),
     "http://w/elsewhere/b.xml"},
    {"http://w/html", "text/html", "<!doctype html><p>not found", NULL},
    {NULL, NULL, NULL, NULL}};

static void expect_web(struct input *input, const char *index) {
    expect_next(input, "http://w/a.xml", "http://h/a1");
    expect_next(input, "http://w/a.xml", "http://h/a2");
    expect_bad(input, 2, ERR_HTTP_STATUS, "status 404");
    expect_span(record.url, "http://w/missing.xml");
    expect_span(record.source, index);
    assert_int_equal(record.err.detail, 404);
    expect_next(input, "http://w/broken.xml", "http://h/c1");
    expect_bad(input, 0, ERR_BAD_LINE, "");
    expect_span(record.url, "http://w/broken.xml");
}

static void test_index(void **state) {
    (void)state;
    struct web web = {.pages = pages};
    struct input *input = input_open(false);
    input_on_fetch(input, fetch_page, &web);
    add(input, "http://w/index.xml", NULL, NULL);
    assert_false(input_is_ready(input)); /* it is to be fetched */
    expect_web(input, "http://w/index.xml");
    expect_next(input, "http://w/b.xml", "http://h/b1");
    assert_true(input_is_ready(input));
    expect_next(input, "http://w/b.xml", "http://w/elsewhere/b2");
    assert_false(input_is_ready(input));
    expect_bad(input, 7, ERR_BAD_SCHEME, "");
    expect_span(record.url, "ftp://w/c.xml");
    expect_bad(input, 0, ERR_BAD_LINE, "");
    expect_span(record.url, "http://w/html");
    expect_end(input);
    assert_int_equal(web.asked, 6); /* each once */
}

/* An index from a file, compressed, in front of a list. */
static void test_local_index(void **state) {
    (void)state;
    struct web web = {.pages = pages};
    struct input *input = input_open(false);
    input_on_fetch(input, fetch_page, &web);
    const char *text = INDEX(MAP_OF("http://w/a.xml") MAP_OF("http://w/missing.xml")
                                 MAP_OF("http://w/broken.xml") MAP_OF("relative.xml"));
    add(input, put_gzip("i.xml.gz", text, strlen(text)), NULL, NULL);
    add(input, put("l", "u\n"), NULL, NULL);
    expect_web(input, "i.xml.gz");
    expect_bad(input, 4, ERR_BAD_URL, "");
    expect_url(input, 1, 0, "u");
    expect_end(input);
    input = open_source("i.xml.gz", NULL, NULL); /* nobody to fetch */
    for (unsigned i = 1; i <= 3; i++)
        expect_bad(input, i, ERR_UNREADABLE, "nothing can be fetched");
    expect_bad(input, 4, ERR_BAD_URL, "");
    expect_end(input);
}

/* http://n/0 names http://n/1 and so on. */
static bool fetch_nested(void *context, const char *url, struct input_body *body, struct err *err,
                         char *reason, size_t reason_size) {
    (void)err, (void)reason, (void)reason_size;
    unsigned *asked = context, n = (unsigned)atoi(url + strlen("http://n/"));
    ++*asked;
    body->bytes = malloc(1000);
    body->count = (size_t)sprintf((char *)body->bytes, INDEX(MAP_OF("http://n/%u")), n + 1);
    return true;
}

static void test_depth(void **state) {
    (void)state;
    unsigned asked = 0;
    struct input *input = input_open(false);
    input_on_fetch(input, fetch_nested, &asked);
    add(input, "http://n/0", "sitemap", NULL);
    expect_bad(input, 1, ERR_BAD_LINE, "deeper than 5");
    expect_span(record.url, "http://n/6");
    assert_int_equal(asked, 6);
    expect_end(input);
}

static void test_broken(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "x", "<urlset", "<urlset><url>", "<a></b>", "<html></html>"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct input *input = open_source(put("s.xml", texts[i]), "sitemap", NULL);
        expect_bad(input, 0, ERR_BAD_LINE, "");
        expect_span(record.url, "s.xml");
        expect_end(input);
    }
}

static void test_source_that_cannot_be_fetched(void **state) {
    (void)state;
    static const char *const kinds[] = {NULL, "list", "sitemap", "html", "csv:1"};
    for (size_t i = 0; i < 5; i++) {
        struct web web = {.pages = pages};
        struct input *input = input_open(false);
        input_on_fetch(input, fetch_page, &web);
        add(input, "http://w/none", kinds[i], NULL);
        add(input, put("l", "u"), NULL, NULL);
        expect_bad(input, 0, ERR_HTTP_STATUS, "status 404");
        expect_span(record.url, "http://w/none");
        expect_url(input, 1, 0, "u");
        expect_end(input);
    }
}

static void test_interrupt(void **state) {
    (void)state;
    static const char *const paths[] = {"http://w/index.xml", "i.xml"};
    put("i.xml", INDEX(MAP_OF("http://w/a.xml")));
    for (size_t i = 0; i < 2; i++) {
        struct input *input = open_source(paths[i], NULL, NULL);
        struct web web = {.pages = pages, .interrupt = input};
        input_on_fetch(input, fetch_page, &web);
        assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
        assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
        assert_int_equal(web.asked, 1);
        input_close(input);
    }
}

/* The process's resident memory does not grow while a sitemap of many URLs is read. */
static long resident_pages(void) {
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident;
}

/* A sanitizer keeps what was freed for a while. */
#ifdef __SANITIZE_ADDRESS__
enum { MEMORY_PAGES_MAX = 100000 };
#else
enum { MEMORY_PAGES_MAX = 256 };
#endif

static void test_memory(void **state) {
    (void)state;
    enum { URLS = 200000 };
    FILE *file = fopen("big.xml", "w");
    fputs("<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>", file);
    for (int i = 0; i < URLS; i++)
        fprintf(file, "<url><loc>http://host.example/%d</loc></url>\n", i);
    fputs("</urlset>", file);
    fclose(file);
    struct input *input = open_source("big.xml", NULL, NULL);
    long before = 0;
    for (int i = 0; i < URLS; i++) {
        char url[60];
        sprintf(url, "http://host.example/%d", i);
        expect_next(input, "big.xml", url);
        if (i == URLS / 10)
            before = resident_pages();
    }
    assert_true(resident_pages() - before < MEMORY_PAGES_MAX);
    expect_end(input);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_local_index),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_source_that_cannot_be_fetched),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("input_sitemap", tests, make_tree, remove_tree);
}
