/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect.c: a set of expectations in the order in which they were added, so that the reason that
 * is told is the first. Whoever made a set owns it; while it is only read, any number of threads
 * may read it.
 *
 * Rejected: `and`, `or` and brackets in one expression. A list of simple ones says `and`, a
 * regular expression and `in` say most of `or`, and each that fails can then be told in a plain
 * sentence.
 */
#include "expect/expect.h"

#include <stdlib.h>

#include "base/assert.h"
#include "expect/expect_private.h"
#include "expect/expect_regex.h"

struct expect {
    struct expectation *at;
    size_t count, room;
    unsigned needs;
};

const char *expect_library(void) {
    return regex_library();
}

void *memory_resize(void *old, size_t bytes) {
    void *memory = realloc(old, bytes ? bytes : 1);
    CHECK(memory);
    return memory;
}

struct expect *expect_new(void) {
    struct expect *expect = memory_resize(NULL, sizeof *expect);
    *expect = (struct expect){0};
    return expect;
}

void expect_free(struct expect *expect) {
    if (!expect)
        return;
    for (size_t i = 0; i < expect->count; i++)
        expectation_deinit(&expect->at[i]);
    free(expect->at);
    free(expect);
}

bool expect_add(struct expect *expect, const char *text, char *why, size_t why_size) {
    struct expectation parsed;
    struct why phrase;
    why_init(&phrase, why, why_size);
    if (!expectation_parse(&parsed, span_text(text), &phrase)) {
        expectation_deinit(&parsed);
        return false;
    }
    if (expect->count == expect->room) {
        expect->room = expect->room ? expect->room * 2 : 4;
        expect->at = memory_resize(expect->at, expect->room * sizeof *expect->at);
    }
    expect->at[expect->count++] = parsed;
    expect->needs |= subject_infos[parsed.subject].needs;
    return true;
}

unsigned expect_needs(const struct expect *expect) {
    return expect ? expect->needs : 0;
}

static bool part_holds(const struct expect *expect, enum expect_part part,
                       const struct expect_facts *facts, char *why, size_t why_size) {
    for (size_t i = 0; expect && i < expect->count; i++) {
        struct why sentence;
        if (subject_infos[expect->at[i].subject].part != part)
            continue;
        why_init(&sentence, why, why_size);
        if (!expectation_holds(&expect->at[i], facts, &sentence))
            return false;
    }
    return true;
}

bool expect_status(const struct expect *expect, const struct expect_facts *facts, char *why,
                   size_t why_size) {
    return part_holds(expect, PART_STATUS, facts, why, why_size);
}

bool expect_fields(const struct expect *expect, const struct expect_facts *facts, char *why,
                   size_t why_size) {
    return part_holds(expect, PART_FIELDS, facts, why, why_size);
}

bool expect_end(const struct expect *expect, const struct expect_facts *facts, char *why,
                size_t why_size) {
    return part_holds(expect, PART_END, facts, why, why_size);
}
