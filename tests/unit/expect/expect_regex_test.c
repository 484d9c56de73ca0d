/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_regex_test.c: regular expressions on what servers send: text that is no UTF-8, NUL bytes,
 * and texts on which a backtracking search would take for ever. The bound counts steps, so the
 * answers don't depend on the machine.
 */
#include "expect_testing.h"

#include <pthread.h>
#include <stdlib.h>

#include "expect/expect_regex.h"
#include "guard.h"

enum { LARGE = 64 * 1024 };

static struct regex *make(const char *pattern) {
    struct why phrase;
    why_init(&phrase, why, sizeof why);
    struct regex *regex = regex_new(span_text(pattern), &phrase);
    if (!regex)
        print_error("%s\n", why);
    assert_non_null(regex);
    return regex;
}

static enum regex_answer find(const char *pattern, const void *text, size_t len,
                              struct span *found) {
    struct regex *regex = make(pattern);
    struct span at = span_of(guard_copy(text, len), len);
    enum regex_answer answer = regex_find(regex, at, found);
    if (answer == REGEX_YES)
        assert_true(found->at >= at.at && found->at + found->len <= at.at + len);
    regex_free(regex);
    return answer;
}

#define FIND(pattern, literal) find(pattern, literal, sizeof(literal) - 1, &found)

/* ---- texts ---- */

static void valid_text_is_matched_by_characters(void **state) {
    struct span found;
    (void)state;
    assert_int_equal(FIND("^.{4}$", "süße"), REGEX_YES);
    assert_int_equal(found.len, 6);
    assert_int_equal(FIND("(?i)SÜSS", "süss"), REGEX_YES);
    assert_int_equal(FIND("[äö]x", "\xc3x"), REGEX_NO);
    assert_int_equal(FIND("[äö]", "ü"), REGEX_NO);
    assert_int_equal(FIND("\\x{20ac}", "5 €"), REGEX_YES);
    assert_int_equal(FIND("^$", ""), REGEX_YES);
    assert_int_equal(FIND("a", ""), REGEX_NO);
}

static void broken_text_is_matched_by_bytes(void **state) {
    struct span found;
    (void)state;
    assert_int_equal(FIND("error.*fatal", "error: caf\xe9 fatal"), REGEX_YES);
    assert_int_equal(found.len, 17);
    assert_int_equal(FIND("^.{5}$", "caf\xe9!"), REGEX_YES);
    assert_int_equal(FIND("(*UTF)error.*fatal", "error: caf\xe9 fatal"), REGEX_NO);
    assert_int_equal(FIND("^[^a]*b", "\xff\xfe\x80\xc0 b"), REGEX_YES);
    assert_int_equal(FIND("x", "\xff\xfe\x80\xc0"), REGEX_NO);
}

/* Other letters in the pattern: by characters, between the broken places. */
static void broken_text_is_matched_by_characters_if_asked(void **state) {
    struct span found;
    (void)state;
    assert_int_equal(FIND("s.ße", "\xff süße"), REGEX_YES);
    assert_int_equal(FIND("[äö]", "\xff ü"), REGEX_NO);
    assert_int_equal(FIND("\\x{20ac}", "\xff 5 €"), REGEX_YES);
    assert_int_equal(FIND("ü.*x", "ü \xff x"), REGEX_NO);
}

/* A body of which only the beginning was read ends anywhere. */
static void cut_character_spoils_nothing(void **state) {
    static const char text[] = "süße €€";
    struct span found;
    (void)state;
    for (size_t cut = 0; cut <= 3; cut++) {
        assert_int_equal(find("^s.ße", text, sizeof text - 1 - cut, &found), REGEX_YES);
        assert_int_equal(find("s..e", text, sizeof text - 1 - cut, &found), REGEX_YES);
        assert_int_equal(find("^.{6}", text, sizeof text - 1 - cut, &found), REGEX_YES);
    }
    assert_int_equal(find("^.{7}$", text, sizeof text - 1, &found), REGEX_YES);
    assert_int_equal(find("^.{7}$", text, sizeof text - 2, &found), REGEX_NO);
    assert_int_equal(FIND("^$", "\xe2\x82"), REGEX_YES);
}

static void nul_is_a_byte_like_others(void **state) {
    struct span found;
    (void)state;
    assert_int_equal(FIND("b$", "a\0b"), REGEX_YES);
    assert_int_equal(found.at[0], 'b');
    assert_int_equal(FIND("a.b", "a\0b"), REGEX_YES);
    assert_int_equal(FIND("a\\x00b", "a\0b"), REGEX_YES);
    assert_int_equal(FIND("^a$", "a\0b"), REGEX_NO);
}

static void start_may_be_moved_by_the_pattern(void **state) {
    struct span found;
    (void)state;
    assert_int_equal(FIND("foo\\Kbar", "xfoobar"), REGEX_YES);
    assert_memory_equal(found.at, "bar", 3);
    assert_int_equal(found.len, 3);
}

/* ---- bounds ---- */

static void assert_gives_up(const char *pattern, const char *text, size_t len) {
    struct span found;
    enum regex_answer answer = find(pattern, text, len, &found);
    if (answer != REGEX_STEPS && answer != REGEX_MEMORY)
        print_error("%s on %zu bytes: %d\n", pattern, len, answer);
    assert_true(answer == REGEX_STEPS || answer == REGEX_MEMORY);
}

