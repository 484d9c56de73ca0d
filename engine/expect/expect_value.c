/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_value.c: what stands after the operator: numbers with units and ranges, or a text. It
 * refuses what could never be equal to a fact (a status of 20, a content type with parameters, a
 * host with a path), because an expectation that nobody can meet is a slip of the pen and would
 * otherwise be found after hours. Pure; the caller owns what comes out.
 *
 * Rejected: strtod. It depends on the locale and takes "inf", "nan" and "0x1p3".
 */
#include "expect/expect_private.h"
#include "expect/expect_regex.h"

enum { WHOLE_DIGITS_MAX = 15, DECIMALS_MAX = 9, STATUS_MIN = 100, STATUS_MAX = 999 };

static bool is_blank(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

struct span expect_trim(struct span text) {
    while (text.len && is_blank(text.at[0]))
        text = span_skip(text, 1);
    while (text.len && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool take(struct span *rest, const char *mark) {
    size_t len = strlen(mark);
    if (rest->len < len || memcmp(rest->at, mark, len) != 0)
        return false;
    *rest = span_skip(*rest, len);
    return true;
}

static void take_blanks(struct span *rest) {
    while (rest->len && is_blank(rest->at[0]))
        *rest = span_skip(*rest, 1);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static unsigned take_digits(struct span *rest, double *number) {
    unsigned count = 0;
    for (; rest->len && is_digit(rest->at[0]); count++) {
        *number = *number * 10 + (rest->at[0] - '0');
        *rest = span_skip(*rest, 1);
    }
    return count;
}

static bool take_number(struct span *rest, double *number) {
    double fraction = 0, scale = 1;
    bool negative = take(rest, "-");
    if (!negative)
        take(rest, "+");
    *number = 0;
    unsigned whole = take_digits(rest, number);
    if (whole == 0 || whole > WHOLE_DIGITS_MAX)
        return false;
    if (rest->len > 1 && rest->at[0] == '.' && is_digit(rest->at[1])) {
        *rest = span_skip(*rest, 1);
        unsigned decimals = take_digits(rest, &fraction);
        if (decimals > DECIMALS_MAX)
            return false;
        while (decimals--)
            scale *= 10;
    }
    *number += fraction / scale;
    if (negative)
        *number = -*number;
    return true;
}

static bool take_unit(struct span *rest, const struct expect_unit *units, double *number) {
    take_blanks(rest);
    struct span unit = span_of(rest->at, 0);
    while (unit.len < rest->len && is_letter(rest->at[unit.len]))
        unit.len++;
    for (; unit.len && units && units->name; units++) {
        if (span_is_nocase(unit, units->name)) {
            *number *= units->factor;
            *rest = span_skip(*rest, unit.len);
            return true;
        }
    }
    return unit.len == 0;
}

/* `2xx`: a hundred of them. */
static bool take_class(struct span *rest, struct expect_range *range) {
    if (rest->len < 3 || !is_digit(rest->at[0]) || ascii_lower(rest->at[1]) != 'x' ||
        ascii_lower(rest->at[2]) != 'x')
        return false;
    range->low = (rest->at[0] - '0') * 100;
    range->high = range->low + 99;
    *rest = span_skip(*rest, 3);
    return true;
}

static void refuse_number(const struct expectation *expectation, struct span text,
                          struct why *why) {
    const struct expect_unit *unit = subject_infos[expectation->subject].units;
    why_quote(why, text);
    why_add(why, " is no number");
    if (unit && unit->name) {
        why_add(why, " (units: %s", unit->name);
        while ((++unit)->name)
            why_add(why, ", %s", unit->name);
        why_add(why, ")");
    }
}

/* One number or one class: both ends of a range that may go on. */
static bool take_end(const struct expectation *expectation, struct span *rest,
                     struct expect_range *range) {
    if (expectation->subject == SUBJECT_STATUS && take_class(rest, range))
        return true;
    if (!take_number(rest, &range->low) ||
        !take_unit(rest, subject_infos[expectation->subject].units, &range->low))
        return false;
    range->high = range->low;
    return true;
}

static bool parse_range(const struct expectation *expectation, struct span text,
                        struct expect_range *range) {
    struct expect_range last;
    struct span rest = text;
    if (!take_end(expectation, &rest, range))
        return false;
    take_blanks(&rest);
    if (rest.len == 0)
        return true;
    if (!take(&rest, "..") && !take(&rest, "-"))
        return false;
    take_blanks(&rest);
    if (!take_end(expectation, &rest, &last) || rest.len)
        return false;
    range->high = last.high;
    return true;
}

static bool range_is_possible(const struct expectation *expectation, struct span text,
                              const struct expect_range *range, struct why *why) {
    if (range->low > range->high) {
        why_quote(why, text);
        why_add(why, " runs backwards");
        return false;
    }
    if (expectation->subject == SUBJECT_STATUS &&
        (range->low < STATUS_MIN || range->high > STATUS_MAX)) {
        why_quote(why, text);
        why_add(why, " is no status (%d to %d, or a class such as 2xx)", STATUS_MIN, STATUS_MAX);
        return false;
    }
    return true;
}

/* Other languages write lists in brackets. */
static struct span without_brackets(struct span text) {
    static const uint8_t pairs[][2] = {{'(', ')'}, {'[', ']'}, {'{', '}'}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (text.len >= 2 && text.at[0] == pairs[i][0] && text.at[text.len - 1] == pairs[i][1])
            return expect_trim(span_of(text.at + 1, text.len - 2));
    return text;
}

static bool parse_ranges(struct expectation *expectation, struct span list, struct why *why) {
    list = without_brackets(list);
    for (bool more = true; more;) {
        const uint8_t *comma = list.len ? memchr(list.at, ',', list.len) : NULL;
        struct span item =
            expect_trim(span_of(list.at, comma ? (size_t)(comma - list.at) : list.len));
        size_t bytes = (expectation->range_count + 1) * sizeof *expectation->ranges;
        expectation->ranges = memory_resize(expectation->ranges, bytes);
        struct expect_range *range = &expectation->ranges[expectation->range_count++];
        if (!parse_range(expectation, item, range)) {
            refuse_number(expectation, item, why);
            return false;
        }
        if (!range_is_possible(expectation, item, range, why))
            return false;
        more = comma;
        list = more ? span_of(comma + 1, (size_t)(list.at + list.len - comma - 1)) : list;
    }
    return true;
}

bool expectation_parse_numbers(struct expectation *expectation, struct span value,
                               struct why *why) {
    struct span rest = value;
    if (expectation->op <= OP_UNEQUAL || expectation->op >= OP_IN)
        return parse_ranges(expectation, value, why);
    if (take_number(&rest, &expectation->number) &&
        take_unit(&rest, subject_infos[expectation->subject].units, &expectation->number) &&
        rest.len == 0)
        return true;
    refuse_number(expectation, value, why);
    return false;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static bool refuse(struct why *why, struct span value, const char *because) {
    why_quote(why, value);
    why_add(why, " %s", because);
    return false;
}

static bool is_sha256(struct span value) {
    if (value.len != 64)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = ascii_lower(value.at[i]);
        if (!is_digit(c) && (c < 'a' || c > 'f'))
            return false;
    }
    return true;
}

/* A host as URLs have it: ASCII, without what surrounds it, IPv6 in brackets. */
static bool is_host(struct span value) {
    if (value.len && value.at[0] != '[' && memchr(value.at, ':', value.len))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] <= ' ' || value.at[i] >= 0x7f || strchr("/@?#\\", value.at[i]))
            return false;
    return true;
}

/* What only `=` and `!=` ask for: that the fact could ever look like this. */
static bool check_form(const struct expectation *expectation, struct span value, struct why *why) {
    switch (expectation->subject) {
    case SUBJECT_SHA256:
        return is_sha256(value) || refuse(why, value, "is no SHA-256 (64 hexadecimal digits)");
    case SUBJECT_FINAL_HOST:
        return is_host(value) ||
               refuse(why, value,
                      "is no host (no scheme, port or path; [::1]; xn-- for other letters)");
    case SUBJECT_CONTENT_TYPE:
        return !memchr(value.at, ';', value.len) ||
               refuse(why, value, "has parameters, without which content_type is compared");
    default:
        return true;
    }
}

static bool parse_text(struct expectation *expectation, struct span value, struct why *why) {
    enum expect_op looked_for = expectation->op & ~1u;
    if (looked_for == OP_EQUAL)
        return check_form(expectation, value, why);
    if (value.len == 0) {
        why_add(why, "the empty text is in every text");
        return false;
    }
    if (looked_for == OP_MATCHES)
        expectation->regex = regex_new(value, why);
    return looked_for != OP_MATCHES || expectation->regex;
}

/* ---- quotes ---------------------------------------------------------------------------------- */

/* No escapes: a backslash belongs to regular expressions, and who needs one kind of quote takes
 * the other around it. */
static bool unquote(struct span *value, struct why *why) {
    if (value->len == 0 || (value->at[0] != '"' && value->at[0] != '\''))
        return true;
    struct span inner = span_skip(*value, 1);
    const uint8_t *end = inner.len ? memchr(inner.at, value->at[0], inner.len) : NULL;
    if (!end) {
        why_add(why, "no closing quote after ");
        why_add_span(why, *value);
        return false;
    }
    size_t after = (size_t)(inner.at + inner.len - (end + 1));
    if (after) {
        why_quote(why, span_of(end + 1, after));
        why_add(why, " after the closing quote");
        return false;
    }
    *value = span_of(inner.at, inner.len - 1);
    return true;
}

bool expectation_parse_value(struct expectation *expectation, struct span before, struct span value,
                             struct why *why) {
    const struct subject_info *info = &subject_infos[expectation->subject];
    if (expectation->op >= OP_EXISTS) {
        if (value.len == 0)
            return true;
        why_quote(why, value);
        why_add(why, " after ");
        why_quote(why, before);
        why_add(why, ", which takes no value");
        return false;
    }
    if (value.len == 0) {
        why_add(why, "no value after ");
        why_quote(why, before);
        return false;
    }
    if (!unquote(&value, why))
        return false;
    expectation->text_len = value.len;
    expectation->text = memory_resize(NULL, value.len);
    memcpy(expectation->text, value.at, value.len);
    return info->ops & OP_BIT(OP_LESS)
               ? expectation_parse_numbers(expectation, expect_trim(value), why)
               : parse_text(expectation, value, why);
}
