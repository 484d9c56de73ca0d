/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_symbol.c: domain labels of ASCII and symbols. UTS #46 permits symbols, and emoji domains are
 * in daily use (as A-labels in Location fields, too), but libidn2 refuses them because IDNA 2008
 * does. Symbols have neither case nor mappings, compositions nor a direction, so such a label
 * needs no more than a table of ranges and Punycode (RFC 3492). Pure; any thread.
 *
 * Rejected: ICU, which knows all of UTS #46 but is thirty megabytes of dependency.
 */
#include "http/url_parts.h"

enum { CODE_POINTS_MAX = 63 }; /* a label has at most 63 bytes, each code point at least one */

/* Symbols that UTS #46 calls valid; assigned in Unicode 15, or in blocks that hold nothing else. */
static const struct {
    uint32_t from, to;
} symbols[] = {
    {0xa1, 0xa7},       {0xa9, 0xa9},       {0xab, 0xac},       {0xae, 0xae},
    {0xb0, 0xb1},       {0xb6, 0xb6},       {0xbb, 0xbb},       {0xbf, 0xbf},
    {0x20a9, 0x20c0},   {0x2190, 0x222b},   {0x2231, 0x2328},   {0x232b, 0x2426},
    {0x2500, 0x2775},   {0x2794, 0x2a0b},   {0x2a0d, 0x2a73},   {0x2a77, 0x2adb},
    {0x2add, 0x2b73},   {0x2b76, 0x2b95},   {0x2b97, 0x2bff},   {0x1f000, 0x1f02b},
    {0x1f030, 0x1f093}, {0x1f1e6, 0x1f1ff}, {0x1f300, 0x1f6d7}, {0x1f6dc, 0x1f6ec},
    {0x1f6f0, 0x1f6fc}, {0x1f780, 0x1f7d9}, {0x1f7e0, 0x1f7eb}, {0x1f900, 0x1fa53},
    {0x1fa70, 0x1fa7c}, {0x1fa80, 0x1fa88}, {0x1fa90, 0x1fabd}, {0x1fabf, 0x1fac5},
    {0x1face, 0x1fadb}, {0x1fae0, 0x1fae8}, {0x1faf0, 0x1faf8},
};

static bool is_symbol(uint32_t code_point) {
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (code_point >= symbols[i].from && code_point <= symbols[i].to)
            return true;
    return false;
}

/* ---- Punycode: the parameters and names of RFC 3492, sections 5 and 6 ------------------------ */

enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

static uint32_t adapt(uint32_t delta, uint32_t count, bool first) {
    uint32_t k = 0;
    delta /= first ? DAMP : 2;
    delta += delta / count;
    for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias) {
    return k <= bias + TMIN ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
}

/* Writes one generalised variable-length integer; false if there is no room. */
static bool put_delta(uint32_t delta, uint32_t bias, char *text, size_t *len, size_t room) {
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (uint32_t k = BASE; *len < room; k += BASE) {
        uint32_t t = threshold(k, bias);
        if (delta < t) {
            text[(*len)++] = digits[delta];
            return true;
        }
        text[(*len)++] = digits[t + (delta - t) % (BASE - t)];
        delta = (delta - t) / (BASE - t);
    }
    return false;
}

/* The smallest code point that is at least n; there must be one. */
static uint32_t next_code_point(const uint32_t *points, size_t count, uint32_t n) {
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < count; i++)
        if (points[i] >= n && points[i] < next)
            next = points[i];
    return next;
}

/* With at most 63 code points below 2^17 no delta overflows. Returns 0 if there is no room. */
static size_t punycode_encode(const uint32_t *points, size_t count, char *text, size_t room) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (points[i] < INITIAL_N && len < room)
            text[len++] = (char)points[i];
    uint32_t basic = (uint32_t)len, handled = basic, n = INITIAL_N, delta = 0;
    uint32_t bias = INITIAL_BIAS;
    if (basic > 0 && len < room)
        text[len++] = '-';
    for (; handled < count; n++, delta++) {
        uint32_t next = next_code_point(points, count, n);
        delta += (next - n) * (handled + 1);
        n = next;
        for (size_t i = 0; i < count; i++) {
            delta += points[i] < n;
            if (points[i] != n)
                continue;
            if (!put_delta(delta, bias, text, &len, room))
                return 0;
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled++;
        }
    }
    return len;
}

