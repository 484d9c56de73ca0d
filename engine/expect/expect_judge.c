/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_judge.c: does an answer meet one expectation, and if not, what was found instead. The
 * opposite operators are judged as the plain ones and turned round at the end, which for a header
 * that comes several times makes `one of its lines` into `none of them`. What is not known and
 * what could not be judged is turned round by nothing: it fails. Pure; any thread.
 *
 * Rejected: taking a fact that is not known for false and letting `not` make it true. `not
 * cert_days < 14` would then hold of a page without TLS, and the gap would never be noticed.
 */
#include <math.h>

#include "base/assert.h"
#include "expect/expect_private.h"
#include "expect/expect_regex.h"

/* How the plain operator of the pair came out, and where. */
struct finding {
    enum regex_answer answer;
    struct span text;  /* that was looked at */
    struct span found; /* with REGEX_YES: in it */
};

/* ---- what was expected ----------------------------------------------------------------------- */

static bool holds_if(const struct expectation *expectation, bool found) {
    return found != op_is_negative(expectation->op);
}

static bool is_number(const struct expectation *expectation) {
    return subject_infos[expectation->subject].ops & OP_BIT(OP_LESS);
}

static void add_expected(struct why *why, const struct expectation *expectation) {
    struct span value = span_of(expectation->text, expectation->text_len);
    bool is_text = !expectation->regex && !is_number(expectation);
    if (expectation->op >= OP_EXISTS) {
        why_add(why, ", expected to %s", expectation->op == OP_EXISTS ? "exist" : "be absent");
        return;
    }
    why_add(why, ", expected %s ", op_names[expectation->op]);
    if (is_text)
        why_quote(why, value);
    else
        why_add_span(why, value);
}

static bool fail_unknown(struct why *why, const struct expectation *expectation,
                         const char *because) {
    why_add_subject(why, expectation);
    why_add(why, " is not known%s", because);
    add_expected(why, expectation);
    return false;
}

/* ---- numbers --------------------------------------------------------------------------------- */

struct number {
    bool is_known;
    double value;
    const char *because; /* it isn't */
};

static struct number number_of(enum expect_subject subject, const struct expect_facts *facts) {
    switch (subject) {
    case SUBJECT_STATUS:
        return (struct number){facts->status > 0, facts->status, ""};
    case SUBJECT_TOTAL_MS:
        return (struct number){facts->total_ms >= 0, facts->total_ms, ""};
    case SUBJECT_WAIT_MS:
        return (struct number){facts->wait_ms >= 0, facts->wait_ms, ""};
    case SUBJECT_CERT_DAYS:
        return (struct number){facts->has_cert, facts->cert_days, ": no certificate"};
    case SUBJECT_REDIRECTS:
        return (struct number){true, facts->redirects, ""};
    default:
        return (struct number){true, (double)facts->body_bytes, ""};
    }
}

static bool is_in_ranges(const struct expectation *expectation, double value) {
    for (size_t i = 0; i < expectation->range_count; i++)
        if (value >= expectation->ranges[i].low && value <= expectation->ranges[i].high)
            return true;
    return false;
}

static bool compares(const struct expectation *expectation, double value) {
    switch (expectation->op) {
    case OP_LESS:
    case OP_AT_LEAST:
        return holds_if(expectation, value < expectation->number);
    case OP_MORE:
    case OP_AT_MOST:
        return holds_if(expectation, value > expectation->number);
    default:
        return holds_if(expectation, is_in_ranges(expectation, value));
    }
}

