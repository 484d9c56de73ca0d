/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_parse_test.c: what is taken, in all the ways in which people write it, and every refusal
 * with its phrase.
 */
#include "expect_testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "expect/expect_private.h"

/* ---- accepted ---- */

/* Each line says the same of some_facts() as the one before it, and holds. */
static const char *const spellings[] = {
    "status = 404",
    "status=404",
    "status==404",
    "  status  ==  404  ",
    "STATUS is 404",
    "status equals 404",
    "status does equal 404",
    "status in 404",
    "status in 4xx",
    "status=4XX",
    "status in 200-299, 404",
    "status in (200, 404)",
    "status in [404]",
    "status in {404}",
    "status in(404)",
    "status in 400..499",
    "status in 400 - 499",
    "status in 2xx-4xx",
    "status is in 404",
    "status = \"404\"",
    "status = '404'",
    "status != 200",
    "status <> 200",
    "status is not 200",
    "status not = 200",
    "status not in 2xx,3xx",
    "status is not in 200",
    "status does not equal 200",
    "not status = 200",
    "not not status = 404",
    "! status = 200",
    "!status=200",
    "NOT status = 200",
    "not status != 404",
    "status\t=\n404",
    "status = +404",
    "status = 404.0",
    "status < 405",
    "status<=404",
    "status > 403",
    "status >=404",
    "header server contains nginx",
    "header Server contains nginx",
    "header server=nginx/1.22",
    "header server~nginx",
    "header server =~ ^nginx",
    "header server matches ^nginx",
    "header server does match ^nginx",
    "header server does not match apache",
    "header server !~ apache",
    "header server lacks apache",
    "header server does not contain apache",
    "header server does not lack nginx",
    "header server exists",
    "header server does exist",
    "header server is not absent",
    "not header server absent",
    "header x-other is absent",
    "header x-other does not exist",
    "header x-other not exists",
    "not header x-other exists",
    "header x-empty = \"\"",
    "header x-empty exists",
    "content_type = text/html",
    "content-type = TEXT/html",
    "Content-Type contains html",
    "content_type exists",
    "title is Not Found",
    "title = 'Not Found'",
    "title = \"Not Found\"",
    "title exists",
    "title is not \"\"",
    "title contains  Found ",
    "body contains <h1>",
    "body ~<h1>",
    "body ~ (?i)ERROR",
    "body ~ 'Error [0-9]+'",
    "not body contains error",
    "body contains \"Error\"",
    "body contains Error 500",
    "total_ms < 813",
    "total_ms < 1s",
    "total_ms < 0.9s",
    "total-ms < 1 s",
    "total_ms < 1m",
    "total_ms > 812.3",
    "total_ms in 800ms-1s",
    "total_ms in 0.8s - 0.9s",
    "wait_ms <= 12.5",
    "cert_days < 14",
    "cert_days < 14 days",
    "cert_days < 14d",
    "cert_days = -3",
    "cert_days in -5--1",
    "cert_days in -5..-1",
    "cert_days > -4",
    "redirects <= 2",
    "redirects in 0-2",
    "body_bytes >= 1000",
    "body_bytes = 2k",
    "body_bytes < 1M",
    "body_bytes < 1.5 g",
    "body_bytes <= 2K",
    "final_host = WWW.example.ORG",
    "final_host contains EXAMPLE",
    "final_host ~ example",
    "final_url ~ ^https:",
    "final-url contains /Path",
    "final_url lacks /path",
    "sha256 = " SHA256_OF_TEST,
    "sha256 = 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
    "sha256 != 0000000000000000000000000000000000000000000000000000000000000000",
};

static void spellings_mean_the_same(void **state) {
    const struct expect_facts facts = some_facts();
    (void)state;
    for (size_t i = 0; i < COUNT(spellings); i++) {
        int holds = judge(spellings[i], &facts);
        if (holds != 1)
            print_error("%s: %s\n", spellings[i], why);
        assert_int_equal(holds, 1);
    }
}