/* BASE if it is no digit. */
static uint32_t digit_value(uint8_t byte) {
    if (byte >= 'a' && byte <= 'z')
        return (uint32_t)(byte - 'a');
    return byte >= '0' && byte <= '9' ? (uint32_t)(byte - '0') + 26 : BASE;
}

/* Reads one such integer at *at and adds it to *i; false if it is malformed or too large to mean
 * a symbol. */
static bool take_delta(struct span text, size_t *at, uint32_t bias, uint32_t *i) {
    uint32_t weight = 1;
    for (uint32_t k = BASE; *at < text.len; k += BASE) {
        uint32_t digit = digit_value(text.at[(*at)++]);
        uint32_t t = threshold(k, bias);
        if (digit >= BASE || weight > UINT32_MAX / (BASE * BASE))
            return false;
        *i += digit * weight;
        if (*i > UINT32_MAX / BASE)
            return false;
        if (digit < t)
            return true;
        weight *= BASE - t;
    }
    return false;
}

/* `text` is lower-case ASCII. Returns the count of code points, 0 if malformed. */
static size_t punycode_decode(struct span text, uint32_t points[CODE_POINTS_MAX]) {
    const uint8_t *delimiter = text.len ? memrchr(text.at, '-', text.len) : NULL;
    size_t count = delimiter ? (size_t)(delimiter - text.at) : 0, at = delimiter ? count + 1 : 0;
    uint32_t n = INITIAL_N, i = 0, bias = INITIAL_BIAS;
    if (count >= CODE_POINTS_MAX || at == text.len)
        return 0;
    for (size_t j = 0; j < count; j++)
        points[j] = text.at[j];
    for (bool first = true; at < text.len; first = false) {
        uint32_t old = i;
        if (count == CODE_POINTS_MAX || !take_delta(text, &at, bias, &i))
            return 0;
        bias = adapt(i - old, (uint32_t)count + 1, first);
        n += i / ((uint32_t)count + 1);
        i %= (uint32_t)count + 1;
        memmove(points + i + 1, points + i, (count - i) * sizeof *points);
        points[i++] = n;
        count++;
    }
    return count;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* The label's code points as UTS #46 maps them: ASCII in lower case, variation selectors ignored.
 * 0: too many. */
static size_t map_label(struct span label, uint32_t points[CODE_POINTS_MAX]) {
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t count = 0, bad, len;
    for (const uint8_t *at = label.at, *end = at + label.len; at < end; at += len) {
        if ((len = url_utf8_len(at, end, &bad)) == 0)
            return 0;
        uint32_t point = at[0] & lead_mask[len];
        for (size_t i = 1; i < len; i++)
            point = point << 6 | (at[i] & 0x3f);
        if (point == 0xfe0e || point == 0xfe0f)
            continue;
        if (count == CODE_POINTS_MAX)
            return 0;
        points[count++] = point < 0x80 ? ascii_lower((uint8_t)point) : point;
    }
    return count;
}

static bool has_only_ascii_and_symbols(const uint32_t *points, size_t count) {
    size_t symbol_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (points[i] >= 0x80 && !is_symbol(points[i]))
            return false;
        symbol_count += points[i] >= 0x80;
    }
    return symbol_count > 0;
}

size_t url_symbol_label_to_ascii(struct span label, char *ascii, size_t room) {
    uint32_t points[CODE_POINTS_MAX];
    uint8_t lower[CODE_POINTS_MAX];
    size_t count = map_label(label, points), len = 0;
    bool a_label =
        count > 4 && points[0] == 'x' && points[1] == 'n' && points[2] == '-' && points[3] == '-';
    if (a_label) {
        for (; len < count && points[len] < 0x80; len++)
            lower[len] = (uint8_t)points[len];
        if (len < count)
            return 0;
        count = punycode_decode(span_of(lower + 4, len - 4), points);
    }
    if (!has_only_ascii_and_symbols(points, count) || room < 4)
        return 0;
    size_t encoded = punycode_encode(points, count, ascii + 4, room - 4);
    if (encoded == 0)
        return 0;
    memcpy(ascii, "xn--", 4);
    /* An A-label must be the one way to write its label. */
    if (a_label && (encoded + 4 != len || memcmp(ascii, lower, len) != 0))
        return 0;
    return encoded + 4;
}
