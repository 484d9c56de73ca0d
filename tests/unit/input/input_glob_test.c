/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_glob_test.c: URL patterns: what they stand for, in order, and what is said about malformed ones. The expansions
 * are those of curl 7.88 for the same patterns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/input_glob.h"

/* All URLs with a blank between them, at most 1000. */
static char *expand(const char *pattern) {
    static char text[65536];
    char why[400] = "";
    struct glob *glob = glob_parse(pattern, false, why, sizeof why);
    if (!glob)
        return strcpy(text, why);
    struct span url;
    uint64_t count = 0;
    char *to = text;
    *to = 0;
    while (count < 1000 && glob_next(glob, &url)) {
        to += snprintf(to, sizeof text - (size_t)(to - text), "%s%.*s", count ? " " : "",
                       (int)url.len, (const char *)url.at);
        count++;
    }
    if (count < 1000) {
        assert_int_equal(count, glob_count(glob));
        assert_false(glob_has_next(glob));
        assert_false(glob_next(glob, &url));
    }
    glob_free(glob);
    return text;
}

struct expansion {
    const char *pattern, *urls;
};

static void check_table(const struct expansion *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(expand(table[i].pattern), table[i].urls) != 0)
            fail_msg("\"%s\": wanted \"%s\", got \"%s\"", table[i].pattern, table[i].urls,
                     expand(table[i].pattern));
}

#define CHECK_TABLE(table) check_table(table, sizeof(table) / sizeof *(table))

static void test_text(void **state) {
    (void)state;
    static const struct expansion table[] = {
        {"", ""},
        {"http://example.com/", "http://example.com/"},
        {"http://example.com/a,b", "http://example.com/a,b"},
        {"a\\b", "a\\b"},
        {"a\\", "a\\"},
        {"a\\\\b", "a\\\\b"},
        {"\\[1-2\\]", "[1-2]"},
        {"\\{a,b\\}", "{a,b}"},
        {"\\[", "["},
        {"http://h/\xc3\xbc", "http://h/\xc3\xbc"},
        {"h/?ids[]=1&ids[]=2", "h/?ids[]=1&ids[]=2"},
    };
    CHECK_TABLE(table);
}

static void test_sets(void **state) {
    (void)state;
    static const struct expansion table[] = {
        {"{one}", "one"},
        {"{one,two,three}", "one two three"},
        {"http://{one,two}.h/", "http://one.h/ http://two.h/"},
        {"x{,a}", "x xa"},
        {"x{a,}", "xa x"},
        {"x{,}y", "xy xy"},
        {"x{,,}", "x x x"},
        {"{a,a}", "a a"},
        {"{a\\,b,c}", "a,b c"},
        {"{\\{,\\}}", "{ }"},
        {"{\\[1-2\\]}", "[1-2]"},
        {"{\\a}", "a"},
        {"{a\\\\,b}", "a\\ b"},
        {"{a,b}{c,d}", "ac ad bc bd"},
        {"{1-3}", "1-3"},
        {"{a:b}", "a:b"},
    };
    CHECK_TABLE(table);
}

static void test_numbers(void **state) {
    (void)state;
    static const struct expansion table[] = {
        {"[1-3]", "1 2 3"},
        {"[0-3]", "0 1 2 3"},
        {"[8-11]", "8 9 10 11"},
        {"[08-11]", "08 09 10 11"},
        {"[008-011]", "008 009 010 011"},
        {"[00-2]", "00 01 02"},
        {"[9-011]", "9 10 11"},
        {"[098-101]", "098 099 100 101"},
        {"[5-5]", "5"},
        {"[5-5:1]", "5"},
        {"[000-000]", "000"},
        {"[0-100:50]", "0 50 100"},
        {"[0-99:50]", "0 50"},
        {"[0-2970:990]", "0 990 1980 2970"},
        {"[1-10:9]", "1 10"},
        {"[1-10:8]", "1 9"},
        {"[001-100:33]", "001 034 067 100"},
        {"[1-2:01]", "1 2"},
        {"[1-  3]", "1 2 3"},
        {"[1-\t3]", "1 2 3"},
        {"[18446744073709551614-18446744073709551615]",
         "18446744073709551614 18446744073709551615"},
        {"[0-18446744073709551615:9223372036854775807]",
         "0 9223372036854775807 18446744073709551614"},
        {"[0000000000000000000000000001-2]",
         "0000000000000000000000000001 0000000000000000000000000002"},
    };
    CHECK_TABLE(table);
}

