/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * charset_test.c: charsets: which one counts, what the text then is, and places in bytes whatever they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "links.h"

static struct span bytes(const char *text, size_t size) {
    return span_of(text, size - 1);
}
#define BYTES(literal) bytes(literal, sizeof literal)

/* Every ASCII character in two bytes. */
static struct span utf16(const char *text, bool is_big, bool has_bom, uint8_t *to) {
    size_t len = 0;
    if (has_bom)
        memcpy(to, is_big ? "\xFE\xFF" : "\xFF\xFE", 2), len = 2;
    for (; *text; text++) {
        to[len + !is_big] = 0;
        to[len + is_big] = (uint8_t)*text;
        len += 2;
    }
    return span_of(to, len);
}

static void windows_1252(void **state) {
    (void)state;
    struct span page = BYTES("\xE4\xF6<a href=\xFC>\n\x80<a href=\x80>");
    const char *links = "1:11 \xC3\xBC\n2:10 \xE2\x82\xAC\n";
    assert_string_equal(links_of(DOCUMENT_HTML, page, NULL), links);
    assert_string_equal(links_of(DOCUMENT_HTML, page, "iso-8859-1"), links);
    assert_string_equal(links_of(DOCUMENT_HTML, page, "Windows-1252"), links);
    assert_string_equal(links_of(DOCUMENT_HTML, page, "no-such-charset"), links);
    assert_string_equal(links_of(DOCUMENT_HTML, page, "utf-8"),
                        "1:11 \xEF\xBF\xBD\n2:10 \xEF\xBF\xBD\n");
    assert_string_equal(links_of(DOCUMENT_TEXT, BYTES("\xE4 http://\xFC/"), NULL),
                        "1:3 http://\xC3\xBC/\n");
    assert_string_equal(links_of(DOCUMENT_MARKDOWN, BYTES("\xE4\n\xE4 [a](\xFC)"), NULL),
                        "2:7 \xC3\xBC\n");
}

static void wide(void **state) {
    (void)state;
    uint8_t room[400];
    const char *page = "<p>\r\n<a\r\n href='http://a/'><a href=b>",
               *links = "3:15 http://a/\n3:53 b\n";
    for (int is_big = 0; is_big < 2; is_big++) {
        assert_string_equal(links_of(DOCUMENT_HTML, utf16(page, is_big, true, room), NULL), links);
        assert_string_equal(links_of(DOCUMENT_HTML, utf16(page, is_big, true, room), "utf-8"),
                            links);
        assert_string_equal(links_of(DOCUMENT_HTML, utf16(page, is_big, false, room), NULL), links);
    }
    assert_string_equal(links_of(DOCUMENT_HTML, utf16(page, false, false, room), "utf-16le"),
                        links);
    assert_string_equal(links_of(DOCUMENT_TEXT, utf16("x http://a/", true, true, room), NULL),
                        "1:5 http://a/\n");
    assert_string_equal(links_of(DOCUMENT_MARKDOWN, utf16("\n\n[x](y)", true, true, room), NULL),
                        "3:9 y\n");
}

static void east_asian(void **state) {
    (void)state;
    /* Shift_JIS: U+8868 ends with a backslash's byte. */
    struct span page = BYTES("<meta charset=shift_jis>\x95\x5C\x95\x5C<a href=\x95\x5C>");
    assert_string_equal(links_of(DOCUMENT_HTML, page, NULL), "1:37 \xE8\xA1\xA8\n");
    page = BYTES("\x1B$B4A\x1B(B<a href=a>");
    assert_string_equal(links_of(DOCUMENT_HTML, page, "iso-2022-jp"), "1:17 a\n");
    page = BYTES("\xC4\xE3\xFF<a href=a><a href=\xFF\xFF>");
    assert_string_equal(links_of(DOCUMENT_HTML, page, "gb2312"),
                        "1:12 a\n1:22 \xEF\xBF\xBD\xEF\xBF\xBD\n");
}

static void which_counts(void **state) {
    (void)state;
    static const struct {
        const char *page, *transport, *title;
    } cases[] = {
        {"<title>\xC3\xA4", NULL, "\xC3\xA4"},
        {"<title>\xE4</title>", NULL, "\xC3\xA4"},
        {"<title>\xE4", "koi8-r", "\xD0\x94"},
        {"<meta charset=koi8-r><title>\xE4", NULL, "\xD0\x94"},
        {"<meta charset=koi8-r><title>\xE4", "latin1", "\xC3\xA4"},
        {"<meta charset='nonsense'><meta charset=koi8-r><title>\xE4", NULL, "\xD0\x94"},
        {"<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><title>\xE4", NULL,
         "\xD0\x94"},
        {"<meta content='text/html; charset=koi8-r'><title>\xE4</title>", NULL, "\xC3\xA4"},
        {"<!-- <meta charset=koi8-r> --><title>\xE4</title>", NULL, "\xC3\xA4"},
        {"<?xml version='1.0' encoding='koi8-r'?><title>\xE4", NULL, "\xD0\x94"},
        {"\xEF\xBB\xBF<meta charset=koi8-r><title>\xC3\xA4", "koi8-r", "\xC3\xA4"},
        {"<meta charset=utf-16><title>\xC3\xA4", NULL, "\xC3\xA4"},
        {"<meta charset=utf-8><title>\xE4</title>", NULL, "\xEF\xBF\xBD"},
        {"<title>\xC3\xA4", "utf-8//IGNORE", "\xC3\xA4"},
        {"<title>\xC3\xA4", "", "\xC3\xA4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char title[40];
        document_title(span_text(cases[i].page), cases[i].transport, title, sizeof title);
        assert_string_equal(title, cases[i].title);
    }
}

static void of_content_types(void **state) {
    (void)state;
    static const struct {
        const char *type, *charset;
    } cases[] = {
        {"text/html; charset=UTF-8", "utf-8"},
        {"text/html;charset=\"Windows-1252\"", "windows-1252"},
        {"text/html; x=y; charset='latin1' ; z", "latin1"},
        {"text/html; CHARSET = utf8", "utf8"},
        {"text/html", NULL},
        {"", NULL},
        {"charset=utf-8", NULL},
        {"text/html; charset=", NULL},
        {"text/html; charset=nonsense", NULL},
        {"text/html; charset=utf-8//TRANSLIT", NULL},
        {"text/html; charset=../../x", NULL},
        {"text/html; charset=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char charset[40] = "untouched";
        bool has = document_charset(span_text(cases[i].type), charset, sizeof charset);
        assert_int_equal(has, cases[i].charset != NULL);
        if (has)
            assert_string_equal(charset, cases[i].charset);
    }
    char small[5];
    assert_false(document_charset(span_text("a; charset=utf-8"), small, sizeof small));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_1252),     cmocka_unit_test(wide),
        cmocka_unit_test(east_asian),       cmocka_unit_test(which_counts),
        cmocka_unit_test(of_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
