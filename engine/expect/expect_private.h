/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_private.h: what the files of this room share: an expectation as it was parsed, the table
 * of subjects, and the sentences that are told about both. Private to the room. A `not` is no part
 * of it: parsing turns it into the opposite operator, so that judging and telling know one form
 * only.
 */
#ifndef EXPECT_EXPECT_PRIVATE_H
#define EXPECT_EXPECT_PRIVATE_H

#include "expect/expect.h"

struct regex;

enum expect_subject {
    SUBJECT_STATUS,
    SUBJECT_HEADER,
    SUBJECT_CONTENT_TYPE,
    SUBJECT_BODY,
    SUBJECT_TITLE,
    SUBJECT_TOTAL_MS,
    SUBJECT_WAIT_MS,
    SUBJECT_CERT_DAYS,
    SUBJECT_REDIRECTS,
    SUBJECT_BODY_BYTES,
    SUBJECT_FINAL_HOST,
    SUBJECT_FINAL_URL,
    SUBJECT_SHA256,
    SUBJECTS
};

/* Each beside its opposite: `op ^ 1` is the other one of the pair. The even one is what is looked
 * for. */
enum expect_op {
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_AT_LEAST,
    OP_MORE,
    OP_AT_MOST,
    OP_IN,
    OP_NOT_IN,
    OP_MATCHES,
    OP_MATCHES_NOT,
    OP_CONTAINS,
    OP_LACKS,
    OP_EXISTS,
    OP_ABSENT,
    OPS
};

static inline enum expect_op op_opposite(enum expect_op op) {
    return (enum expect_op)(op ^ 1);
}

static inline bool op_is_negative(enum expect_op op) {
    return op & 1;
}

#define OP_BIT(op) (1u << (op))

/* Which of the three calls judges it. */
enum expect_part { PART_STATUS, PART_FIELDS, PART_END };

/* Text after a number, and what it multiplies. NULL ends. */
struct expect_unit {
    const char *name;
    double factor;
};

struct subject_info {
    const char *name;
    enum expect_part part;
    unsigned needs;
    unsigned ops; /* OP_BITs */
    bool nocase;  /* what the standards compare without regard to case */
    const struct expect_unit *units;
};

extern const struct subject_info subject_infos[SUBJECTS];
extern const char *const op_names[OPS];

/* Both ends are inside. */
struct expect_range {
    double low, high;
};

struct expectation {
    enum expect_subject subject;
    enum expect_op op;
    char *name; /* of a header, lower case; else NULL */
    char *text; /* the value as it was written, without quotes; NULL where there is none */
    size_t text_len;
    struct expect_range *ranges; /* of numbers, for = != in; else NULL */
    size_t range_count;
    double number;       /* for < <= > >= */
    struct regex *regex; /* for ~ !~; else NULL */
};

/* ---- expect_why.c: sentences ----------------------------------------------------------------- */

enum { WHY_QUOTE_MAX = 200 };

/* Text that is gathered in the caller's memory. What finds no room is cut off at a character's
 * border. */
struct why {
    char *at;
    size_t room, len;
    bool full;
};

void why_init(struct why *why, char *at, size_t room);
__attribute__((format(printf, 2, 3))) void why_add(struct why *why, const char *format, ...);
/* At most WHY_QUOTE_MAX bytes, then an ellipsis. A NUL becomes a blank. */
void why_add_span(struct why *why, struct span text);
/* The same between quotation marks. */
void why_quote(struct why *why, struct span text);
/* `header x-cache`, or the name of the subject alone. */
void why_add_subject(struct why *why, const struct expectation *expectation);
/* The operators of a set of OP_BITs, by commas. */
void why_add_ops(struct why *why, unsigned ops);

/* ---- expect_parse.c, expect_value.c ---------------------------------------------------------- */

enum { EXPECT_TEXT_MAX = 8192 };

/* False: `why` is a phrase. Whatever came of it, expectation_deinit gives its memory back. */
bool expectation_parse(struct expectation *expectation, struct span text, struct why *why);
void expectation_deinit(struct expectation *expectation);
/* `value` is what stands after the operator, without the blanks around it; `before` all that
 * stands before. */
bool expectation_parse_value(struct expectation *expectation, struct span before, struct span value,
                             struct why *why);
bool expectation_parse_numbers(struct expectation *expectation, struct span value, struct why *why);
struct span expect_trim(struct span text);
/* Never NULL, and never freed but by free(): the process ends when memory is out. */
void *memory_resize(void *old, size_t bytes);

/* ---- expect_judge.c -------------------------------------------------------------------------- */

/* False: a sentence in `why`. */
bool expectation_holds(const struct expectation *expectation, const struct expect_facts *facts,
                       struct why *why);

#endif
