/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_table_test.c: URLs in a column of CSV and in a member of JSON lines, and what is told about lists as a whole.
 */
#include "input/source_fixture.h"

static void test_csv_by_name(void **state) {
    (void)state;
    struct input *input =
        open_source(put("a.csv", "\xef\xbb\xbfid,\"URL\",note\r\n"
                                 "1,http://a/,x\r\n"
                                 "\r\n"
                                 "2,\"http://b/?q=\"\"1\"\",2\",\"line\r\nbreak\"\r\n"
                                 "\"3\nlines\nof it\",http://c/,\"\"\r\n"
                                 "4,,empty\n"
                                 "5\n"
                                 "6,\"a\nb\",\n"
                                 "7,\"x\"y,\n"
                                 "8, http://d/ ,"),
                    "csv:url", NULL);
    expect_url(input, 2, 3, "http://a/");
    expect_span(record.source, "a.csv");
    assert_int_equal(record.n, 1);
    expect_url(input, 4, 3, "http://b/?q=\"1\",2");
    expect_url(input, 8, 8, "http://c/");
    expect_bad(input, 10, ERR_BAD_LINE, "too short");
    expect_url(input, 11, 3, "a\nb");
    expect_bad(input, 13, ERR_BAD_LINE, "closing quote");
    expect_url(input, 14, 3, "http://d/");
    expect_end(input);
}

