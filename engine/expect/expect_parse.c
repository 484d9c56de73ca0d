/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_parse.c: subject, operator and `not` of an expectation; expect_value.c has the rest. It
 * takes what people try who know it from elsewhere (`status=200`, `==`, `is not`, `does not
 * contain`, Content-Type with a hyphen), and what it does not take it refuses with a phrase that
 * says what it would. Pure; the caller owns what comes out.
 *
 * Rejected: a grammar for a parser generator. There is one rule, and the refusals are most of the
 * code.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "expect/expect_private.h"
#include "expect/expect_regex.h"

enum {
    NUMBER_OPS = OP_BIT(OP_EQUAL) | OP_BIT(OP_UNEQUAL) | OP_BIT(OP_LESS) | OP_BIT(OP_AT_LEAST) |
                 OP_BIT(OP_MORE) | OP_BIT(OP_AT_MOST) | OP_BIT(OP_IN) | OP_BIT(OP_NOT_IN),
    TEXT_OPS = OP_BIT(OP_EQUAL) | OP_BIT(OP_UNEQUAL) | OP_BIT(OP_MATCHES) | OP_BIT(OP_MATCHES_NOT) |
               OP_BIT(OP_CONTAINS) | OP_BIT(OP_LACKS),
    PRESENCE_OPS = OP_BIT(OP_EXISTS) | OP_BIT(OP_ABSENT),
    DIGEST_OPS = OP_BIT(OP_EQUAL) | OP_BIT(OP_UNEQUAL),
    WORD_MAX = 32,
};

static const struct expect_unit time_units[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {NULL, 0}};
static const struct expect_unit day_units[] = {{"d", 1}, {"day", 1}, {"days", 1}, {NULL, 0}};
/* Powers of 1024, as everywhere else on the command line. */
static const struct expect_unit byte_units[] = {
    {"k", 1024.0}, {"M", 1048576.0}, {"G", 1073741824.0}, {"T", 1099511627776.0}, {NULL, 0},
};

const struct subject_info subject_infos[SUBJECTS] = {
    [SUBJECT_STATUS] = {"status", PART_STATUS, EXPECT_STATUS, NUMBER_OPS, false, NULL},
    [SUBJECT_HEADER] = {"header", PART_FIELDS, EXPECT_FIELDS, TEXT_OPS | PRESENCE_OPS, false, NULL},
    [SUBJECT_CONTENT_TYPE] = {"content_type", PART_FIELDS, EXPECT_FIELDS, TEXT_OPS | PRESENCE_OPS,
                              true, NULL},
    [SUBJECT_BODY] = {"body", PART_END, EXPECT_BODY, TEXT_OPS, false, NULL},
    [SUBJECT_TITLE] = {"title", PART_END, EXPECT_TITLE, TEXT_OPS | PRESENCE_OPS, false, NULL},
    [SUBJECT_TOTAL_MS] = {"total_ms", PART_END, EXPECT_END, NUMBER_OPS, false, time_units},
    [SUBJECT_WAIT_MS] = {"wait_ms", PART_END, EXPECT_END, NUMBER_OPS, false, time_units},
    [SUBJECT_CERT_DAYS] = {"cert_days", PART_END, EXPECT_END, NUMBER_OPS, false, day_units},
    [SUBJECT_REDIRECTS] = {"redirects", PART_END, EXPECT_END, NUMBER_OPS, false, NULL},
    [SUBJECT_BODY_BYTES] = {"body_bytes", PART_END, EXPECT_WHOLE, NUMBER_OPS, false, byte_units},
    [SUBJECT_FINAL_HOST] = {"final_host", PART_END, EXPECT_END, TEXT_OPS, true, NULL},
    [SUBJECT_FINAL_URL] = {"final_url", PART_END, EXPECT_END, TEXT_OPS, false, NULL},
    [SUBJECT_SHA256] = {"sha256", PART_END, EXPECT_WHOLE | EXPECT_SHA256, DIGEST_OPS, true, NULL},
};

