/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text_test.c: nothing from a stranger may move a terminal's cursor, and numbers read as people
 * expect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/text.h"

#define ESCAPES(from, to)                                                                          \
    do {                                                                                           \
        char out_[256];                                                                            \
        assert_string_equal(text_escape(out_, sizeof out_, from), to);                             \
    } while (0)

static void test_escape_controls(void **state) {
    (void)state;
    ESCAPES("", "");
    ESCAPES("http://x/a?b=c&d=%20~", "http://x/a?b=c&d=%20~");
    ESCAPES("a\033[2Jb\r\n\t\177", "a\\x1b[2Jb\\x0d\\x0a\\x09\\x7f");
    ESCAPES("\302\205\302\233", "\\u{85}\\u{9b}");             /* C1: NEL, CSI */
    ESCAPES("\342\200\256gpj", "\\u{202e}gpj");                /* right-to-left override */
    ESCAPES("\342\201\246\330\234", "\\u{2066}\\u{61c}");      /* isolate, Arabic letter mark */
    ESCAPES("\342\200\250\357\273\277", "\\u{2028}\\u{feff}"); /* line separator, BOM */
    ESCAPES("\363\240\201\201", "\\u{e0041}");                 /* a tag character */
}

static void test_escape_utf8(void **state) {
    (void)state;
    ESCAPES("z\303\274rich \342\202\254 \360\237\230\200",
            "z\303\274rich \342\202\254 \360\237\230\200");
    ESCAPES("\233", "\\x9b");                   /* a bare C1 byte */
    ESCAPES("\300\233", "\\xc0\\x9b");          /* overlong ESC */
    ESCAPES("\340\202\233", "\\xe0\\x82\\x9b"); /* overlong CSI */
    ESCAPES("\355\240\200", "\\xed\\xa0\\x80"); /* a surrogate */
    ESCAPES("\364\220\200\200", "\\xf4\\x90\\x80\\x80");
    ESCAPES("\303", "\\xc3");                       /* cut short by the end */
    ESCAPES("\342\202\033[m", "\\xe2\\x82\\x1b[m"); /* cut short by an escape */
    ESCAPES("\377\376", "\\xff\\xfe");
}

static void test_escape_fits(void **state) {
    (void)state;
    static const char text[] = "ab\303\274\033cd\342\202\254efg\360\237\230\200";
    for (size_t size = 1; size < 40; size++) {
        char *out = malloc(size); /* of its own, so that a sanitizer sees one byte too many */
        memset(out, 'x', size);
        assert_ptr_equal(text_escape(out, size, text), out);
        assert_true(strlen(out) < size);
        if (size >= 5 && strlen(out) >= 3 && size < 21) { /* 20 bytes are whole */
            assert_string_equal(out + strlen(out) - 3, "...");
        }
        free(out);
    }
    char nine[9];
    assert_string_equal(text_escape(nine, sizeof nine, "abcdefgh"), "abcdefgh");
    assert_string_equal(text_escape(nine, sizeof nine, "abcdefghi"), "abcde...");
}

#define READS(function, number, text)                                                              \
    do {                                                                                           \
        char out_[32];                                                                             \
        assert_string_equal(function(out_, sizeof out_, number), text);                            \
    } while (0)

static void test_numbers(void **state) {
    (void)state;
    READS(text_bytes, 0, "0 B");
    READS(text_bytes, 1023, "1023 B");
    READS(text_bytes, 1024, "1.0 KiB");
    READS(text_bytes, 1536, "1.5 KiB");
    READS(text_bytes, 1048575, "1.0 MiB");
    READS(text_bytes, 5.0 * 1024 * 1024 * 1024, "5.0 GiB");
    READS(text_count, 0, "0");
    READS(text_count, 0.5, "0.5");
    READS(text_count, 7, "7");
    READS(text_count, 999, "999");
    READS(text_count, 999.7, "1.0k");
    READS(text_count, 12345, "12.3k");
    READS(text_count, 275000, "275k");
    READS(text_count, 1.25e6, "1.2M");
    READS(text_clock, 6.7, "0:07");
    READS(text_clock, 359999, "99:59:59");
    READS(text_seconds, 0.42, "0.42 s");
    READS(text_seconds, 12.34, "12.3 s");
    READS(text_seconds, 59.97, "1:00");
    READS(text_seconds, 245, "4:05");
    READS(text_seconds, 7384, "2:03:04");
}

static void test_json(void **state) {
    (void)state;
    char *text;
    size_t count;
    FILE *out = open_memstream(&text, &count);
    text_json(out, "a\"\\\n\033\302\233\377\303\274");
    fclose(out);
    assert_string_equal(text, "\"a\\\"\\\\\\u000a\\u001b\\u009b\\ufffd\303\274\"");
    free(text);
}

static void test_add(void **state) {
    (void)state;
    char out[8] = "";
    size_t used = text_add(out, sizeof out, 0, "%d", 123);
    assert_int_equal(used, 3);
    used = text_add(out, sizeof out, used, "%s", "456789");
    assert_int_equal(used, 7);
    assert_string_equal(out, "1234567");
    assert_int_equal(text_add(out, sizeof out, used, "x"), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape_controls),
        cmocka_unit_test(test_escape_utf8),
        cmocka_unit_test(test_escape_fits),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