static void test_csv_by_number(void **state) {
    (void)state;
    static const struct {
        const char *text, *from, *url;
        unsigned line, column;
    } cases[] = {
        {"http://a/;x", "csv:1", "http://a/", 1, 1},
        {"name;x\nhttp://a/;x", "csv:1", "http://a/", 2, 1},
        {"x\ty,z\tu\n1\t2\thttp://a/", "csv:3", "http://a/", 2, 5},
        {"\n\nurl\nb", "csv:1", "b", 4, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct input *input = open_source(put("n", cases[i].text), cases[i].from, NULL);
        expect_url(input, cases[i].line, cases[i].column, cases[i].url);
        expect_end(input);
    }
}

static void test_csv_refusals(void **state) {
    (void)state;
    struct input *input = open_source(put("n", "a,b\n1,2\n3,4\n"), "csv:url", NULL);
    expect_bad(input, 1, ERR_BAD_LINE, "the first row has no column \"url\"");
    expect_end(input);
    input = open_source(put("n", "url,b\nu,\"open\nv,w\n"), "csv:url", NULL);
    expect_bad(input, 2, ERR_BAD_LINE, "quotes are not closed");
    expect_end(input);
    input = open_source(put("n", ""), "csv:url", NULL);
    expect_end(input);
    input = open_source(put_bytes("n", "url\na\0b\n", 8), "csv:url", NULL);
    expect_bad(input, 2, ERR_BAD_LINE, "NUL");
    expect_end(input);
}

/* A quote that nobody closes costs a row of 1 MiB, not the file, and linear time. */
static void test_csv_open_quote(void **state) {
    (void)state;
    size_t filler = 3 << 19;
    char *text = malloc(filler + 100), *to = text + sprintf(text, "url,x\na,\"");
    memset(to, '\n', filler);
    to += filler;
    to += sprintf(to, "b,y\n");
    struct input *input = open_source(put_bytes("n", text, (size_t)(to - text)), "csv:url", NULL);
    free(text);
    expect_bad(input, 2, ERR_BAD_LINE, "quotes are not closed");
    expect_record(input);
    expect_span(record.url, "b");
    expect_end(input);
}

static void test_csv_blocks(void **state) {
    (void)state;
    for (size_t block = 1; block < 30; block++) {
        struct input *input = input_open(false);
        input_set_block_bytes(input, block);
        add(input, put("n", "a,url\n\"1\"\"\r\n2\",\"x\"\"y\"\r\n3,z"), "csv:url", NULL);
        expect_url(input, 3, 4, "x\"y");
        expect_url(input, 4, 3, "z");
        expect_end(input);
    }
}

static void test_jsonl(void **state) {
    (void)state;
    struct input *input =
        open_source(put("j", "{\"v\":1,\"request\":{\"url\":\"http://a/\"},\"n\":7}\n\n"
                             "{\"request.url\":\"b\",\"request\":{\"url\":\"no\"}}\n"
                             "{\"request\":{}}\n"
                             "{\"request\":{\"url\":5}}\n"
                             "{\"request\":{\"url\":\"\"}}\n"
                             "{\"request\":{\"url\":null}}\n"
                             "[1]\n# x\n"
                             "{\"request\":{\"url\":\"a\\u0000\"}}\n{\"request\":{\"url\":\"c\"}}"),
                    "jsonl:request.url", NULL);
    expect_url(input, 1, 0, "http://a/");
    expect_span(record.source, "j");
    expect_url(input, 3, 0, "b");
    expect_bad(input, 4, ERR_BAD_JSON, "member \"request.url\" is missing");
    expect_bad(input, 5, ERR_BAD_JSON, "must be a string");
    expect_bad(input, 6, ERR_BAD_JSON, "is empty");
    expect_bad(input, 7, ERR_BAD_JSON, "is missing");
    expect_bad(input, 8, ERR_BAD_JSON, "is missing");
    expect_bad(input, 9, ERR_BAD_JSON, "at byte");
    expect_bad(input, 10, ERR_BAD_JSON, "NUL");
    expect_url(input, 11, 0, "c");
    expect_end(input);
}

static void test_expect(void **state) {
    (void)state;
    struct input *input = open_source(put("e", "{\"url\":\"a\",\"expect\":\"status = 200\"}\n"
                                               "{\"url\":\"b\",\"expect\":[\"x\",\"y\"]}\n"
                                               "{\"url\":\"c\",\"expect\":[]}\n"
                                               "{\"url\":\"d\",\"expect\":7}\n"
                                               "{\"url\":\"e\",\"expect\":[\"x\",7]}\n"
                                               "{\"url\":\"f\",\"expect\":\"\"}\n"
                                               "{\"url\":\"g\",\"expect\":\"a\\u0000\"}\nh"),
                                      "list", NULL);
    expect_url(input, 1, 0, "a");
    assert_int_equal(record.expect_count, 1);
    assert_string_equal((const char *)record.expect[0].at, "status = 200");
    expect_url(input, 2, 0, "b");
    assert_int_equal(record.expect_count, 2);
    assert_string_equal((const char *)record.expect[1].at, "y");
    expect_url(input, 3, 0, "c");
    assert_int_equal(record.expect_count, 0);
    expect_bad(input, 4, ERR_BAD_JSON, "must be a string or an array of strings");
    expect_bad(input, 5, ERR_BAD_JSON, "\"expect\", element 2");
    expect_bad(input, 6, ERR_BAD_JSON, "\"expect\", element 1");
    expect_bad(input, 7, ERR_BAD_JSON, "NUL");
    expect_url(input, 8, 0, "h");
    assert_int_equal(record.expect_count, 0);
    expect_end(input);
}

/* BOM, CRLF, blank lines, and what is no UTF-8: one record each. */
static void test_odd_lists(void **state) {
    (void)state;
    struct input *input = open_source(
        put("l", "\xef\xbb\xbfhttp://a/\r\n\r\n \t\r\n\xff\xc3(\r\nmailto:x\n"), NULL, NULL);
    expect_url(input, 1, 0, "http://a/");
    expect_url(input, 4, 0, "\xff\xc3(");
    expect_url(input, 5, 0, "mailto:x");
    expect_end(input);
    static const char *const kinds[] = {"list", NULL, "jsonl:u", "csv:u"};
    for (size_t i = 0; i < 4; i++) {
        input = open_source(put_bytes("l16", "\xff\xfeh\0t\0\n\0x\0\n\0", 12), kinds[i], NULL);
        add(input, put_bytes("b16", "\xfe\xff\0h\0t\0\n\0x", 10), kinds[i], NULL);
        add(input,
            put("l", i < 2    ? "http://a/"
                     : i == 2 ? "{\"u\":\"http://a/\"}"
                              : "u\nhttp://a/"),
            kinds[i], NULL);
        expect_bad(input, 1, ERR_BAD_LINE, "UTF-16");
        expect_span(record.url, "l16");
        expect_bad(input, 1, ERR_BAD_LINE, "UTF-16");
        expect_span(record.source, "b16");
        expect_record(input);
        expect_span(record.url, "http://a/");
        expect_end(input);
    }
}

static void test_guesses(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *url;
    } cases[] = {
        {"urls.txt", "http://a/ \n", "http://a/"},
        {"table.csv", "n;Href\n1;http://b/", "http://b/"},
        {"list.csv", "http://c/x,y", "http://c/x,y"},
        {"x.html", "<a href='http://d/'>", "http://d/"},
        {"x.md", "[d](http://e/)", "http://e/"},
        {"nameless", "<!doctype html><a href='http://f/'>", "http://f/"},
        {"x.xml",
         "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>"
         "<url><loc>http://g/</loc></url></urlset>",
         "http://g/"},
        {"x.jsonl", "{\"url\":\"http://h/\"}", "http://h/"},
    };
    for (int packed = 0; packed < 2; packed++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char name[40];
            snprintf(name, sizeof name, "%s%s", cases[i].name, packed ? ".gz" : "");
            if (packed)
                put_gzip(name, cases[i].text, strlen(cases[i].text));
            else
                put(name, cases[i].text);
            struct input *input = open_source(name, NULL, NULL);
            expect_record(input);
            expect_span(record.url, cases[i].url);
            expect_span(record.source, name);
            expect_end(input);
        }
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const unknown[] = {"", "lists", "csv", "csv:", "jsonl", "jsonl:", "HTML"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        char want[200];
        snprintf(want, sizeof want,
                 "unknown kind of input \"%s\": it is one of list, sitemap, html, markdown, text, "
                 "csv:COLUMN, jsonl:FIELD",
                 unknown[i]);
        refuse("/dev/null", unknown[i], NULL, want);
    }
    refuse("nowhere", NULL, NULL, "cannot open input file \"nowhere\": No such file or directory");
    refuse(".", "list", NULL, "cannot open input file \".\": Is a directory");
    refuse(".", "text", NULL, "cannot open input file \".\": Is a directory");
    refuse(".", "csv:1", NULL, "cannot open input file \".\": Is a directory");
}