static void needs_are_those_of_the_subjects(void **state) {
    static const struct {
        const char *text;
        unsigned needs;
    } cases[] = {
        {"status = 200", EXPECT_STATUS},
        {"header x exists", EXPECT_FIELDS},
        {"content_type = a/b", EXPECT_FIELDS},
        {"body contains x", EXPECT_BODY},
        {"title exists", EXPECT_TITLE},
        {"total_ms < 1", EXPECT_END},
        {"wait_ms < 1", EXPECT_END},
        {"cert_days > 1", EXPECT_END},
        {"redirects < 1", EXPECT_END},
        {"final_host = a", EXPECT_END},
        {"final_url = a", EXPECT_END},
        {"body_bytes > 1", EXPECT_WHOLE},
        {"sha256 = " SHA256_OF_TEST, EXPECT_WHOLE | EXPECT_SHA256},
    };
    struct expect *all = expect_new();
    unsigned needs = 0;
    (void)state;
    assert_int_equal(COUNT(cases), SUBJECTS);
    assert_int_equal(expect_needs(NULL), 0);
    assert_int_equal(expect_needs(all), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct expect *one = expect_new();
        assert_true(expect_add(one, cases[i].text, why, sizeof why));
        assert_true(expect_add(all, cases[i].text, why, sizeof why));
        assert_int_equal(expect_needs(one), cases[i].needs);
        needs |= cases[i].needs;
        assert_int_equal(expect_needs(all), needs);
        expect_free(one);
    }
    assert_false(expect_add(all, "nothing", why, sizeof why));
    assert_int_equal(expect_needs(all), needs);
    expect_free(all);
    expect_free(NULL);
}

/* ---- refused ---- */

#define SUBJECTS_KNOWN                                                                             \
    " (status, header NAME, content_type, body, title, total_ms, wait_ms, cert_days, redirects, "  \
    "body_bytes, final_host, final_url, sha256)"
#define NUMBERS_KNOW " (=, !=, <, <=, >, >=, in, not in)"
#define TEXTS_KNOW "=, !=, ~, !~, contains, lacks"