static void test_letters(void **state) {
    (void)state;
    static const struct expansion table[] = {
        {"[a-e]", "a b c d e"}, {"[A-C]", "A B C"}, {"[a-e:2]", "a c e"}, {"[a-f:2]", "a c e"},
        {"[a-z:25]", "a z"},    {"[x-x]", "x"},     {"[x-x:1]", "x"},     {"[Y-Z]", "Y Z"},
        {"w[a-b]w", "waw wbw"}, {"[a-b:1]", "a b"}, {"[a-z:13]", "a n"},
    };
    CHECK_TABLE(table);
}

static void test_several(void **state) {
    (void)state;
    static const struct expansion table[] = {
        {"[1-2][a-b]", "1a 1b 2a 2b"},
        {"[a-b]-[1-3]", "a-1 a-2 a-3 b-1 b-2 b-3"},
        {"{x,y}[1-2]{p,q}", "x1p x1q x2p x2q y1p y1q y2p y2q"},
        {"http://h/{a,b}/[01-02]/", "http://h/a/01/ http://h/a/02/ http://h/b/01/ http://h/b/02/"},
        {"[1-1][2-2][3-3]", "123"},
        {"[1-2]{,x}", "1 1x 2 2x"},
    };
    CHECK_TABLE(table);
}

static void test_addresses(void **state) {
    (void)state;
    static const struct expansion table[] = {
        {"http://[::1]/", "http://[::1]/"},
        {"http://[::1]:8080/[1-2]", "http://[::1]:8080/1 http://[::1]:8080/2"},
        {"http://[::]/", "http://[::]/"},
        {"http://[2001:db8::1]/{a,b}", "http://[2001:db8::1]/a http://[2001:db8::1]/b"},
        {"http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"},
        {"http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/"},
        {"http://[fe80::1%eth0]/", "http://[fe80::1%eth0]/"},
        {"http://[ABCD:EF01:2345:6789:ABCD:EF01:2345:6789]/",
         "http://[ABCD:EF01:2345:6789:ABCD:EF01:2345:6789]/"},
        {"http://[::1", "bad URL pattern \"http://[::1\": missing ] at position 8"},
        {"http://[:::1]/", "bad URL pattern \"http://[:::1]/\": bad range at position 9"},
        {"http://[fe80::1%]/", "bad URL pattern \"http://[fe80::1%]/\": bad range at position 10"},
        {"http://[fe80::1%a b]/",
         "bad URL pattern \"http://[fe80::1%a b]/\": bad range at position 10"},
    };
    CHECK_TABLE(table);
}

struct refusal {
    const char *pattern, *fault;
    size_t position;
};

static const struct refusal refusals[] = {
    {"[", "missing ]", 1},
    {"http://x/[1-", "missing ]", 10},
    {"[1-2", "missing ]", 1},
    {"a[1-2]b[", "missing ]", 8},
    {"{", "missing }", 1},
    {"a{b,c", "missing }", 2},
    {"a{b\\}", "missing }", 2},
    {"{a\\", "missing }", 1},
    {"}", "unexpected }", 1},
    {"ab}c", "unexpected }", 3},
    {"]", "unexpected ]", 1},
    {"{a]}", "unexpected ]", 3},
    {"[1-2]]", "unexpected ]", 6},
    {"{a,b}}", "unexpected }", 6},
    {"{a,{b}}", "nested {", 4},
    {"{a,[1-2]}", "nested [", 4},
    {"{}", "empty set", 1},
    {"a{}b", "empty set", 2},
    {"[-]", "bad range", 2},
    {"[-1]", "bad range", 2},
    {"[ 1-2]", "bad range", 2},
    {"[1]", "bad range", 3},
    {"[1 -2]", "bad range", 3},
    {"[1-]", "number missing", 4},
    {"[1-a]", "number missing", 4},
    {"[1--2]", "number missing", 4},
    {"[1-2-3]", "bad range", 5},
    {"[1-2:]", "number missing", 6},
    {"[1-2:x]", "number missing", 6},
    {"[1-2:1", "missing ]", 1},
    {"[1-2:1x]", "bad range", 7},
    {"[1-2:+1]", "number missing", 6},
    {"[1-2:-1]", "number missing", 6},
    {"[1-2:0]", "step is zero", 6},
    {"[1-2:2]", "step is larger than the range", 6},
    {"[5-5:2]", "step is larger than the range", 6},
    {"[5-5:0]", "step is zero", 6},
    {"[2-1]", "range runs backwards", 1},
    {"a[10-9]", "range runs backwards", 2},
    {"[18446744073709551616-1]", "number too large", 2},
    {"[0-18446744073709551616]", "number too large", 4},
    {"[0-1:99999999999999999999]", "number too large", 6},
    {"[0-18446744073709551615]", "too many URLs", 1},
    {"[0-9223372036854775808]", "too many URLs", 1},
    {"[a]", "bad range", 3},
    {"[ab]", "bad range", 3},
    {"[a-]", "bad range", 4},
    {"[a-1]", "bad range", 4},
    {"[1-b]", "number missing", 4},
    {"[a-bc]", "bad range", 5},
    {"[a-Z]", "bad range", 4},
    {"[A-z]", "bad range", 4},
    {"[Z-a]", "bad range", 4},
    {"[b-a]", "range runs backwards", 1},
    {"[a-c:0]", "step is zero", 6},
    {"[a-c:3]", "step is larger than the range", 6},
    {"[a-c:]", "number missing", 6},
    {"[a-a:2]", "step is larger than the range", 6},
    {"[0-4294967295][0-4294967295]", "too many URLs", 15}, /* 2^64 */
    {"{a,b}[0-9223372036854775807]", "too many URLs", 6},
    {"{a,b,c}[0-4611686018427387903]", "too many URLs", 8}, /* between 2^63 and 2^64 */
};

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char want[300];
        snprintf(want, sizeof want, "bad URL pattern \"%s\": %s at position %zu",
                 refusals[i].pattern, refusals[i].fault, refusals[i].position);
        assert_string_equal(expand(refusals[i].pattern), want);
    }
}