static void test_bad_base(void **state) {
    (void)state;
    struct input *input = input_open(false);
    assert_true(input_add_source(input, "/dev/null", NULL, "ftp://x/", why, sizeof why) < 0);
    assert_non_null(strstr(why, "base \"ftp://x/\""));
    assert_true(input_add_source(input, "http://a b/", NULL, NULL, why, sizeof why) < 0);
    assert_non_null(strstr(why, "input \"http://a b/\""));
    expect_end(input);
}

/* More files than stay open. */
static void test_many_files(void **state) {
    (void)state;
    struct input *input = input_open(false);
    for (int i = 0; i < 200; i++)
        add(input, put("one", "u\n"), "list", NULL);
    int next = open("/dev/null", O_RDONLY);
    assert_true(next < 100);
    close(next);
    for (int i = 0; i < 200; i++)
        expect_url(input, 1, 0, "u");
    expect_end(input);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_by_name),  cmocka_unit_test(test_csv_by_number),
        cmocka_unit_test(test_csv_refusals), cmocka_unit_test(test_csv_open_quote),
        cmocka_unit_test(test_csv_blocks),   cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_expect),       cmocka_unit_test(test_odd_lists),
        cmocka_unit_test(test_guesses),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bad_base),     cmocka_unit_test(test_many_files),
    };
    return cmocka_run_group_tests_name("input_table", tests, make_tree, remove_tree);
}
