/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_glob.c: expands URL patterns. A parsed pattern is a row of parts, each with a number of values and the index of
 * its present one: an odometer whose last wheel turns fastest. Literal text is a set of one element, so that there are three
 * kinds of parts and no special cases.
 *
 * Everything lies in one block of memory whose size a count of the pattern's special characters bounds; nothing grows
 * while parsing. On the input's thread.
 */
#include "input/input_glob.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "input/input_line.h"

/* Decimal digits of 2^64 - 1. */
enum { DIGITS_MAX = 20, ZONE_BYTES_MAX = 64, PATTERN_SHOWN_MAX = 200 };

enum part_kind { PART_TEXTS, PART_NUMBERS, PART_LETTERS };

struct part {
    enum part_kind kind;
    uint64_t count, index;
    uint64_t first, step; /* ranges */
    size_t digits_min;    /* numbers: shorter ones get zeros in front */
    size_t element;       /* texts: the first one's place in glob.elements */
};

struct glob {
    struct part *parts;
    struct span *elements;
    uint8_t *text; /* the elements' bytes, without escapes */
    uint8_t *url;  /* the present expansion */
    size_t part_count, element_count, text_bytes;
    uint64_t count;
    bool is_done;
};

struct parser {
    struct glob *glob;
    const char *pattern;
    size_t at;
    const char *fault; /* NULL: none so far */
    size_t fault_at;
};

static bool fail(struct parser *parser, const char *fault, size_t at) {
    parser->fault = fault;
    parser->fault_at = at;
    return false;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- building ------------------------------------------------------------------------------------ */

static bool add_part(struct parser *parser, struct part part, size_t at) {
    struct glob *glob = parser->glob;
    if (__builtin_mul_overflow(glob->count, part.count, &glob->count) ||
        glob->count > GLOB_COUNT_MAX)
        return fail(parser, "too many URLs", at);
    glob->parts[glob->part_count++] = part;
    return true;
}

static void begin_element(struct glob *glob) {
    glob->elements[glob->element_count++] = span_of(glob->text + glob->text_bytes, 0);
}

static void add_byte(struct glob *glob, char c) {
    glob->text[glob->text_bytes++] = (uint8_t)c;
    glob->elements[glob->element_count - 1].len++;
}

static void add_bytes(struct glob *glob, const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        add_byte(glob, bytes[i]);
}

/* ---- literal text -------------------------------------------------------------------------------- */

static bool is_zone(const char *zone, size_t len) {
    if (len > 2 && memcmp(zone, "25", 2) == 0) /* RFC 6874 */
        zone += 2, len -= 2;
    if (len == 0 || len > ZONE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_letter(zone[i]) && !is_digit(zone[i]) && !strchr("-._~", zone[i]))
            return false;
    return true;
}

/* The length of the bracketed IPv6 address that begins at `text`, brackets included, or 0. Empty brackets, which
 * queries like "?ids[]=1" hold, are ordinary text too. */
static size_t ordinary_brackets_len(const char *text) {
    const char *close = strchr(text, ']');
    if (!close)
        return 0;
    size_t len = (size_t)(close - text) - 1;
    if (len == 0)
        return 2;
    const char *percent = memchr(text + 1, '%', len);
    size_t address_len = percent ? (size_t)(percent - text) - 1 : len;
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    if (address_len >= sizeof address)
        return 0;
    memcpy(address, text + 1, address_len);
    address[address_len] = 0;
    if (inet_pton(AF_INET6, address, &parsed) != 1)
        return 0;
    if (percent && !is_zone(percent + 1, (size_t)(close - percent) - 1))
        return 0;
    return len + 2;
}

/* Up to the next set or range. */
static bool parse_literal(struct parser *parser) {
    const char *pattern = parser->pattern;
    size_t begin = parser->at, at = begin;
    struct part part = {.kind = PART_TEXTS, .count = 1, .element = parser->glob->element_count};
    begin_element(parser->glob);
    while (pattern[at] && pattern[at] != '{') {
        if (pattern[at] == '[') {
            size_t len = ordinary_brackets_len(pattern + at);
            if (!len)
                break;
            add_bytes(parser->glob, pattern + at, len);
            at += len;
            continue;
        }
        if (pattern[at] == '}')
            return fail(parser, "unexpected }", at);
        if (pattern[at] == ']')
            return fail(parser, "unexpected ]", at);
        if (pattern[at] == '\\' && pattern[at + 1] && strchr("{}[]", pattern[at + 1]))
            at++;
        add_byte(parser->glob, pattern[at++]);
    }
    parser->at = at;
    return add_part(parser, part, begin);
}

/* ---- sets ---------------------------------------------------------------------------------------- */

static bool finish_set(struct parser *parser, struct part part, size_t open) {
    size_t close = parser->at++;
    part.count = parser->glob->element_count - part.element;
    if (close == open + 1)
        return fail(parser, "empty set", open);
    return add_part(parser, part, open);
}

static bool parse_set(struct parser *parser) {
    const char *pattern = parser->pattern;
    size_t open = parser->at++;
    struct part part = {.kind = PART_TEXTS, .element = parser->glob->element_count};
    begin_element(parser->glob);
    for (;; parser->at++) {
        switch (pattern[parser->at]) {
        case '\0':
            return fail(parser, "missing }", open);
        case '{':
            return fail(parser, "nested {", parser->at);
        case '[':
            return fail(parser, "nested [", parser->at);
        case ']':
            return fail(parser, "unexpected ]", parser->at);
        case '}':
            return finish_set(parser, part, open);
        case ',':
            begin_element(parser->glob);
            break;
        case '\\':
            if (pattern[parser->at + 1])
                parser->at++;
            add_byte(parser->glob, pattern[parser->at]);
            break;
        default:
            add_byte(parser->glob, pattern[parser->at]);
        }
    }
}

/* ---- ranges -------------------------------------------------------------------------------------- */

static bool parse_number(struct parser *parser, uint64_t *number) {
    size_t begin = parser->at;
    *number = 0;
    for (; is_digit(parser->pattern[parser->at]); parser->at++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, parser->pattern[parser->at] - '0', number))
            return fail(parser, "number too large", begin);
    return parser->at > begin || fail(parser, "number missing", begin);
}

