/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_escape_test.c: what strangers wrote is text in every format, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/check_escape.h"

static char *written;
static size_t written_bytes;

static FILE *begin(void) {
    free(written);
    written = NULL;
    return open_memstream(&written, &written_bytes);
}

#define WRITES(expected, function, ...)                                                            \
    do {                                                                                           \
        FILE *out_ = begin();                                                                      \
        function(out_, __VA_ARGS__);                                                               \
        fclose(out_);                                                                              \
        assert_string_equal(written, expected);                                                    \
    } while (0)

static void test_xml(void **state) {
    (void)state;
    WRITES("", escape_xml, NULL);
    WRITES("a&amp;b&lt;c&gt;&quot;&#39;]]&gt;", escape_xml, "a&b<c>\"']]>");
    WRITES("\\x01\\x0a\\x0d\\x09\\x1b\\xff", escape_xml, "\001\n\r\t\033\377");
    WRITES("z\303\274rich \360\237\230\200", escape_xml, "z\303\274rich \360\237\230\200");
    WRITES("\\xed\\xa0\\x80", escape_xml, "\355\240\200"); /* a surrogate */
    /* U+FFFE and U+FFFF, which UTF-8 could hold and XML can't; U+FF1F, which begins like them */
    WRITES("\357\277\275\357\277\275\357\274\237\357\277\241", escape_xml,
           "\357\277\276\357\277\277\357\274\237\357\277\241");
    WRITES("\\u{202e}", escape_xml, "\342\200\256");
}

static void test_length(void **state) {
    (void)state;
    char *text = malloc(100001);
    memset(text, '&', 100000);
    text[100000] = '\0';
    FILE *out = begin();
    escape_xml(out, text);
    fclose(out);
    assert_int_equal(written_bytes, 5 * (ESCAPE_BYTES_MAX - 4) + 3);
    WRITES("&amp;&amp;...", escape_markdown, text, 6);
    free(text);
}

static void test_markdown(void **state) {
    (void)state;
    WRITES("a&#124;b&#96;c&#96;&lt;img src=x&gt;&amp;amp;", escape_markdown,
           "a|b`c`<img src=x>&amp;", 100);
    WRITES("&#42;&#42;x&#42;&#42; &#95;y&#95; &#126;z&#126; &#91;a&#93;&#40;b&#41;",
           escape_markdown, "**x** _y_ ~z~ [a](b)", 100);
    WRITES("&#64;all &#35;1 &#36;x&#36; http&#58;//a.test &#33;&#92;", escape_markdown,
           "@all #1 $x$ http://a.test !\\", 100);
    WRITES("a&#92;x0a&#124; b", escape_markdown, "a\n| b", 100);
}

static void test_markdown_url(void **state) {
    (void)state;
    WRITES("[http&#58;//a.test/?a=1&amp;copy;](<http://a.test/?a=1&amp;copy;>)",
           escape_markdown_url, "http://a.test/?a=1&copy;", 100);
    WRITES("[http&#58;//a.test/&lt;&gt;&#124;&#96;&#41;](<http://a.test/%3C%3E%7C%60)>)",
           escape_markdown_url, "http://a.test/<>|`)", 100);
    WRITES("javascript&#58;alert&#40;1&#41;", escape_markdown_url, "javascript:alert(1)", 100);
    WRITES("", escape_markdown_url, NULL, 100);
    char url[3000] = "http://a.test/";
    memset(url + 14, 'x', 2900);
    WRITES("http&#58;//a...", escape_markdown_url, url, 12);
}

static void test_json(void **state) {
    (void)state;
    WRITES("\"a\\\"b\\\\\\\\x0a\\\\xff\"", escape_json, "a\"b\\\n\377");
    WRITES("\"\"", escape_json, NULL);
}

static void test_uri(void **state) {
    (void)state;
    WRITES("http://a.test:80/a%20b?c=d#e%22", escape_uri, "http://a.test:80/a b?c=d#e\"", false);
    WRITES("http://[::1]/%5Bx%5D%7B%7D%5C%5E%60%7C", escape_uri, "http://[::1]/[x]{}\\^`|", false);
    WRITES("%C3%BC%FF%0A%1B", escape_uri, "\303\274\377\n\033", false);
    WRITES("%41%25zz%25", escape_uri, "%41%zz%", false);
    WRITES("dir/a%20b%3Fc%23d%25e%3Af.md", escape_uri, "dir/a b?c#d%e:f.md", true);
}

static void test_command(void **state) {
    (void)state;
    WRITES("100%25, a: b", escape_command, "100%, a: b");
    WRITES("100%25%2C a%3A b", escape_command_property, "100%, a: b");
    WRITES("\\x0a::error::x\\x0d", escape_command, "\n::error::x\r");
    WRITES("\\x0a%3A%3Aset-env", escape_command_property, "\n::set-env");
    WRITES("%250A%3A%3A", escape_command_property, "%0A::");
    WRITES("%250A::", escape_command, "%0A::");
}

static int end(void **state) {
    (void)state;
    free(written);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml),      cmocka_unit_test(test_length),
        cmocka_unit_test(test_markdown), cmocka_unit_test(test_markdown_url),
        cmocka_unit_test(test_json),     cmocka_unit_test(test_uri),
        cmocka_unit_test(test_command),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
