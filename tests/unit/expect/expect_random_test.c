/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_random_test.c: thousands of expressions put together from the language's own pieces and
 * from noise, judged against answers of noise. Each is refused with a phrase or accepted; what is
 * accepted is judged, its opposite never agrees with it, and what fails has a sentence. The seeds
 * are fixed.
 */
#include "expect_testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "guard.h"

static uint64_t random_state;

static size_t random_below(size_t limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)((random_state >> 20) % limit);
}

static const char *const pieces[] = {
    "status",
    "header ",
    "body",
    "title",
    "content_type",
    "total_ms",
    "wait_ms",
    "cert_days",
    "redirects",
    "body_bytes",
    "final_host",
    "final_url",
    "sha256",
    "x-cache",
    "server",
    " ",
    " ",
    " ",
    " ",
    " ",
    "not ",
    "!",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "~",
    "!~",
    " in ",
    " not in ",
    " contains ",
    " lacks ",
    " exists",
    " absent",
    " is ",
    " does ",
    "200",
    "404",
    "4xx",
    "200-299",
    ",",
    "-",
    "..",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "*",
    "+",
    "?",
    "|",
    "^",
    "$",
    "\\",
    "\\w",
    "\\d",
    "\\1",
    "(?i)",
    "(?=",
    "(?<a>",
    "{2,3}",
    "a",
    "b",
    "e",
    "é",
    "\xff",
    "\x80",
    "\"",
    "'",
    "ms",
    "k",
    "days",
    "(*UTF)",
    "(*UCP)",
    "(?C1)",
    "\\K",
    "\\p{L}",
    SHA256_OF_TEST,
};

static void make_expression(char *text, size_t room) {
    static const char *const openings[] = {
        "body ~ ", "title !~ ", "header server ~ ", "status in ", "cert_days ", "", "", "not ",
    };
    size_t len = (size_t)snprintf(text, room, "%s", openings[random_below(COUNT(openings))]);
    for (size_t count = 1 + random_below(12); count && len + 1 < room; count--) {
        if (random_below(8) == 0) {
            text[len++] = (char)(1 + random_below(255));
            text[len] = '\0';
        } else {
            const char *piece = pieces[random_below(COUNT(pieces))];
            len += (size_t)snprintf(text + len, room - len, "%s", piece);
            len = len < room ? len : room - 1;
        }
    }
}

static struct span noise(size_t most) {
    uint8_t bytes[300];
    size_t len = random_below(most + 1);
    bool is_text = random_below(2);
    for (size_t i = 0; i < len; i++)
        bytes[i] =
            (uint8_t)(is_text ? (size_t) "ab e=~\n<>12"[random_below(11)] : random_below(256));
    return span_of(guard_copy(bytes, len), len);
}

static bool judge_all(const struct expect *expect, const struct expect_facts *facts) {
    strcpy(why, "");
    bool holds = expect_status(expect, facts, why, sizeof why) &&
                 expect_fields(expect, facts, why, sizeof why) &&
                 expect_end(expect, facts, why, sizeof why);
    if (!holds)
        assert_non_null(strstr(why, ", expected "));
    return holds;
}

static void judge_noise(const struct expect *expect, const struct expect *opposite) {
    struct expect_facts facts = some_facts();
    struct expect_field fields[] = {{span_text("Server"), noise(40)},
                                    {span_text("x-cache"), noise(5)}};
    facts.fields = fields;
    facts.field_count = random_below(3);
    facts.body = noise(300);
    facts.content_type = random_below(2) ? noise(20) : span_of(NULL, 0);
    facts.final_url = noise(30);
    facts.title = random_below(2) ? "b e a" : NULL;
    facts.status = (unsigned)random_below(600);
    facts.total_ms = (double)random_below(500) - 100;
    facts.has_cert = random_below(2);
    facts.cert_days = (int)random_below(500) - 100;
    bool holds = judge_all(expect, &facts), other = judge_all(opposite, &facts);
    assert_false(holds && other);
}

static void random_expressions_are_refused_or_judged(void **state) {
    unsigned accepted = 0, refused = 0;
    (void)state;
    random_state = 20260101;
    for (unsigned i = 0; i < 30000; i++) {
        char text[400], negated[410], small[40];
        struct expect *expect = expect_new(), *opposite = expect_new();
        make_expression(text, sizeof text);
        snprintf(negated, sizeof negated, "not %s", text);
        strcpy(why, "");
        bool is_good = expect_add(expect, text, why, sizeof why);
        assert_int_equal(expect_add(opposite, negated, small, sizeof small), is_good);
        assert_true(strlen(small) < sizeof small);
        assert_true(is_good || strlen(why) > 10);
        assert_int_equal(expect_needs(expect) != 0, is_good);
        if (is_good)
            judge_noise(expect, opposite);
        *(is_good ? &accepted : &refused) += 1;
        expect_free(expect);
        expect_free(opposite);
    }
    /* Else the pieces are badly chosen, and nothing was tried. */
    assert_true(accepted > 3000 && refused > 3000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_expressions_are_refused_or_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
