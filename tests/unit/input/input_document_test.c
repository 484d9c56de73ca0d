/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_document_test.c: links of documents with their places, what they are relative to, and what is decided about local
 * files and fragments.
 */
#include <time.h>

#include "input/source_fixture.h"

static void expect_link(struct input *input, uint64_t line, const char *url) {
    expect_record(input);
    expect_span(record.url, url);
    if (record.why)
        fail_msg("%s: %s", url, record.why);
    assert_int_equal(record.line, line);
    assert_true(record.is_link);
    assert_true(record.column > 0);
}

static void expect_asked(struct input *input, uint64_t line, const char *url) {
    expect_link(input, line, url);
    assert_false(record.is_decided);
}

static void expect_decided(struct input *input, const char *url, enum err_kind kind) {
    expect_record(input);
    expect_span(record.url, url);
    assert_true(record.is_decided && record.is_link);
    if (record.err.kind != kind)
        fail_msg("%s: %s", url, err_kind_name(record.err.kind));
    assert_int_equal(record.err.stage, kind == ERR_NONE ? STAGE_NONE : STAGE_EXPECT);
    assert_true((kind != ERR_NONE) == (record.why != NULL));
}

static void test_places(void **state) {
    (void)state;
    struct input *input =
        open_source(put("p.html", "<p>\n <a href='http://h/1'>\n<img src=\"https://h/2\">"
                                  "<a href='mailto:x@y'><a href='javascript:f()'>"
                                  "<a href='tel:1'><a href='data:,x'>"),
                    "html", NULL);
    expect_asked(input, 2, "http://h/1");
    assert_int_equal(record.column, 11);
    expect_span(record.source, "p.html");
    assert_int_equal(record.n, 1);
    expect_asked(input, 3, "https://h/2");
    expect_asked(input, 3, "mailto:x@y");
    expect_asked(input, 3, "javascript:f()");
    expect_asked(input, 3, "tel:1");
    expect_asked(input, 3, "data:,x");
    expect_end(input);
    input = open_source(put("p.md", "# T\n\n[a](http://h/1) <http://h/2>\n"), NULL, NULL);
    expect_asked(input, 3, "http://h/1");
    expect_asked(input, 3, "http://h/2");
    expect_end(input);
    input = open_source(put("p.txt", "see http://h/1, or\n(https://h/2)."), "text", NULL);
    expect_asked(input, 1, "http://h/1");
    assert_int_equal(record.column, 5);
    expect_asked(input, 2, "https://h/2");
    expect_end(input);
}

static void test_base(void **state) {
    (void)state;
    static const char page[] =
        "<a href='x?q#f'><a href='/y'><a href='//o/z'><a href='#id'><a href='#no'>"
        "<a href='http://a/as/../is'><a href='http://a:99999/'><a href='../n' id=id>";
    struct input *input = open_source(put("p.html", page), "html", "https://b/d/e");
    expect_asked(input, 1, "https://b/d/x?q#f");
    expect_asked(input, 1, "https://b/y");
    expect_asked(input, 1, "https://o/z");
    expect_decided(input, "#id", ERR_NONE);
    expect_decided(input, "#no", ERR_NO_SUCH_FRAGMENT);
    expect_asked(input, 1, "http://a/as/../is"); /* the engine's business */
    expect_asked(input, 1, "http://a:99999/");
    expect_asked(input, 1, "https://b/n");
    expect_end(input);
}