/* The explanation is one short line whatever the pattern holds. */
static void test_refusal_is_one_line(void **state) {
    (void)state;
    assert_string_equal(expand("a\nb\x1b]"),
                        "bad URL pattern \"a?b?]\": unexpected ] at position 5");
    char pattern[1000], *text;
    memset(pattern, 'a', sizeof pattern);
    strcpy(pattern + 900, "]");
    text = expand(pattern);
    assert_non_null(strstr(text, "aaa...\": unexpected ] at position 901"));
    assert_true(strlen(text) < 300);
    char why[12];
    assert_null(glob_parse("\xc3\xbc]", false, why, sizeof why));
    assert_string_equal(why, "bad URL pat");
}

/* Nine quintillion URLs cost no more than one. */
static void test_large(void **state) {
    (void)state;
    char why[200];
    struct glob *glob = glob_parse("h/[0-9223372036854775807]", false, why, sizeof why);
    assert_non_null(glob);
    assert_true(glob_count(glob) == GLOB_COUNT_MAX);
    struct span url;
    for (int i = 0; i < 1235; i++)
        assert_true(glob_next(glob, &url));
    assert_true(span_is(url, "h/1234"));
    assert_true(glob_has_next(glob));
    glob_free(glob);

    glob = glob_parse("[0-4294967295][0-2147483647]", false, why, sizeof why);
    assert_non_null(glob);
    assert_true(glob_count(glob) == GLOB_COUNT_MAX);
    glob_free(glob);
}

static void test_literal(void **state) {
    (void)state;
    static const char *const patterns[] = {"", "[1-2]", "{a,b", "]\\", "\\[", "http://[::1]/"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char why[200];
        struct glob *glob = glob_parse(patterns[i], true, why, sizeof why);
        struct span url;
        assert_non_null(glob);
        assert_true(glob_next(glob, &url));
        assert_true(span_is(url, patterns[i]));
        assert_false(glob_next(glob, &url));
        glob_free(glob);
    }
}

/* All texts of up to five special characters: none may crash, and an expansion and its count agree. */
static void test_all_short(void **state) {
    (void)state;
    static const char alphabet[] = "a1-:,{}[]\\";
    size_t base = sizeof alphabet - 1;
    for (size_t n = 0; n < base * base * base * base * base; n++) {
        char pattern[6];
        for (size_t i = 0, rest = n; i < 5; i++, rest /= base)
            pattern[i] = alphabet[rest % base];
        pattern[5] = 0;
        expand(pattern);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),      cmocka_unit_test(test_sets),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_letters),
        cmocka_unit_test(test_several),   cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_refusal_is_one_line),
        cmocka_unit_test(test_large),     cmocka_unit_test(test_literal),
        cmocka_unit_test(test_all_short),
    };
    return cmocka_run_group_tests_name("input_glob", tests, NULL, NULL);
}