static const struct {
    const char *text, *why;
} refusals[] = {
    {"", "nothing is expected" SUBJECTS_KNOWN},
    {" \t\n", "nothing is expected" SUBJECTS_KNOWN},
    {"not", "nothing is expected" SUBJECTS_KNOWN},
    {"!", "nothing is expected" SUBJECTS_KNOWN},
    {"stauts = 200", "unknown subject \"stauts\"" SUBJECTS_KNOWN},
    {"not stauts = 200", "unknown subject \"stauts\"" SUBJECTS_KNOWN},
    {"status2 = 200", "unknown subject \"status2\"" SUBJECTS_KNOWN},
    {"= 200", "unknown subject \"= 200\"" SUBJECTS_KNOWN},
    {"ü = 1", "unknown subject \"ü = 1\"" SUBJECTS_KNOWN},
    {"averyveryveryverylongsubjectindeed = 1",
     "unknown subject \"averyveryveryverylongsubjectindeed\"" SUBJECTS_KNOWN},
    {"header", "no field's name after \"header\""},
    {"header = x", "no field's name after \"header\""},
    {"header x", "no operator after \"header x\" (" TEXTS_KNOW ", exists, absent)"},
    {"header x/y = 1",
     "\"/y = 1\" after \"header x\" is no operator (" TEXTS_KNOW ", exists, absent)"},
    {"header contains x",
     "\"x\" after \"header contains\" is no operator (" TEXTS_KNOW ", exists, absent)"},
    {"header x < 5", "\"header x\" does not know \"<\" (" TEXTS_KNOW ", exists, absent)"},
    {"header x in a,b", "\"header x\" does not know \"in\" (" TEXTS_KNOW ", exists, absent)"},
    {"status", "no operator after \"status\"" NUMBERS_KNOW},
    {"not status", "no operator after \"not status\"" NUMBERS_KNOW},
    {"status not", "\"not\" after \"status\" is no operator" NUMBERS_KNOW},
    {"status 200", "\"200\" after \"status\" is no operator" NUMBERS_KNOW},
    {"status : 200", "\": 200\" after \"status\" is no operator" NUMBERS_KNOW},
    {"status in200", "\"in200\" after \"status\" is no operator" NUMBERS_KNOW},
    {"status does 200", "\"does 200\" after \"status\" is no operator" NUMBERS_KNOW},
    {"status ~ 2..", "\"status\" does not know \"~\"" NUMBERS_KNOW},
    {"status contains 2", "\"status\" does not know \"contains\"" NUMBERS_KNOW},
    {"total_ms exists", "\"total_ms\" does not know \"exists\"" NUMBERS_KNOW},
    {"body exists", "\"body\" does not know \"exists\" (" TEXTS_KNOW ")"},
    {"body > 5", "\"body\" does not know \">\" (" TEXTS_KNOW ")"},
    {"title in a,b", "\"title\" does not know \"in\" (" TEXTS_KNOW ", exists, absent)"},
    {"final_url absent", "\"final_url\" does not know \"absent\" (" TEXTS_KNOW ")"},
    {"sha256 ~ ^00", "\"sha256\" does not know \"~\" (=, !=)"},
    {"status =", "no value after \"status =\""},
    {"status in ", "no value after \"status in\""},
    {"status is", "no value after \"status is\""},
    {"not header x ~", "no value after \"not header x ~\""},
    {"header x exists indeed", "\"indeed\" after \"header x exists\", which takes no value"},
    {"title absent = 1", "\"= 1\" after \"title absent\", which takes no value"},
    {"status = ok", "\"ok\" is no number"},
    {"status = \"\"", "\"\" is no number"},
    {"status = 200 and redirects = 0", "\"200 and redirects = 0\" is no number"},
    {"status => 200", "\"> 200\" is no number"},
    {"status = 0x20", "\"0x20\" is no number"},
    {"status = 2e2", "\"2e2\" is no number"},
    {"status = inf", "\"inf\" is no number"},
    {"status = -", "\"-\" is no number"},
    {"status in 200,", "\"\" is no number"},
    {"status in ,200", "\"\" is no number"},
    {"status in 200,,301", "\"\" is no number"},
    {"status in 200-", "\"200-\" is no number"},
    {"status in 200-x", "\"200-x\" is no number"},
    {"status in 200-300-400", "\"200-300-400\" is no number"},
    {"status in (200", "\"(200\" is no number"},
    {"status in ()", "\"\" is no number"},
    {"status < 4xx", "\"4xx\" is no number"},
    {"redirects = 1xx", "\"1xx\" is no number"},
    {"redirects < 1,2", "\"1,2\" is no number"},
    {"redirects = 12345678901234567890", "\"12345678901234567890\" is no number"},
    {"redirects = 1.", "\"1.\" is no number"},
    {"redirects = .5", "\".5\" is no number"},
    {"redirects = 0.12345678901", "\"0.12345678901\" is no number"},
    {"total_ms < 5h", "\"5h\" is no number (units: ms, s, m)"},
    {"cert_days > 2w", "\"2w\" is no number (units: d, day, days)"},
    {"body_bytes > 5kb", "\"5kb\" is no number (units: k, M, G, T)"},
    {"status in 299-200", "\"299-200\" runs backwards"},
    {"status in 3xx-2xx", "\"3xx-2xx\" runs backwards"},
    {"status = 20", "\"20\" is no status (100 to 999, or a class such as 2xx)"},
    {"status in 200,1000", "\"1000\" is no status (100 to 999, or a class such as 2xx)"},
    {"status = 0xx", "\"0xx\" is no status (100 to 999, or a class such as 2xx)"},
    {"title = \"abc", "no closing quote after \"abc"},
    {"title = '", "no closing quote after '"},
    {"title = 'a' or 'b'", "\" or 'b'\" after the closing quote"},
    {"title contains ''", "the empty text is in every text"},
    {"title ~ \"\"", "the empty text is in every text"},
    {"sha256 = abc", "\"abc\" is no SHA-256 (64 hexadecimal digits)"},
    {"sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0g",
     "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0g\" is no SHA-256 (64 "
     "hexadecimal digits)"},
    {"final_host = http://a",
     "\"http://a\" is no host (no scheme, port or path; [::1]; xn-- for other letters)"},
    {"final_host = a:80",
     "\"a:80\" is no host (no scheme, port or path; [::1]; xn-- for other letters)"},
    {"final_host = bücher.example", "\"bücher.example\" is no host (no scheme, port or path; "
                                    "[::1]; xn-- for other letters)"},
    {"content_type = text/html; charset=utf-8",
     "\"text/html; charset=utf-8\" has parameters, without which content_type is compared"},
    {"body ~ a(b", "regular expression \"a(b\": missing closing parenthesis, after \"a(b\""},
    {"body ~ [z-a]", "regular expression \"[z-a]\": range out of order in character class, "
                     "after \"[z-\""},
    {"body ~ *a", "regular expression \"*a\": quantifier does not follow a repeatable item"},
    {"body ~ a\\C", "regular expression \"a\\C\": using \\C is disabled by the application, "
                    "after \"a\\C\""},
};

