/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect.h: what a response is expected to be, as `--expect` says it:
 *
 *     status in 200-299,301          status = 200            status != 500
 *     header content-type ~ text/html                        header x-cache exists
 *     body ~ REGEX                   body contains TEXT      title ~ REGEX
 *     total_ms < 800                 cert_days > 14          redirects <= 2       body_bytes >= 1000
 *     final_host = www.example.org   final_url ~ REGEX       sha256 = HEX         content_type = text/html
 *
 * A subject, an operator, a value. Numbers know = != < <= > >= and `in` (numbers and ranges, by commas); texts know = != ~ !~
 * (PCRE2, anywhere in the text, case-sensitive unless it says (?i)), `contains` and `lacks`; `header NAME` also `exists` and `absent`.
 * `not` before the whole negates it. Values may stand in '...' or "..."; else they go to the end. A header
 * that comes several times holds if one of its lines does (with != !~ lacks: if all do). A fact that is not known (cert_days of
 * http) makes an expectation about it fail, and the reason says so.
 *
 * Pure: no clock, no descriptor. A set is parsed once and then read by any number of threads; a regular
 * expression can't take long, whatever it is and whatever the server sent: its steps are bounded, and running out of them fails the
 * expectation and says why.
 */
#ifndef EXPECT_EXPECT_H
#define EXPECT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct expect;

/* What judging takes. */
enum expect_needs {
    EXPECT_STATUS = 1, /* the status: then it alone says which statuses are well */
    EXPECT_FIELDS = 2, /* header fields */
    EXPECT_BODY = 4,   /* the body's beginning, as far as it is read */
    EXPECT_TITLE = 8,  /* the page's title */
    EXPECT_END = 16,   /* what is known only at the end: times, redirects, certificate, final URL */
    EXPECT_WHOLE = 32, /* the body to its last byte: body_bytes */
    EXPECT_SHA256 = 64, /* the same, and its digest */
};

/* Version of PCRE2. */
const char *expect_library(void);

/* An empty set. Ends the process when memory is out, as pool_acquire does. */
struct expect *expect_new(void);
void expect_free(struct expect *expect); /* NULL is allowed */
/* Adds one. False: a phrase in `why` that says what is wrong where ("no operator after \"status\""). */
bool expect_add(struct expect *expect, const char *text, char *why, size_t why_size);
/* An OR of enum expect_needs; 0 for NULL. */
unsigned expect_needs(const struct expect *expect);

struct expect_field {
    struct span name, value;
};

/* The facts of one response; a call looks at those that it is about and no others. */
struct expect_facts {
    unsigned status;
    const struct expect_field *fields;
    size_t field_count;
    struct span content_type; /* without parameters; at NULL: none */
    struct span body;         /* what was read of it */
    const char *title;        /* NULL: none */
    double total_ms;          /* negative: not known */
    double wait_ms;
    bool has_cert;
    int cert_days;
    unsigned redirects;
    struct span final_host, final_url;
    uint64_t body_bytes;
    const char *sha256; /* 64 lower-case hex digits, or NULL */
};

/* Each judges the part that its name says and leaves the rest: _status and _fields when the head is there, _end when all is known
 * (everything else). True: all hold. False: a sentence in `why` about the first that doesn't: what was expected, and
 * what was found, shortened ("status is 404, expected in 200-299,301"). What a server sent appears in it as it came, cut to 200
 * bytes at a character's border. With a set of NULL they hold. */
bool expect_status(const struct expect *expect, const struct expect_facts *facts, char *why,
                   size_t why_size);
bool expect_fields(const struct expect *expect, const struct expect_facts *facts, char *why,
                   size_t why_size);
bool expect_end(const struct expect *expect, const struct expect_facts *facts, char *why,
                size_t why_size);

#endif
