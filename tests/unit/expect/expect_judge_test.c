/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_judge_test.c: every subject with every operator that it knows, facts that are not known,
 * which part judges what, and the sentences, word by word.
 */
#include "expect_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "expect/expect_private.h"
#include "guard.h"

/* ---- subjects and operators ---- */

struct sample {
    const char *subject, *same, *other; /* what the fact is, and what it isn't */
};

static void assert_judged(const char *subject, const char *op, const char *value, int holds) {
    const struct expect_facts facts = some_facts();
    char text[300];
    snprintf(text, sizeof text, "%s %s %s", subject, op, value);
    if (judge(text, &facts) != holds)
        print_error("%s: not %d: %s\n", text, holds, why);
    assert_int_equal(judge(text, &facts), holds);
    snprintf(text, sizeof text, "not %s %s %s", subject, op, value);
    assert_int_equal(judge(text, &facts), !holds);
}

static void numbers_know_eight_operators(void **state) {
    static const struct sample samples[] = {
        {"status", "404", "200"},  {"total_ms", "812.3456789", "900"},
        {"wait_ms", "12.5", "13"}, {"cert_days", "-3", "14"},
        {"redirects", "2", "3"},   {"body_bytes", "2048", "4096"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        const struct sample *at = &samples[i];
        int is_less = i > 0; /* than `other` */
        assert_judged(at->subject, "=", at->same, 1);
        assert_judged(at->subject, "=", at->other, 0);
        assert_judged(at->subject, "!=", at->same, 0);
        assert_judged(at->subject, "!=", at->other, 1);
        assert_judged(at->subject, "in", at->same, 1);
        assert_judged(at->subject, "in", at->other, 0);
        assert_judged(at->subject, "not in", at->other, 1);
        assert_judged(at->subject, "<", at->same, 0);
        assert_judged(at->subject, "<", at->other, is_less);
        assert_judged(at->subject, "<=", at->same, 1);
        assert_judged(at->subject, "<=", at->other, is_less);
        assert_judged(at->subject, ">", at->same, 0);
        assert_judged(at->subject, ">", at->other, !is_less);
        assert_judged(at->subject, ">=", at->same, 1);
        assert_judged(at->subject, ">=", at->other, !is_less);
    }
}

static void texts_know_six_operators(void **state) {
    static const struct sample samples[] = {
        {"header Server", "nginx/1.22", "apache"},
        {"content_type", "Text/HTML", "text/plain"},
        {"body", "<html><h1>Error 500</h1></html>", "fine"},
        {"title", "Not Found", "not found"},
        {"final_host", "www.example.org", "example.com"},
        {"final_url", "'https://www.example.org/Path?q=1'", "https://www.example.org/path?q=1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        const struct sample *at = &samples[i];
        assert_judged(at->subject, "=", at->same, 1);
        assert_judged(at->subject, "=", at->other, 0);
        assert_judged(at->subject, "!=", at->same, 0);
        assert_judged(at->subject, "!=", at->other, 1);
        assert_judged(at->subject, "contains", at->same, 1);
        assert_judged(at->subject, "contains", at->other, 0);
        assert_judged(at->subject, "lacks", at->same, 0);
        assert_judged(at->subject, "lacks", at->other, 1);
        assert_judged(at->subject, "~", "^.*[a-z]", 1);
        assert_judged(at->subject, "~", "^$", 0);
        assert_judged(at->subject, "!~", "^.*[a-z]", 0);
        assert_judged(at->subject, "!~", "^$", 1);
    }
    assert_judged("sha256", "=", SHA256_OF_TEST, 1);
    assert_judged("sha256", "!=", SHA256_OF_TEST, 0);
}

static void presence_is_known_of_what_may_be_absent(void **state) {
    struct expect_facts facts = some_facts();
    (void)state;
    assert_judged("header server", "exists", "", 1);
    assert_judged("header server", "absent", "", 0);
    assert_judged("header x-empty", "exists", "", 1);
    assert_judged("header x-other", "exists", "", 0);
    assert_judged("header x-other", "absent", "", 1);
    assert_judged("title", "exists", "", 1);
    assert_judged("content_type", "absent", "", 0);
    facts.title = NULL;
    facts.content_type = span_of(NULL, 0);
    assert_int_equal(judge("title absent", &facts), 1);
    assert_int_equal(judge("title exists", &facts), 0);
    assert_int_equal(judge("content_type absent", &facts), 1);
    assert_int_equal(judge("not content_type exists", &facts), 1);
}

/* MISS and HIT. */
static void header_of_several_lines(void **state) {
    (void)state;
    assert_judged("header x-cache", "=", "HIT", 1);
    assert_judged("header x-cache", "=", "MISS", 1);
    assert_judged("header x-cache", "=", "hit", 0);
    assert_judged("header x-cache", "!=", "HIT", 0);
    assert_judged("header x-cache", "!=", "BYPASS", 1);
    assert_judged("header x-cache", "~", "^H", 1);
    assert_judged("header x-cache", "!~", "^H", 0);
    assert_judged("header x-cache", "!~", "^B", 1);
    assert_judged("header x-cache", "contains", "IS", 1);
    assert_judged("header x-cache", "lacks", "IT", 0);
    assert_judged("header x-other", "=", "HIT", 0);
    assert_judged("header x-other", "!=", "HIT", 1);
    assert_judged("header x-other", "lacks", "HIT", 1);
    assert_judged("header x-other", "~", ".", 0);
}

/* ---- what is not known ---- */

static void unknown_facts_fail_whatever_is_asked(void **state) {
    static const char *const cases[] = {
        "status = 200",
        "status != 200",
        "total_ms < 1",
        "total_ms >= 0",
        "not total_ms < 1",
        "wait_ms < 1",
        "not wait_ms < 1",
        "cert_days > 14",
        "cert_days <= 14",
        "not cert_days > 14",
        "cert_days not in 3",
        "final_host = a",
        "final_host != a",
        "not final_host ~ a",
        "final_url lacks a",
        "final_url ~ a",
        "sha256 = " SHA256_OF_TEST,
        "sha256 != " SHA256_OF_TEST,
        "title = a",
        "title != a",
        "title lacks a",
        "not title ~ a",
        "content_type != a/b",
        "not content_type contains a",
    };
    const struct expect_facts facts = {.total_ms = -1, .wait_ms = NAN};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(judge(cases[i], &facts), 0);
        assert_true(strstr(why, "is not known") || strstr(why, "is absent"));
    }
    assert_int_equal(judge("body = \"\"", &facts), 1);
    assert_int_equal(judge("body lacks a", &facts), 1);
    assert_int_equal(judge("header a absent", &facts), 1);
    assert_int_equal(judge("redirects = 0", &facts), 1);
    assert_int_equal(judge("body_bytes = 0", &facts), 1);
}

static void boundless_search_fails_whatever_is_asked(void **state) {
    static const char *const cases[] = {"body ~ a*?[xy]", "body !~ a*?[xy]", "not body ~ a*?[xy]"};
    struct expect_facts facts = some_facts();
    char text[20000];
    (void)state;
    memset(text, 'a', sizeof text);
    facts.body = span_of(text, sizeof text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(judge(cases[i], &facts), 0);
        assert_non_null(strstr(
            why, "body could not be judged: the regular expression takes more than 5640000 steps"));
    }
    struct expect_field fields[] = {{span_text("a"), span_of(text, sizeof text)},
                                    {span_text("a"), span_text("x")}};
    facts.fields = fields;
    facts.field_count = 2;
    assert_int_equal(judge("header a ~ a*?[xy]", &facts), 1);
    assert_int_equal(judge("header a ~ a*?[yz]", &facts), 0);
    assert_int_equal(judge("header a !~ a*?[yz]", &facts), 0);
    fields[0].value = span_text("b");
    fields[1].value = span_of(text, sizeof text);
    assert_int_equal(judge("header a ~ b|a*?[yz]", &facts), 1);
    assert_int_equal(judge("header a !~ a*?[yz]", &facts), 0);
    assert_non_null(strstr(why, "header a could not be judged"));
}

/* ---- parts ---- */

static void each_part_judges_its_own(void **state) {
    struct expect *expect = expect_new();
    struct expect_facts facts = some_facts();
    (void)state;
    assert_true(expect_status(NULL, &facts, why, sizeof why) &&
                expect_fields(NULL, &facts, why, sizeof why) &&
                expect_end(NULL, &facts, why, sizeof why));
    assert_true(expect_end(expect, &facts, why, sizeof why));
    assert_true(expect_add(expect, "redirects = 7", why, sizeof why));
    assert_true(expect_add(expect, "status = 200", why, sizeof why));
    assert_true(expect_add(expect, "header server = apache", why, sizeof why));
    assert_true(expect_add(expect, "title = A", why, sizeof why));
    assert_true(expect_add(expect, "status = 201", why, sizeof why));
    assert_false(expect_status(expect, &facts, why, sizeof why));
    assert_string_equal(why, "status is 404, expected = 200");
    assert_false(expect_fields(expect, &facts, why, sizeof why));
    assert_string_equal(why, "header server is \"nginx/1.22\", expected = \"apache\"");
    assert_false(expect_end(expect, &facts, why, sizeof why));
    assert_string_equal(why, "redirects is 2, expected = 7");
    facts.redirects = 7;
    assert_false(expect_end(expect, &facts, why, sizeof why));
    assert_string_equal(why, "title is \"Not Found\", expected = \"A\"");
    facts.status = 200;
    assert_false(expect_status(expect, &facts, why, sizeof why));
    assert_string_equal(why, "status is 200, expected = 201");
    assert_false(expect_status(expect, &facts, NULL, 0));
    expect_free(expect);
}

/* ---- sentences ---- */

static void sentences_say_what_was_found(void **state) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"status in 200-299,301", "status is 404, expected in 200-299,301"},
        {"not status = 4xx", "status is 404, expected != 4xx"},
        {"status not in 404", "status is 404, expected not in 404"},
        {"total_ms < 800", "total_ms is 812.346, expected < 800"},
        {"total_ms < 0.8s", "total_ms is 812.346, expected < 0.8s"},
        {"cert_days > 14", "cert_days is -3, expected > 14"},
        {"body_bytes >= 1M", "body_bytes is 2048, expected >= 1M"},
        {"header Server ~ apache", "header server is \"nginx/1.22\", expected ~ apache"},
        {"header X-Cache = A", "header x-cache is \"MISS\" (and 1 more), expected = \"A\""},
        {"header X-Cache != HIT", "header x-cache is \"HIT\", expected != \"HIT\""},
        {"header x-other = A", "header x-other is absent, expected = \"A\""},
        {"header x-other exists", "header x-other is absent, expected to exist"},
        {"header server absent", "header server is \"nginx/1.22\", expected to be absent"},
        {"header x-empty contains a", "header x-empty is \"\", expected contains \"a\""},
        {"content_type = a/b", "content_type is \"Text/HTML\", expected = \"a/b\""},
        {"title ~ ^A", "title is \"Not Found\", expected ~ ^A"},
        {"title lacks Found", "title is \"Not Found\", expected lacks \"Found\""},
        {"body contains fine",
         "body is \"<html><h1>Error 500</h1></html>\", expected contains \"fine\""},
        {"body lacks Error", "body has \"Error\" at byte 10, expected lacks \"Error\""},
        {"body !~ [0-9]{3}", "body has \"500\" at byte 16, expected !~ [0-9]{3}"},
        {"final_host = a.example", "final_host is \"www.example.org\", expected = \"a.example\""},
    };
    const struct expect_facts facts = some_facts();
    struct expect_facts plain = facts;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(judge(cases[i].text, &facts), 0);
        assert_string_equal(why, cases[i].why);
    }
    plain.has_cert = false;
    plain.title = NULL;
    assert_int_equal(judge("cert_days > 14", &plain), 0);
    assert_string_equal(why, "cert_days is not known: no certificate, expected > 14");
    assert_int_equal(judge("title != a", &plain), 0);
    assert_string_equal(why, "title is absent, expected != \"a\"");
}

