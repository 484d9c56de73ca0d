/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_fuzz.c: whatever a user expects and whatever a server answers: an expression is refused
 * with a phrase or judged, a sentence fits its room, an expectation and its opposite never both
 * hold, and no search takes long. Input: the expression, a NUL, then the text that the answer is
 * made of. Build with clang -fsanitize=fuzzer,address,undefined, engine/expect and engine/base;
 * start from corpus/expect.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "expect/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

enum { WHY_BYTES = 300, EXPRESSION_MAX = 4000 };

static struct expect *parse(const char *before, const char *text) {
    char whole[EXPRESSION_MAX + 8], why[WHY_BYTES] = "";
    struct expect *expect = expect_new();
    strcpy(whole, before);
    strcat(whole, text);
    if (expect_add(expect, whole, why, sizeof why)) {
        CHECK(expect_needs(expect));
        return expect;
    }
    CHECK(*why && memchr(why, 0, sizeof why));
    expect_free(expect);
    return NULL;
}

static bool holds(const struct expect *expect, const struct expect_facts *facts) {
    char why[WHY_BYTES] = "";
    bool all = expect_status(expect, facts, why, sizeof why) &&
               expect_fields(expect, facts, why, sizeof why) &&
               expect_end(expect, facts, why, sizeof why);
    CHECK(memchr(why, 0, sizeof why));
    CHECK(all || *why);
    return all;
}

/* The first bytes are numbers too. */
static void judge(const struct expect *expect, const struct expect *opposite, struct span text) {
    const struct expect_field fields[] = {
        {span_text("server"), text},
        {span_text("X-Cache"), span_of(text.at, text.len / 2)},
    };
    char *title = strndup((const char *)text.at, text.len);
    unsigned number = text.len ? text.at[0] : 0;
    const struct expect_facts facts = {
        .status = number * 3,
        .fields = fields,
        .field_count = number % 3,
        .content_type = text,
        .body = text,
        .title = number % 2 ? title : NULL,
        .total_ms = (double)number - 9,
        .wait_ms = (double)number / 7,
        .has_cert = number % 5,
        .cert_days = (int)number - 30,
        .redirects = number % 12,
        .final_host = text,
        .final_url = text,
        .body_bytes = number * UINT64_C(1000),
    };
    bool first = holds(expect, &facts), second = holds(opposite, &facts);
    CHECK(!(first && second));
    free(title);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len) {
    const uint8_t *zero = len ? memchr(input, 0, len) : NULL;
    if (!zero || zero - input > EXPRESSION_MAX)
        return 0;
    struct expect *expect = parse("", (const char *)input);
    struct expect *opposite = parse("not ", (const char *)input);
    CHECK(!expect == !opposite);
    if (expect) {
        /* A heap block of exactly the text: the sanitizer sees a byte too many being read. */
        size_t text_len = len - (size_t)(zero - input) - 1;
        uint8_t *text = malloc(text_len ? text_len : 1);
        CHECK(text);
        memcpy(text, zero + 1, text_len);
        judge(expect, opposite, span_of(text, text_len));
        free(text);
    }
    expect_free(expect);
    expect_free(opposite);
    return 0;
}