static void test_fetched(void **state) {
    (void)state;
    static const struct page pages[] = {
        {"http://w/p", "text/html; charset=iso-8859-1",
         "<h1 id='\xe9'>x</h1><a href='r'><a href='#%C3%A9'><a href='#none'><a href='//[bad'>"
         "<base href='/deep/'><base href='/later/'><a href='s'>",
         "http://w/sub/final?q"},
        {"http://w/m.md", "text/plain", "[a](b)", NULL},
        {"http://w/m2", "text/markdown", "[a](b)", NULL},
        {"http://w/list", "text/plain", "a\nb\n", NULL},
        {"http://w/t.csv?x", "text/plain", "url\nhttp://c/", NULL},
        {NULL, NULL, NULL, NULL}};
    struct web web = {.pages = pages};
    struct input *input = input_open(false);
    input_on_fetch(input, fetch_page, &web);
    add(input, "http://w/p", NULL, NULL);
    add(input, "http://w/m.md", NULL, NULL);
    add(input, "http://w/m2", NULL, NULL);
    add(input, "http://w/list", NULL, NULL);
    add(input, "http://w/t.csv?x", NULL, NULL);
    expect_asked(input, 1, "http://w/sub/r"); /* it stands before <base> */
    expect_span(record.source, "http://w/p");
    expect_decided(input, "#%C3%A9", ERR_NONE);
    expect_decided(input, "#none", ERR_NO_SUCH_FRAGMENT);
    expect_bad(input, 1, ERR_BAD_URL, "");
    expect_span(record.url, "//[bad");
    expect_asked(input, 1, "http://w/deep/s");
    expect_asked(input, 1, "http://w/b");
    expect_asked(input, 1, "http://w/b");
    expect_url(input, 1, 0, "a");
    expect_span(record.source, "http://w/list");
    assert_true(input_is_ready(input));
    expect_url(input, 2, 0, "b");
    assert_false(input_is_ready(input)); /* the next one is to be fetched */
    expect_url(input, 2, 1, "http://c/");
    expect_end(input);
}

static void make_site(void) {
    mkdir("site", 0700);
    mkdir("site/dir", 0700);
    mkdir("site/bare", 0700);
    mkdir("site/b c", 0700);
    put("site/dir/index.html", "<p id=here>");
    put("site/b c/\xc3\xa4.html", "<a name='old'>");
    put("site/t.md", "# A Title\n\n<b id='x'></b>\n");
    put("site/pic.png", "\x89PNG");
}

static void test_local(void **state) {
    (void)state;
    make_site();
    struct input *input = open_source(
        put("site/p.html", "<p id=me><a href='t.md'><a href='t.md?q#a-title'><a href='t.md#no'>"
                           "<a href='b%20c/%C3%A4.html#old'><a href='b%20c/%C3%A4.html#new'>"
                           "<a href='dir'><a href='dir/#here'><a href='dir#there'>"
                           "<a href='bare/'><a href='bare#x'><a href='none.html'>"
                           "<a href='t.md/'><a href='pic.png#x'><a href='%00'>"
                           "<a href='/dir/'><a href='/none'><a href='../site/p.html#me'>"
                           "<a href='p.html#you'><a href='?q#me'><a href='//o/x'>"
                           "<a href='#'><a href='#top'><a href='/'>"),
        "html", NULL);
    expect_decided(input, "t.md", ERR_NONE);
    expect_decided(input, "t.md?q#a-title", ERR_NONE);
    expect_decided(input, "t.md#no", ERR_NO_SUCH_FRAGMENT);
    assert_string_equal(record.why, "nothing in it is named \"no\"");
    expect_decided(input, "b%20c/%C3%A4.html#old", ERR_NONE);
    expect_decided(input, "b%20c/%C3%A4.html#new", ERR_NO_SUCH_FRAGMENT);
    expect_decided(input, "dir", ERR_NONE);
    expect_decided(input, "dir/#here", ERR_NONE);
    expect_decided(input, "dir#there", ERR_NO_SUCH_FRAGMENT);
    expect_decided(input, "bare/", ERR_NONE);
    expect_decided(input, "bare#x", ERR_NONE);
    expect_decided(input, "none.html", ERR_NO_SUCH_FILE);
    assert_string_equal(record.why, "there is no \"site/none.html\"");
    expect_decided(input, "t.md/", ERR_NO_SUCH_FILE);
    expect_decided(input, "pic.png#x", ERR_NONE);
    expect_decided(input, "%00", ERR_NO_SUCH_FILE);
    expect_decided(input, "/dir/", ERR_NONE); /* the file's own directory was named */
    expect_decided(input, "/none", ERR_NO_SUCH_FILE);
    expect_decided(input, "../site/p.html#me", ERR_NONE);
    expect_decided(input, "p.html#you", ERR_NO_SUCH_FRAGMENT);
    expect_decided(input, "?q#me", ERR_NONE);
    expect_asked(input, 1, "https://o/x");
    expect_decided(input, "#", ERR_NONE);
    expect_decided(input, "#top", ERR_NONE);
    expect_decided(input, "/", ERR_NONE);
    expect_end(input);
}