static bool expect(struct parser *parser, char c, const char *fault) {
    if (parser->pattern[parser->at] != c)
        return fail(parser, fault, parser->at);
    parser->at++;
    return true;
}

/* The optional step, the closing bracket, and the count of values from `part.first` to `last`. */
static bool finish_range(struct parser *parser, struct part part, uint64_t last, size_t open) {
    part.step = 1;
    size_t step_at = parser->at + 1;
    if (parser->pattern[parser->at] == ':') {
        parser->at++;
        if (!parse_number(parser, &part.step))
            return false;
    }
    if (!expect(parser, ']', "bad range"))
        return false;
    if (part.first > last)
        return fail(parser, "range runs backwards", open);
    if (part.step == 0)
        return fail(parser, "step is zero", step_at);
    uint64_t distance = last - part.first;
    if (distance == 0 ? part.step != 1 : part.step > distance)
        return fail(parser, "step is larger than the range", step_at);
    uint64_t steps = distance / part.step;
    if (steps >= GLOB_COUNT_MAX)
        return fail(parser, "too many URLs", open);
    part.count = steps + 1;
    return add_part(parser, part, open);
}

static bool parse_letters(struct parser *parser, size_t open) {
    const char *pattern = parser->pattern;
    char first = pattern[parser->at++];
    if (!expect(parser, '-', "bad range"))
        return false;
    char last = pattern[parser->at];
    if (!is_letter(last) || ((first ^ last) & 0x20))
        return fail(parser, "bad range", parser->at);
    parser->at++;
    struct part part = {.kind = PART_LETTERS, .first = (uint64_t)first};
    return finish_range(parser, part, (uint64_t)last, open);
}

static bool parse_numbers(struct parser *parser, size_t open) {
    const char *pattern = parser->pattern;
    size_t begin = parser->at;
    struct part part = {.kind = PART_NUMBERS};
    uint64_t last;
    if (!parse_number(parser, &part.first))
        return false;
    if (pattern[begin] == '0')
        part.digits_min = parser->at - begin;
    if (!expect(parser, '-', "bad range"))
        return false;
    while (pattern[parser->at] == ' ' || pattern[parser->at] == '\t')
        parser->at++;
    if (!parse_number(parser, &last))
        return false;
    return finish_range(parser, part, last, open);
}

static bool parse_range(struct parser *parser) {
    size_t open = parser->at++;
    if (!strchr(parser->pattern + open, ']'))
        return fail(parser, "missing ]", open);
    if (is_letter(parser->pattern[parser->at]))
        return parse_letters(parser, open);
    if (is_digit(parser->pattern[parser->at]))
        return parse_numbers(parser, open);
    return fail(parser, "bad range", parser->at);
}