/* 200 bytes, less what would be half of a character; broken text is cut anywhere. */
static void long_text_is_shortened(void **state) {
    struct expect_facts facts = some_facts();
    char text[1000], expected[1000];
    (void)state;
    for (size_t before = 0; before < 4; before++) {
        memset(text, 'a', before);
        for (size_t i = before; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "😀", 4);
        facts.body = span_of(text, 800 + before);
        size_t shown = before + (200 - before) / 4 * 4;
        snprintf(expected, sizeof expected,
                 "body (%zu bytes were read) begins with \"%.*s…\", expected = \"b\"",
                 facts.body.len, (int)shown, text);
        assert_int_equal(judge("body = b", &facts), 0);
        assert_string_equal(why, expected);
    }
    memset(text, 0x80, sizeof text);
    facts.body = span_of(text, sizeof text);
    assert_int_equal(judge("body = b", &facts), 0);
    snprintf(expected, sizeof expected, "\"%.200s…\"", text);
    assert_non_null(strstr(why, expected));
}

static void sentence_fits_its_room(void **state) {
    struct expect_facts facts = some_facts();
    struct expect *expect = expect_new();
    char small[100];
    (void)state;
    facts.title = "ä€😀ä€😀";
    assert_true(expect_add(expect, "title = a", why, sizeof why));
    assert_false(expect_end(expect, &facts, why, sizeof why));
    for (size_t room = 1; room <= strlen(why) + 1; room++) {
        memset(small, 0x7f, sizeof small);
        assert_false(expect_end(expect, &facts, small, room));
        size_t len = strlen(small);
        assert_true(len < room && len + 4 >= room);
        assert_memory_equal(small, why, len);
        assert_true((why[len] & 0xC0) != 0x80);
        assert_int_equal(small[room], 0x7f);
    }
    expect_free(expect);
}

