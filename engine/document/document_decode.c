/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_decode.c: HTML's character references (HTML, 13.2.5.72 and following) to UTF-8, by the names of
 * document_entity.c. A name without its semicolon counts as browsers have it: for Latin-1 only, and in an attribute not before
 * `=`, so that "?a=1&copy=2" stays what it is. Pure; any thread.
 */
#include "document/document_private.h"

enum { LATIN1_MAX = 0xFF };

/* Values that never were characters of HTML mean windows-1252's. */
static const uint16_t c1_points[32] = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

static bool is_alnum(uint8_t c) {
    uint8_t lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

static int digit_value(uint8_t c, unsigned radix) {
    uint8_t lower = ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return radix == 16 && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "&#38;", "&#x26": the length taken, 0 for none. */
static size_t numeric(struct span raw, uint32_t *point) {
    size_t at = 2;
    unsigned radix = 10;
    if (raw.len > 2 && ascii_lower(raw.at[2]) == 'x') {
        radix = 16;
        at = 3;
    }
    size_t first = at;
    uint32_t value = 0;
    for (int digit; at < raw.len && (digit = digit_value(raw.at[at], radix)) >= 0; at++)
        if (value <= 0x10FFFF)
            value = value * radix + (uint32_t)digit;
    if (at == first)
        return 0;
    *point = value >= 0x80 && value < 0xA0 ? c1_points[value - 0x80] : value;
    return at < raw.len && raw.at[at] == ';' ? at + 1 : at;
}

static size_t named(struct span raw, enum decode_place place, uint32_t *point) {
    size_t len = 0;
    while (1 + len < raw.len && len <= ENTITY_NAME_MAX && is_alnum(raw.at[1 + len]))
        len++;
    *point = html_entity_point(span_of(raw.at + 1, len));
    if (!*point)
        return 0;
    uint8_t next = 1 + len < raw.len ? raw.at[1 + len] : 0;
    if (next == ';')
        return len + 2;
    bool is_old = *point <= LATIN1_MAX && *point != '\'' &&
                  (*point >= 0xA0 || memchr("&\"<>", (int)*point, 4));
    return is_old && (place == DECODE_TEXT || next != '=') ? len + 1 : 0;
}

/* A byte that begins no character is replaced alone. */
static size_t copy_character(struct span raw, uint8_t *to, size_t *made) {
    size_t len = raw.at[0] ? utf8_length(raw.at, raw.len) : 0;
    if (len)
        memcpy(to, raw.at, len);
    *made = len ? len : utf8_put(to, REPLACEMENT_POINT);
    return len ? len : 1;
}

size_t html_decode(struct span raw, enum decode_place place, uint8_t *to) {
    size_t len = 0, made;
    while (raw.len) {
        uint32_t point;
        size_t taken = 0;
        if (raw.at[0] == '&' && raw.len > 1)
            taken = raw.at[1] == '#' ? numeric(raw, &point) : named(raw, place, &point);
        if (taken)
            made = utf8_put(to + len, point);
        else
            taken = copy_character(raw, to + len, &made);
        len += made;
        raw = span_skip(raw, taken);
    }
    return len;
}

size_t utf8_repair(struct span raw, uint8_t *to) {
    size_t len = 0, made;
    for (; raw.len; len += made)
        raw = span_skip(raw, copy_character(raw, to + len, &made));
    return len;
}
