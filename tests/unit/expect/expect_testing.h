/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_testing.h: an answer to be judged, and one expectation judged against it in one line.
 * Every program of this folder includes it; nothing is kept between two calls but the last `why`.
 */
#ifndef TESTS_EXPECT_TESTING_H
#define TESTS_EXPECT_TESTING_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>

#include "expect/expect.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static char why[1000];

#define SHA256_OF_TEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static inline struct expect_facts some_facts(void) {
    static struct expect_field fields[5];
    fields[0] = (struct expect_field){span_text("Server"), span_text("nginx/1.22")};
    fields[1] = (struct expect_field){span_text("X-Cache"), span_text("MISS")};
    fields[2] = (struct expect_field){span_text("x-cache"), span_text("HIT")};
    fields[3] = (struct expect_field){span_text("X-Empty"), span_of(NULL, 0)};
    fields[4] =
        (struct expect_field){span_text("Content-Type"), span_text("Text/HTML; charset=utf-8")};
    return (struct expect_facts){
        .status = 404,
        .fields = fields,
        .field_count = COUNT(fields),
        .content_type = span_text("Text/HTML"),
        .body = span_text("<html><h1>Error 500</h1></html>"),
        .title = "Not Found",
        .total_ms = 812.3456789,
        .wait_ms = 12.5,
        .has_cert = true,
        .cert_days = -3,
        .redirects = 2,
        .final_host = span_text("www.example.org"),
        .final_url = span_text("https://www.example.org/Path?q=1"),
        .body_bytes = 2048,
        .sha256 = SHA256_OF_TEST,
    };
}

/* Whether all three parts hold; -1 if the expression was refused. */
static inline int judge(const char *text, const struct expect_facts *facts) {
    struct expect *expect = expect_new();
    int result = -1;
    strcpy(why, "untold");
    if (expect_add(expect, text, why, sizeof why))
        result = expect_status(expect, facts, why, sizeof why) &&
                 expect_fields(expect, facts, why, sizeof why) &&
                 expect_end(expect, facts, why, sizeof why);
    expect_free(expect);
    return result;
}

#endif