static bool number_holds(const struct expectation *expectation, const struct expect_facts *facts,
                         struct why *why) {
    struct number number = number_of(expectation->subject, facts);
    if (!number.is_known)
        return fail_unknown(why, expectation, number.because);
    if (compares(expectation, number.value))
        return true;
    /* Microseconds are as fine as times are measured. */
    double shown = round(number.value * 1000) / 1000;
    why_add_subject(why, expectation);
    why_add(why, " is %.15g", shown);
    add_expected(why, expectation);
    return false;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static bool starts_nocase(struct span text, struct span with) {
    for (size_t i = 0; i < with.len; i++)
        if (i >= text.len || ascii_lower(text.at[i]) != ascii_lower(with.at[i]))
            return false;
    return true;
}

static bool texts_are_equal(struct span a, struct span b, bool nocase) {
    if (a.len != b.len)
        return false;
    return a.len == 0 || (nocase ? starts_nocase(a, b) : memcmp(a.at, b.at, a.len) == 0);
}

/* What is searched without regard to case is a host or a content type: short. */
static const uint8_t *find_text(struct span text, struct span wanted, bool nocase) {
    if (text.len < wanted.len)
        return NULL;
    if (!nocase)
        return memmem(text.at, text.len, wanted.at, wanted.len);
    for (; text.len >= wanted.len; text = span_skip(text, 1))
        if (starts_nocase(text, wanted))
            return text.at;
    return NULL;
}

static struct finding look(const struct expectation *expectation, struct span text) {
    struct finding finding = {.answer = REGEX_NO, .text = text, .found = text};
    struct span value = span_of(expectation->text, expectation->text_len);
    bool nocase = subject_infos[expectation->subject].nocase;
    const uint8_t *at;
    switch (expectation->op) {
    case OP_MATCHES:
    case OP_MATCHES_NOT:
        finding.answer = regex_find(expectation->regex, text, &finding.found);
        break;
    case OP_CONTAINS:
    case OP_LACKS:
        at = find_text(text, value, nocase);
        finding.answer = at ? REGEX_YES : REGEX_NO;
        finding.found = span_of(at, at ? value.len : 0);
        break;
    case OP_EXISTS:
    case OP_ABSENT:
        finding.answer = REGEX_YES;
        break;
    default:
        finding.answer = texts_are_equal(text, value, nocase) ? REGEX_YES : REGEX_NO;
    }
    return finding;
}

static bool gave_up(const struct finding *finding) {
    return finding->answer == REGEX_STEPS || finding->answer == REGEX_MEMORY;
}

static bool fail_gave_up(struct why *why, const struct expectation *expectation,
                         const struct finding *finding) {
    why_add_subject(why, expectation);
    why_add(why, " could not be judged: the regular expression takes ");
    if (finding->answer == REGEX_STEPS)
        why_add(why, "more than %ju steps", (uintmax_t)regex_steps_max(finding->text.len));
    else
        why_add(why, "too much memory");
    add_expected(why, expectation);
    return false;
}

/* A body is too long to be shown: where it has what it should not, that is; else its beginning. */
static void add_body(struct why *why, const struct finding *finding) {
    if (finding->answer == REGEX_YES && finding->found.at != finding->text.at) {
        why_add(why, "body has ");
        why_quote(why, finding->found);
        why_add(why, " at byte %zu", (size_t)(finding->found.at - finding->text.at));
    } else if (finding->text.len > WHY_QUOTE_MAX) {
        why_add(why, "body (%zu bytes were read) begins with ", finding->text.len);
        why_quote(why, finding->text);
    } else {
        why_add(why, "body is ");
        why_quote(why, finding->text);
    }
}

static bool fail_found(struct why *why, const struct expectation *expectation,
                       const struct finding *finding, size_t other_lines) {
    if (expectation->subject == SUBJECT_BODY) {
        add_body(why, finding);
    } else {
        why_add_subject(why, expectation);
        why_add(why, " is ");
        why_quote(why, finding->text);
    }
    if (other_lines)
        why_add(why, " (and %zu more)", other_lines);
    add_expected(why, expectation);
    return false;
}

static bool fail_absent(struct why *why, const struct expectation *expectation) {
    why_add_subject(why, expectation);
    why_add(why, " is absent");
    add_expected(why, expectation);
    return false;
}

/* ---- subjects -------------------------------------------------------------------------------- */

/* The line that decides: the first that has what is looked for; else one at which the regular
 * expression gave up; else the first. Without any line, nothing has it. */
static bool header_holds(const struct expectation *expectation, const struct expect_facts *facts,
                         struct why *why) {
    struct finding first = {.answer = REGEX_NO};
    size_t lines = 0;
    for (size_t i = 0; i < facts->field_count && first.answer != REGEX_YES; i++) {
        if (!span_is_nocase(facts->fields[i].name, expectation->name))
            continue;
        struct finding finding = look(expectation, facts->fields[i].value);
        bool decides = finding.answer == REGEX_YES || (gave_up(&finding) && !gave_up(&first));
        if (lines++ == 0 || decides)
            first = finding;
    }
    if (gave_up(&first))
        return fail_gave_up(why, expectation, &first);
    if (holds_if(expectation, first.answer == REGEX_YES))
        return true;
    if (lines == 0)
        return fail_absent(why, expectation);
    return fail_found(why, expectation, &first, first.answer == REGEX_YES ? 0 : lines - 1);
}

static struct span text_of(enum expect_subject subject, const struct expect_facts *facts) {
    switch (subject) {
    case SUBJECT_CONTENT_TYPE:
        return facts->content_type;
    case SUBJECT_TITLE:
        return span_text(facts->title);
    case SUBJECT_FINAL_HOST:
        return facts->final_host;
    case SUBJECT_FINAL_URL:
        return facts->final_url;
    case SUBJECT_SHA256:
        return span_text(facts->sha256);
    default: /* an empty body is known to be empty */
        return facts->body.at ? facts->body : span_text("");
    }
}

static bool text_holds(const struct expectation *expectation, const struct expect_facts *facts,
                       struct why *why) {
    struct span text = text_of(expectation->subject, facts);
    bool may_be_absent = subject_infos[expectation->subject].ops & OP_BIT(OP_EXISTS);
    if (!text.at && expectation->op == OP_ABSENT)
        return true;
    if (!text.at)
        return may_be_absent ? fail_absent(why, expectation) : fail_unknown(why, expectation, "");
    struct finding finding = look(expectation, text);
    if (gave_up(&finding))
        return fail_gave_up(why, expectation, &finding);
    return holds_if(expectation, finding.answer == REGEX_YES) ||
           fail_found(why, expectation, &finding, 0);
}

bool expectation_holds(const struct expectation *expectation, const struct expect_facts *facts,
                       struct why *why) {
    if (expectation->subject == SUBJECT_HEADER)
        return header_holds(expectation, facts, why);
    if (is_number(expectation))
        return number_holds(expectation, facts, why);
    return text_holds(expectation, facts, why);
}