/* Of a file without a directory in its name, "/" is where it lies, not this machine's. */
static void test_local_root(void **state) {
    (void)state;
    struct input *input = open_source(
        put("p.html", "<a href='/etc'><a href='/p.html'><a href='//'><a href='/'>"), "html", NULL);
    expect_decided(input, "/etc", ERR_NO_SUCH_FILE);
    expect_decided(input, "/p.html", ERR_NONE);
    expect_bad(input, 1, ERR_BAD_URL, "");
    expect_decided(input, "/", ERR_NONE);
    expect_end(input);
}

static void test_local_base_element(void **state) {
    (void)state;
    make_site();
    struct input *input = open_source(
        put("site/p.html", "<base href='dir/'><a href='index.html'><a href='t.md'>"), "html", NULL);
    expect_decided(input, "index.html", ERR_NONE);
    expect_decided(input, "t.md", ERR_NO_SUCH_FILE);
    expect_end(input);
    input = open_source(put("site/p.html", "<base href='http://h/d/'><a href='x'>"), "html", NULL);
    expect_asked(input, 1, "http://h/d/x");
    expect_end(input);
}

static void test_many_targets(void **state) {
    (void)state;
    char page[20000], *to = page;
    for (int i = 0; i < 60; i++) {
        char name[20], text[40];
        sprintf(name, "t%d.html", i);
        sprintf(text, "<p id=n%d>", i);
        put(name, text);
        for (int j = i; j < i + 3; j++)
            to += sprintf(to, "<a href='t%d.html#n%d'>", i, j);
    }
    struct input *input = open_source(put("many.html", page), NULL, NULL);
    for (int i = 0; i < 60; i++)
        for (int j = i; j < i + 3; j++) {
            char url[40];
            sprintf(url, "t%d.html#n%d", i, j);
            expect_decided(input, url, i == j ? ERR_NONE : ERR_NO_SUCH_FRAGMENT);
        }
    expect_end(input);
}

