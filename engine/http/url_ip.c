/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_ip.c: IP addresses as the URL standard reads them (3.5) and writes them (3.6). Pure; any
 * thread.
 *
 * Rejected: inet_pton and inet_aton. The standard's IPv4 takes what inet_pton refuses ("0x7f.1")
 * and refuses what inet_aton takes ("1.2.3.4 x"); its IPv6 knows no zones; and both want a NUL.
 */
#include "http/url_parts.h"

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

/* The standard's IPv4 number parser. Values are cut off at 2^32, which is too large everywhere. */
static bool parse_number(struct span text, uint64_t *value) {
    unsigned radix = 10;
    if (text.len == 0)
        return false;
    if (text.len >= 2 && text.at[0] == '0') {
        bool hex = ascii_lower(text.at[1]) == 'x';
        radix = hex ? 16 : 8;
        text = span_skip(text, hex ? 2 : 1);
    }
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = url_hex_value(text.at[i]);
        if (digit < 0 || (unsigned)digit >= radix)
            return false;
        *value = *value * radix + (unsigned)digit;
        if (*value > UINT32_MAX)
            *value = UINT64_C(1) << 32;
    }
    return true;
}

/* One dot at the end is that of the root. */
static struct span without_root_dot(struct span domain) {
    if (domain.len > 1 && domain.at[domain.len - 1] == '.')
        domain.len--;
    return domain;
}

bool url_ends_in_number(struct span domain) {
    domain = without_root_dot(domain);
    size_t start = domain.len, digits = 0;
    while (start > 0 && domain.at[start - 1] != '.')
        start--;
    struct span last = span_skip(domain, start);
    /* An IPv4 number begins with a digit whatever its radix. */
    if (last.len == 0 || !is_digit(last.at[0]))
        return false;
    while (digits < last.len && is_digit(last.at[digits]))
        digits++;
    uint64_t value;
    return digits == last.len || parse_number(last, &value);
}

bool url_ipv4_parse(struct span text, uint32_t *address) {
    uint64_t part[4];
    size_t count = 0;
    text = without_root_dot(text);
    for (size_t start = 0, i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != '.')
            continue;
        if (count == 4 || !parse_number(span_of(text.at + start, i - start), &part[count]))
            return false;
        count++;
        start = i + 1;
    }
    uint64_t value = part[count - 1];
    if (value >= UINT64_C(1) << (8 * (5 - count)))
        return false;
    for (size_t i = 0; i + 1 < count; i++) {
        if (part[i] > 255)
            return false;
        value |= part[i] << (8 * (3 - i));
    }
    *address = (uint32_t)value;
    return true;
}

/* A dotted IPv4 address as IPv6 ends with: four decimal numbers without leading zeros, and
 * nothing after them. */
static bool parse_dotted_quad(struct span text, uint16_t pieces[2]) {
    unsigned octet[4];
    size_t at = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0 && (at == text.len || text.at[at++] != '.'))
            return false;
        size_t start = at;
        octet[i] = 0;
        while (at < text.len && is_digit(text.at[at])) {
            octet[i] = octet[i] * 10 + (unsigned)(text.at[at++] - '0');
            if (octet[i] > 255 || (at - start > 1 && text.at[start] == '0'))
                return false;
        }
        if (at == start)
            return false;
    }
    pieces[0] = (uint16_t)(octet[0] << 8 | octet[1]);
    pieces[1] = (uint16_t)(octet[2] << 8 | octet[3]);
    return at == text.len;
}

bool url_is_dotted_quad(struct span domain) {
    uint16_t pieces[2];
    return domain.len > 0 && is_digit(domain.at[0]) && parse_dotted_quad(domain, pieces);
}

/* Moves the pieces that came after "::", which stands for at least one zero, to the end; zeros
 * before them. */
static bool expand(uint16_t pieces[8], size_t count, size_t compress) {
    size_t after = count - compress;
    memmove(pieces + 8 - after, pieces + compress, after * sizeof *pieces);
    memset(pieces + compress, 0, (8 - count) * sizeof *pieces);
    return true;
}

static bool colon_at(struct span text, size_t at) {
    return at < text.len && text.at[at] == ':';
}

/* At most four hexadecimal digits. */
static unsigned take_hex(struct span text, size_t *at) {
    unsigned value = 0;
    for (size_t start = *at; *at < text.len && *at - start < 4; ++*at) {
        int digit = url_hex_value(text.at[*at]);
        if (digit < 0)
            break;
        value = value << 4 | (unsigned)digit;
    }
    return value;
}

/* After a piece: the end, or a ':' that is not the end. */
static bool take_separator(struct span text, size_t *at) {
    return *at == text.len || (text.at[(*at)++] == ':' && *at < text.len);
}

bool url_ipv6_parse(struct span text, uint16_t pieces[8]) {
    enum { NOWHERE = 9 };
    size_t at = 0, count = 0, compress = NOWHERE;
    /* A ':' at the start must be the first of "::"; the loop then meets the second. */
    if (colon_at(text, 0) && !colon_at(text, ++at))
        return false;
    while (at < text.len) {
        if (count == 8)
            return false;
        if (text.at[at] == ':') {
            if (compress != NOWHERE)
                return false;
            at++;
            pieces[count++] = 0;
            compress = count;
            continue;
        }
        size_t start = at;
        unsigned value = take_hex(text, &at);
        if (at < text.len && text.at[at] == '.') {
            if (count > 6 || !parse_dotted_quad(span_skip(text, start), pieces + count))
                return false;
            count += 2;
            break;
        }
        if (at == start)
            return false;
        pieces[count++] = (uint16_t)value;
        if (!take_separator(text, &at))
            return false;
    }
    return compress == NOWHERE ? count == 8 : expand(pieces, count, compress);
}

static size_t write_decimal(unsigned value, char *text) {
    size_t len = 0;
    if (value >= 100)
        text[len++] = (char)('0' + value / 100);
    if (value >= 10)
        text[len++] = (char)('0' + value / 10 % 10);
    text[len++] = (char)('0' + value % 10);
    return len;
}

size_t url_ipv4_write(uint32_t address, char *text) {
    size_t len = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        len += write_decimal(address >> shift & 255, text + len);
        if (shift > 0)
            text[len++] = '.';
    }
    return len;
}

static size_t write_hex(unsigned value, char *text) {
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    for (int shift = 12; shift >= 0; shift -= 4)
        if (len > 0 || shift == 0 || value >> shift)
            text[len++] = digits[value >> shift & 15];
    return len;
}

/* The first of the longest runs of zero pieces: its start, its length in *run. A single zero
 * stays (RFC 5952, 4.2.2). */
static size_t find_zeros(const uint16_t pieces[8], size_t *run) {
    size_t best = 8;
    *run = 1;
    for (size_t start = 0; start < 8; start++) {
        size_t end = start;
        while (end < 8 && pieces[end] == 0)
            end++;
        if (end - start > *run)
            best = start, *run = end - start;
    }
    return best;
}

size_t url_ipv6_write(const uint16_t pieces[8], char *text) {
    size_t run, len = 0, zeros = find_zeros(pieces, &run);
    for (size_t i = 0; i < 8; i++) {
        if (i == zeros) {
            text[len++] = ':';
            if (i == 0)
                text[len++] = ':';
            i += run - 1;
            continue;
        }
        len += write_hex(pieces[i], text + len);
        if (i < 7)
            text[len++] = ':';
    }
    return len;
}