static void refusals_say_what_is_wrong(void **state) {
    const struct expect_facts facts = some_facts();
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        assert_int_equal(judge(refusals[i].text, &facts), -1);
        assert_string_equal(why, refusals[i].why);
    }
}

static void pattern_that_is_no_utf8_is_refused(void **state) {
    const struct expect_facts facts = some_facts();
    (void)state;
    assert_int_equal(judge("body ~ caf\xe9", &facts), -1);
    assert_non_null(strstr(why, "UTF-8"));
    assert_int_equal(judge("body contains caf\xe9", &facts), 0);
}

static void long_text_is_refused(void **state) {
    struct expect *expect = expect_new();
    char *text = malloc(EXPECT_TEXT_MAX + 2);
    (void)state;
    memset(text, 'a', EXPECT_TEXT_MAX + 1);
    text[EXPECT_TEXT_MAX + 1] = '\0';
    memcpy(text, "body contains ", 14);
    assert_false(expect_add(expect, text, why, sizeof why));
    assert_string_equal(why, "8193 bytes are too long for an expectation (8192)");
    text[EXPECT_TEXT_MAX] = '\0';
    assert_true(expect_add(expect, text, why, sizeof why));
    expect_free(expect);
    free(text);
}

/* Nested as deep as the limit on length lets it be: compiling is bounded too. */
static void monstrous_patterns_are_refused(void **state) {
    static const char *const cases[] = {
        "body ~ (((((a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000})",
        "body ~ a{70000}",
    };
    const struct expect_facts facts = some_facts();
    char nested[600] = "body ~ ";
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(judge(cases[i], &facts), -1);
    memset(nested + 7, '(', 300);
    memset(nested + 307, ')', 290);
    assert_int_equal(judge(nested, &facts), -1);
}

/* Whatever room there is: a C string that is the phrase's beginning, and no half of a character. */
static void phrase_fits_its_room(void **state) {
    char whole[1000], small[1000];
    struct expect *expect = expect_new();
    (void)state;
    assert_false(expect_add(expect, "öäüöäüöäü = 1", whole, sizeof whole));
    assert_false(expect_add(expect, "öäüöäüöäü = 1", NULL, 0));
    for (size_t room = 1; room <= strlen(whole) + 1; room++) {
        memset(small, 0x7f, sizeof small);
        assert_false(expect_add(expect, "öäüöäüöäü = 1", small, room));
        size_t len = strlen(small);
        assert_true(len < room && len + 2 >= room);
        assert_memory_equal(small, whole, len);
        assert_true((whole[len] & 0xC0) != 0x80);
        assert_int_equal(small[room], 0x7f);
    }
    expect_free(expect);
}

static void library_has_a_version(void **state) {
    (void)state;
    assert_true(strncmp(expect_library(), "10.", 3) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_mean_the_same),
        cmocka_unit_test(needs_are_those_of_the_subjects),
        cmocka_unit_test(refusals_say_what_is_wrong),
        cmocka_unit_test(pattern_that_is_no_utf8_is_refused),
        cmocka_unit_test(long_text_is_refused),
        cmocka_unit_test(monstrous_patterns_are_refused),
        cmocka_unit_test(phrase_fits_its_room),
        cmocka_unit_test(library_has_a_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