/* Many a, and what keeps PCRE2 from seeing at once that there is no match. */
static void searches_without_end_are_given_up(void **state) {
    static const char *const patterns[] = {
        "^(a|aa)+$",
        "(a+)+$",
        "(?:a|a)*[xy]",
        "a*?[xy]",
        "[ab]*[xy]",
        "a*a*a*[xy]",
        "[ab]++[xy]",
        "(a*)\\1[xy]",
        "(?i)(.*)\\1[xy]",
        "\\w{30000}[xy]",
        "(?:a|aa)*\\w{30000}[xy]",
        "(?=(a+))\\1[xy]",
        "((a)|(b))*+[xy]",
        "(?>a+)[xy]",
        "(?:(?=a*[xy])a|a)*[xy]",
        "(?:a?){30}a{30}[xy]",
    };
    char *text = malloc(LARGE);
    (void)state;
    memset(text, 'a', LARGE);
    text[LARGE - 1] = '!';
    for (size_t i = 0; i < COUNT(patterns); i++)
        assert_gives_up(patterns[i], text, LARGE);
    text[LARGE / 2] = '-';
    assert_gives_up("(a*)-?\\1b|[ab]*[xy]", text, LARGE);
    memset(text, 0xe9, LARGE); /* the same by bytes */
    assert_gives_up("(.|..)+x?$(?!)", text, LARGE);
    free(text);
}

/* Long comparisons that fail: no callout sees them, so each is charged for what it may have looked
 * at. */
static void comparisons_that_fail_are_counted(void **state) {
    struct span found;
    char *text = malloc(LARGE);
    (void)state;
    memset(text, 'a', LARGE);
    text[29999] = text[30099] = text[59999] = '-';
    assert_int_equal(find("\\w{30000}[xy]", text, LARGE, &found), REGEX_STEPS);
    assert_int_equal(find("\\w{10}[xy]", text, LARGE, &found), REGEX_NO);
    assert_int_equal(find("^(a{16000,}).\\1", text, LARGE, &found), REGEX_STEPS);
    assert_int_equal(find("^(a{16000,}).[xy]", text, LARGE, &found), REGEX_NO);
    free(text);
}

static void memory_is_bounded(void **state) {
    struct span found;
    char *text = malloc(16 * LARGE);
    (void)state;
    memset(text, 'a', 16 * LARGE);
    assert_int_equal(find("^(?:(a)|(b))*$", text, 16 * LARGE, &found), REGEX_MEMORY);
    free(text);
}

/* A page of 64 KiB, and what people look for in pages. */
static void usual_searches_are_far_below(void **state) {
    static const char line[] =
        "<p class=\"x\">Some words of a page, and <a href=\"/foo/bar.html\">a "
        "link</a> to number 12345.\n";
    static const char *const patterns[] = {
        "(?i)zebra",
        "\\w+@\\w+\\.\\w+",
        "Some.*?zebra",
        "<a[^>]*href=\"[^\"]*\"[^>]*>zebra",
        ".*zebra.*",
        "\\b(?:cat|dog|zebra)s?\\b",
        "(?s)<title>.*</title>",
        "(?s)^.*zebra",
        "[0-9]{6}",
        "^\\s*zebra",
        "(['\"])zebra\\1",
        "(?i)(fatal|internal|uncaught) (error|exception)",
    };
    struct span found;
    char *text = malloc(LARGE);
    (void)state;
    for (size_t i = 0; i < LARGE; i++)
        text[i] = line[i % (sizeof line - 1)];
    for (size_t i = 0; i < COUNT(patterns); i++)
        assert_int_equal(find(patterns[i], text, LARGE, &found), REGEX_NO);
    assert_int_equal(find("(?s)^.*12345", text, LARGE, &found), REGEX_YES);
    free(text);
}

static void giving_up_leaves_no_trace(void **state) {
    struct regex *regex = make("^(a|aa)+$");
    char text[100];
    struct span found;
    (void)state;
    memset(text, 'a', sizeof text);
    for (unsigned i = 0; i < 3; i++) {
        text[99] = '!';
        assert_int_equal(regex_find(regex, span_of(text, 100), &found), REGEX_STEPS);
        assert_int_equal(regex_find(regex, span_of(text, 99), &found), REGEX_YES);
        assert_int_equal(found.len, 99);
    }
    regex_free(regex);
    regex_free(NULL);
}

/* ---- threads ---- */

static void *match_often(void *shared) {
    struct regex *regex = shared;
    static const char text[] = "one 12 three caf\xc3\xa9 45";
    for (unsigned i = 0; i < 2000; i++) {
        struct span found, at = span_of(text + i % 4, sizeof text - 1 - i % 4);
        if (regex_find(regex, at, &found) != REGEX_YES || found.len != 2 ||
            memcmp(found.at, "12", 2) != 0)
            return "wrong";
    }
    return NULL;
}

static void threads_share_one(void **state) {
    struct regex *regex = make("[0-9]+(?= three)");
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, regex), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *fault;
        pthread_join(threads[i], &fault);
        assert_null(fault);
    }
    regex_free(regex);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_is_matched_by_characters),
        cmocka_unit_test(broken_text_is_matched_by_bytes),
        cmocka_unit_test(broken_text_is_matched_by_characters_if_asked),
        cmocka_unit_test(cut_character_spoils_nothing),
        cmocka_unit_test(nul_is_a_byte_like_others),
        cmocka_unit_test(start_may_be_moved_by_the_pattern),
        cmocka_unit_test(searches_without_end_are_given_up),
        cmocka_unit_test(comparisons_that_fail_are_counted),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(usual_searches_are_far_below),
        cmocka_unit_test(giving_up_leaves_no_trace),
        cmocka_unit_test(threads_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