static double seconds_used(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static double seconds_allowed(double seconds) {
    const char *slow = getenv("RINGFETCH_SLOW");
    return seconds * (slow && atoi(slow) > 1 ? atoi(slow) : 1);
}

/* As many names as links to them, in the document and in another: what a look through the text for each would cost shows. */
static void test_many_fragments(void **state) {
    (void)state;
    enum { LINKS = 10000, PIECE = 64 };
    char *page = malloc(LINKS * PIECE + 1), *to = page;
    double begin = seconds_used();
    for (int i = 0; i < LINKS; i++)
        to += sprintf(to, "<p id=n%d><a href='#n%d'><a href='f.html#m%d'>", i, i, i);
    put("f.html", page);
    struct input *input = open_source(put("frag.html", page), "html", NULL);
    free(page);
    for (int i = 0; i < LINKS; i++) {
        expect_record(input);
        assert_true(record.is_decided && !record.why);
        expect_record(input);
        assert_int_equal(record.err.kind, ERR_NO_SUCH_FRAGMENT);
    }
    expect_end(input);
    assert_true(seconds_used() - begin < seconds_allowed(1));
}

/* However it is spelt, a file is read once; and as soon as it is another one, again. */
static void test_spellings(void **state) {
    (void)state;
    enum { SPELLINGS = 1000, SPELLING = 2 * SPELLINGS + 32 };
    char *text = calloc(1, 1 << 20), *page = malloc(SPELLINGS * SPELLING), *to = page;
    double begin = seconds_used();
    for (int i = 0; i < 100000; i++)
        memcpy(text + 8 * i, "<p id=a>", 8);
    put("big.html", text);
    for (int i = 0; i < SPELLINGS; i++) {
        to = stpcpy(to, "<a href='");
        for (int k = 0; k < i; k++)
            to = stpcpy(to, "./");
        to = stpcpy(to, "big.html#a'>");
    }
    struct input *input = open_source(put("p.html", page), "html", NULL);
    for (int i = 0; i < SPELLINGS; i++) {
        expect_record(input);
        assert_true(record.is_decided && !record.why);
    }
    expect_end(input);
    assert_true(seconds_used() - begin < seconds_allowed(1));
    free(text);
    free(page);
}

static void test_changed_target(void **state) {
    (void)state;
    put("t.html", "<p id=old>");
    struct input *input =
        open_source(put("p.html", "<a href='t.html#new'><a href='t.html#new'>"), "html", NULL);
    expect_decided(input, "t.html#new", ERR_NO_SUCH_FRAGMENT);
    put("t.html", "<p id=new> and more");
    expect_decided(input, "t.html#new", ERR_NONE);
    expect_end(input);
}

/* One file by two names: what it is depends on the name. */
static void test_two_names(void **state) {
    (void)state;
    put("two.html", "<p id=a>\n\n# B\n");
    assert_int_equal(link("two.html", "two.md"), 0);
    assert_int_equal(link("two.html", "two.txt"), 0);
    struct input *input =
        open_source(put("p.html", "<a href='two.html#b'><a href='two.md#b'><a href='two.txt#b'>"),
                    "html", NULL);
    expect_decided(input, "two.html#b", ERR_NO_SUCH_FRAGMENT);
    expect_decided(input, "two.md#b", ERR_NONE);
    expect_decided(input, "two.txt#b", ERR_NONE);
    expect_end(input);
}

/* What was found in one document says nothing about the next, of the same name even. */
static void test_next_document(void **state) {
    (void)state;
    struct input *input = open_source(put("p.html", "<p id=a><a href='#a'>"), "html", NULL);
    add(input, "p.html", "html", NULL);
    add(input, put("q.html", "<a href='#a'>"), "html", NULL);
    expect_decided(input, "#a", ERR_NONE);
    put("p.html", "<p id=b><a href='#a'>");
    expect_decided(input, "#a", ERR_NO_SUCH_FRAGMENT);
    expect_decided(input, "#a", ERR_NO_SUCH_FRAGMENT);
    expect_end(input);
}

static void test_too_large(void **state) {
    (void)state;
    put("huge.html", "<a href='http://h/'>");
    assert_int_equal(truncate("huge.html", (64 << 20) + 1), 0);
    struct input *input = open_source("huge.html", "html", NULL);
    add(input, put("after.html", "<a href='http://h/'>"), "html", NULL);
    expect_bad(input, 0, ERR_TOO_LARGE, "64 MiB");
    expect_span(record.url, "huge.html");
    expect_asked(input, 1, "http://h/");
    expect_end(input);
    unlink("huge.html");
}

static void test_empty(void **state) {
    (void)state;
    static const char *const kinds[] = {"html",  "markdown", "text", "list",
                                        "csv:1", "jsonl:x",  NULL};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        expect_end(open_source(put("empty", ""), kinds[i], NULL));
}

static void test_interrupt_between_links(void **state) {
    (void)state;
    struct input *input =
        open_source(put("p.html", "<a href='http://h/1'><a href='http://h/2'>"), "html", NULL);
    expect_asked(input, 1, "http://h/1");
    input_interrupt(input);
    assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
    assert_true(input_is_ready(input));
    input_close(input);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_fetched),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_local_root),
        cmocka_unit_test(test_local_base_element),
        cmocka_unit_test(test_many_targets),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_many_fragments),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_changed_target),
        cmocka_unit_test(test_two_names),
        cmocka_unit_test(test_next_document),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_interrupt_between_links),
    };
    return cmocka_run_group_tests_name("input_document", tests, make_tree, remove_tree);
}