const char *const op_names[OPS] = {
    [OP_EQUAL] = "=",
    [OP_UNEQUAL] = "!=",
    [OP_LESS] = "<",
    [OP_AT_LEAST] = ">=",
    [OP_MORE] = ">",
    [OP_AT_MOST] = "<=",
    [OP_IN] = "in",
    [OP_NOT_IN] = "not in",
    [OP_MATCHES] = "~",
    [OP_MATCHES_NOT] = "!~",
    [OP_CONTAINS] = "contains",
    [OP_LACKS] = "lacks",
    [OP_EXISTS] = "exists",
    [OP_ABSENT] = "absent",
};

struct spelling {
    const char *text;
    enum expect_op op;
};

/* A longer one before what it begins with. */
static const struct spelling symbols[] = {
    {"==", OP_EQUAL},   {"=~", OP_MATCHES}, {"!=", OP_UNEQUAL},  {"!~", OP_MATCHES_NOT},
    {"<>", OP_UNEQUAL}, {"<=", OP_AT_MOST}, {">=", OP_AT_LEAST}, {"=", OP_EQUAL},
    {"~", OP_MATCHES},  {"<", OP_LESS},     {">", OP_MORE},
};

static const struct spelling words[] = {
    {"in", OP_IN},         {"contains", OP_CONTAINS}, {"contain", OP_CONTAINS},
    {"lacks", OP_LACKS},   {"lack", OP_LACKS},        {"exists", OP_EXISTS},
    {"exist", OP_EXISTS},  {"absent", OP_ABSENT},     {"matches", OP_MATCHES},
    {"match", OP_MATCHES}, {"equals", OP_EQUAL},      {"equal", OP_EQUAL},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The text, what is left of it, and how many `not` there were. */
struct reader {
    struct span text, rest;
    bool negated;
    struct why *why;
};

static bool is_word_byte(uint8_t c) {
    uint8_t lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A token of RFC 9110, 5.6.2, but for ! and ~: no field is called so, and `header x~y` means an
 * operator. */
static bool is_name_byte(uint8_t c) {
    return is_word_byte(c) || (c && strchr("#$%&'*+.^`|", c));
}

static struct span peek(const struct reader *reader, bool (*belongs)(uint8_t)) {
    size_t len = 0;
    while (len < reader->rest.len && belongs(reader->rest.at[len]))
        len++;
    return span_of(reader->rest.at, len);
}

static void skip(struct reader *reader, size_t count) {
    reader->rest = expect_trim(span_skip(reader->rest, count));
}

/* All that was read so far. */
static struct span before(const struct reader *reader) {
    return expect_trim(span_of(reader->text.at, (size_t)(reader->rest.at - reader->text.at)));
}

/* ---- subject --------------------------------------------------------------------------------- */

static void take_negations(struct reader *reader) {
    for (;;) {
        if (span_is_nocase(peek(reader, is_word_byte), "not"))
            skip(reader, 3);
        else if (reader->rest.len && reader->rest.at[0] == '!')
            skip(reader, 1);
        else
            return;
        reader->negated = !reader->negated;
    }
}

static bool is_subject(struct span word, const char *name) {
    char plain[WORD_MAX];
    if (word.len >= WORD_MAX)
        return false;
    for (size_t i = 0; i < word.len; i++)
        plain[i] = word.at[i] == '-' ? '_' : (char)word.at[i];
    return span_is_nocase(span_of(plain, word.len), name);
}

static bool refuse_subject(struct reader *reader, struct span word) {
    if (word.len == 0 && reader->rest.len == 0) {
        why_add(reader->why, "nothing is expected");
    } else {
        why_add(reader->why, "unknown subject ");
        why_quote(reader->why, word.len ? word : reader->rest);
    }
    why_add(reader->why, " (");
    for (unsigned i = 0; i < SUBJECTS; i++)
        why_add(reader->why, "%s%s%s", i ? ", " : "", subject_infos[i].name,
                i == SUBJECT_HEADER ? " NAME" : "");
    why_add(reader->why, ")");
    return false;
}

static bool parse_name(struct reader *reader, struct expectation *expectation) {
    struct span name = peek(reader, is_name_byte);
    if (name.len == 0) {
        why_add(reader->why, "no field's name after ");
        why_quote(reader->why, before(reader));
        return false;
    }
    expectation->name = memory_resize(NULL, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        expectation->name[i] = (char)ascii_lower(name.at[i]);
    expectation->name[name.len] = '\0';
    skip(reader, name.len);
    return true;
}

static bool parse_subject(struct reader *reader, struct expectation *expectation) {
    struct span word = peek(reader, is_word_byte);
    unsigned subject = 0;
    while (subject < SUBJECTS && !is_subject(word, subject_infos[subject].name))
        subject++;
    if (subject == SUBJECTS)
        return refuse_subject(reader, word);
    expectation->subject = (enum expect_subject)subject;
    skip(reader, word.len);
    return subject != SUBJECT_HEADER || parse_name(reader, expectation);
}

/* ---- operator -------------------------------------------------------------------------------- */

static bool take_symbol(struct reader *reader, enum expect_op *op) {
    for (size_t i = 0; i < COUNT(symbols); i++) {
        size_t len = strlen(symbols[i].text);
        if (reader->rest.len >= len && memcmp(reader->rest.at, symbols[i].text, len) == 0) {
            *op = symbols[i].op;
            skip(reader, len);
            return true;
        }
    }
    return false;
}

static bool take_word(struct reader *reader, enum expect_op *op) {
    struct span word = peek(reader, is_word_byte);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (span_is_nocase(word, words[i].text)) {
            *op = words[i].op;
            skip(reader, word.len);
            return true;
        }
    }
    return false;
}

/* `is` and `does` may precede any of them; `is` alone says `=`. `is not`, `does not`, `not`: the
 * opposite. */
static bool take_operator(struct reader *reader, enum expect_op *op) {
    struct span helper = peek(reader, is_word_byte);
    bool is = span_is_nocase(helper, "is");
    if (is || span_is_nocase(helper, "does"))
        skip(reader, helper.len);
    if (span_is_nocase(peek(reader, is_word_byte), "not")) {
        skip(reader, 3);
        reader->negated = !reader->negated;
    }
    if (take_symbol(reader, op) || take_word(reader, op))
        return true;
    *op = OP_EQUAL;
    return is;
}

static bool parse_operator(struct reader *reader, struct expectation *expectation) {
    unsigned known = subject_infos[expectation->subject].ops;
    struct span subject = before(reader), rest = reader->rest;
    enum expect_op op;
    if (!take_operator(reader, &op)) {
        if (rest.len == 0)
            why_add(reader->why, "no operator");
        else
            why_quote(reader->why, rest);
        why_add(reader->why, " after ");
        why_quote(reader->why, subject);
        why_add(reader->why, "%s", rest.len ? " is no operator (" : " (");
    } else if (known & OP_BIT(op)) {
        expectation->op = reader->negated ? op_opposite(op) : op;
        return true;
    } else {
        why_quote(reader->why, subject);
        why_add(reader->why, " does not know \"%s\" (", op_names[op]);
    }
    why_add_ops(reader->why, known);
    why_add(reader->why, ")");
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------- */

bool expectation_parse(struct expectation *expectation, struct span text, struct why *why) {
    *expectation = (struct expectation){0};
    struct reader reader = {.text = text, .rest = expect_trim(text), .why = why};
    if (text.len > EXPECT_TEXT_MAX) {
        why_add(why, "%zu bytes are too long for an expectation (%d)", text.len, EXPECT_TEXT_MAX);
        return false;
    }
    take_negations(&reader);
    return parse_subject(&reader, expectation) && parse_operator(&reader, expectation) &&
           expectation_parse_value(expectation, before(&reader), reader.rest, why);
}

void expectation_deinit(struct expectation *expectation) {
    free(expectation->name);
    free(expectation->text);
    free(expectation->ranges);
    regex_free(expectation->regex);
    *expectation = (struct expectation){0};
}