static void nul_ends_neither_text_nor_sentence(void **state) {
    struct expect_facts facts = some_facts();
    static const char text[] = "one\0two\0three";
    (void)state;
    facts.body = span_of(guard_copy(text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(judge("body contains three", &facts), 1);
    assert_int_equal(judge("body ~ two.three$", &facts), 1);
    assert_int_equal(judge("body = one", &facts), 0);
    assert_string_equal(why, "body is \"one two three\", expected = \"one\"");
    assert_int_equal(judge("body lacks three", &facts), 0);
    assert_string_equal(why, "body has \"three\" at byte 8, expected lacks \"three\"");
}

static void invalid_utf8_is_judged_and_shown_as_it_came(void **state) {
    struct expect_facts facts = some_facts();
    static const char text[] = "caf\xe9 au lait\xc3";
    (void)state;
    facts.body = span_of(guard_copy(text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(judge("body ~ caf.*lait", &facts), 1);
    assert_int_equal(judge("body contains caf\xe9", &facts), 1);
    assert_int_equal(judge("body = a", &facts), 0);
    assert_string_equal(why, "body is \"caf\xe9 au lait\xc3\", expected = \"a\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_know_eight_operators),
        cmocka_unit_test(texts_know_six_operators),
        cmocka_unit_test(presence_is_known_of_what_may_be_absent),
        cmocka_unit_test(header_of_several_lines),
        cmocka_unit_test(unknown_facts_fail_whatever_is_asked),
        cmocka_unit_test(boundless_search_fails_whatever_is_asked),
        cmocka_unit_test(each_part_judges_its_own),
        cmocka_unit_test(sentences_say_what_was_found),
        cmocka_unit_test(long_text_is_shortened),
        cmocka_unit_test(sentence_fits_its_room),
        cmocka_unit_test(nul_ends_neither_text_nor_sentence),
        cmocka_unit_test(invalid_utf8_is_judged_and_shown_as_it_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