static bool parse_pattern(struct parser *parser) {
    while (parser->pattern[parser->at]) {
        char c = parser->pattern[parser->at];
        bool is_range = c == '[' && !ordinary_brackets_len(parser->pattern + parser->at);
        bool ok = c == '{'   ? parse_set(parser)
                  : is_range ? parse_range(parser)
                             : parse_literal(parser);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static size_t part_len_max(const struct glob *glob, const struct part *part) {
    size_t len = 0;
    if (part->kind == PART_LETTERS)
        return 1;
    if (part->kind == PART_NUMBERS)
        return part->digits_min > DIGITS_MAX ? part->digits_min : DIGITS_MAX;
    for (size_t i = 0; i < part->count; i++)
        if (glob->elements[part->element + i].len > len)
            len = glob->elements[part->element + i].len;
    return len;
}

static bool allocate_url(struct glob *glob) {
    size_t bytes = 1;
    for (size_t i = 0; i < glob->part_count; i++)
        bytes += part_len_max(glob, &glob->parts[i]);
    glob->url = malloc(bytes);
    return glob->url;
}

/* Every part begins or ends at an opening character, and every element at such a character or a comma. */
static struct glob *allocate(const char *pattern, bool literal) {
    size_t openings = 0, commas = 0, len = strlen(pattern);
    for (size_t i = 0; i < len && !literal; i++) {
        openings += pattern[i] == '{' || pattern[i] == '[';
        commas += pattern[i] == ',';
    }
    size_t parts = 2 * openings + 1, elements = parts + commas;
    struct glob *glob = malloc(sizeof *glob + parts * sizeof *glob->parts +
                               elements * sizeof *glob->elements + len + 1);
    if (!glob)
        return NULL;
    *glob = (struct glob){.count = 1, .parts = (void *)(glob + 1)};
    glob->elements = (void *)(glob->parts + parts);
    glob->text = (void *)(glob->elements + elements);
    return glob;
}

static void explain(const struct parser *parser, char *why, size_t why_size) {
    const char *pattern = parser->pattern;
    snprintf(why, why_size, "bad URL pattern \"%.*s%s\": %s at position %zu",
             input_shown_len(pattern, PATTERN_SHOWN_MAX), pattern,
             strlen(pattern) > PATTERN_SHOWN_MAX ? "..." : "", parser->fault, parser->fault_at + 1);
    input_one_line(why, why_size);
}

struct glob *glob_parse(const char *pattern, bool literal, char *why, size_t why_size) {
    struct glob *glob = allocate(pattern, literal);
    struct parser parser = {.glob = glob, .pattern = pattern};
    if (glob && literal) {
        begin_element(glob);
        add_bytes(glob, pattern, strlen(pattern));
        add_part(&parser, (struct part){.kind = PART_TEXTS, .count = 1}, 0);
    } else if (glob && !parse_pattern(&parser)) {
        explain(&parser, why, why_size);
        glob_free(glob);
        return NULL;
    }
    if (!glob || !allocate_url(glob)) {
        snprintf(why, why_size, "out of memory for a URL pattern");
        glob_free(glob);
        return NULL;
    }
    return glob;
}

void glob_free(struct glob *glob) {
    if (glob)
        free(glob->url);
    free(glob);
}

/* ---- expanding ----------------------------------------------------------------------------------- */

static size_t write_number(uint8_t *to, uint64_t number, size_t digits_min) {
    uint8_t digits[DIGITS_MAX];
    size_t count = 0, zeros;
    do
        digits[count++] = (uint8_t)('0' + number % 10);
    while (number /= 10);
    zeros = digits_min > count ? digits_min - count : 0;
    memset(to, '0', zeros);
    for (size_t i = 0; i < count; i++)
        to[zeros + i] = digits[count - 1 - i];
    return zeros + count;
}

static size_t write_part(const struct glob *glob, const struct part *part, uint8_t *to) {
    if (part->kind == PART_TEXTS) {
        struct span element = glob->elements[part->element + part->index];
        memcpy(to, element.at, element.len);
        return element.len;
    }
    uint64_t value = part->first + part->index * part->step;
    if (part->kind == PART_NUMBERS)
        return write_number(to, value, part->digits_min);
    *to = (uint8_t)value;
    return 1;
}

static void advance(struct glob *glob) {
    for (size_t i = glob->part_count; i-- > 0;) {
        if (++glob->parts[i].index < glob->parts[i].count)
            return;
        glob->parts[i].index = 0;
    }
    glob->is_done = true;
}

uint64_t glob_count(const struct glob *glob) {
    return glob->count;
}

bool glob_has_next(const struct glob *glob) {
    return !glob->is_done;
}

bool glob_next(struct glob *glob, struct span *url) {
    if (glob->is_done)
        return false;
    size_t len = 0;
    for (size_t i = 0; i < glob->part_count; i++)
        len += write_part(glob, &glob->parts[i], glob->url + len);
    *url = span_of(glob->url, len);
    advance(glob);
    return true;
}
