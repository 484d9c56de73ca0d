/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * entity_test.c: the names of character references: their table is in order, and what some stand for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "document/document_private.h"
#include "guard.h"

/* Before a forbidden page, and with more behind it than the name. */
static void expect_point(const char *name, uint32_t point) {
    struct span text = span_text(name);
    if (html_entity_point(span_of(guard_copy(text.at, text.len), text.len)) != point)
        fail_msg("&%s; is not U+%04X", name, point);
    char longer[40];
    snprintf(longer, sizeof longer, "%s;x", name);
    assert_int_equal(html_entity_point(span_of(longer, text.len)), point);
}

static void sorted(void **state) {
    (void)state;
    for (size_t i = 0; i < html_entities_count; i++) {
        const struct html_entity *entity = &html_entities[i];
        assert_true(entity->point != 0);
        assert_int_equal(entity->name[ENTITY_NAME_MAX], 0);
        if (i)
            assert_true(strcmp(entity[-1].name, entity->name) < 0);
        expect_point(entity->name, entity->point);
    }
}

/* HTML 4, 24.2 to 24.4, and the names that came later. */
static void known(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t point;
    } cases[] = {
        {"AElig", 0xC6},    {"Omega", 0x3A9},    {"Zeta", 0x396},    {"alefsym", 0x2135},
        {"amp", '&'},       {"apos", '\''},      {"bull", 0x2022},   {"copy", 0xA9},
        {"dagger", 0x2020}, {"Dagger", 0x2021},  {"euro", 0x20AC},   {"frac34", 0xBE},
        {"gt", '>'},        {"hearts", 0x2665},  {"hellip", 0x2026}, {"lang", 0x2329},
        {"mdash", 0x2014},  {"nbsp", 0xA0},      {"ouml", 0xF6},     {"Ouml", 0xD6},
        {"quot", '"'},      {"rang", 0x232A},    {"rsquo", 0x2019},  {"sup1", 0xB9},
        {"there4", 0x2234}, {"thetasym", 0x3D1}, {"upsih", 0x3D2},   {"yuml", 0xFF},
        {"zwnj", 0x200C},   {"zwj", 0x200D},     {"AMP", '&'},       {"NewLine", '\n'},
        {"colon", ':'},     {"verbar", '|'},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_point(cases[i].name, cases[i].point);
    size_t latin1 = 0, html4 = 0;
    for (size_t i = 0; i < html_entities_count; i++) {
        uint32_t point = html_entities[i].point;
        latin1 += point >= 0xA0 && point <= 0xFF;
        html4 += point > 0xFF;
    }
    /* HTML 4 has 96 of Latin-1, 124 symbols, 28 special characters beyond ASCII; hyphen and dash are later HTML's. */
    assert_int_equal(latin1, 96);
    assert_int_equal(html4, 124 + 28 + 2);
}

static void unknown(void **state) {
    (void)state;
    static const char *const names[] = {"",
                                        "A",
                                        "a",
                                        "am",
                                        "ampx",
                                        "Amp",
                                        "nosuch",
                                        "zz",
                                        "zwnjj",
                                        "thetasymx",
                                        "0",
                                        "frac",
                                        "frac345",
                                        "EURO",
                                        "aaaaaaaaa",
                                        "zzzzzzzz",
                                        "thetasymthetasymthetasymthetasym"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_point(names[i], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted),
        cmocka_unit_test(known),
        cmocka_unit_test(unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
