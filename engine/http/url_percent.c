/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_percent.c: the classes of bytes, the writer, percent-encoding and -decoding. Pure; any
 * thread.
 *
 * One table look-up per byte says whether it can stay; runs of such bytes are copied whole.
 * Rejected: writing byte by byte, which costs several times as much for what nearly every URL is.
 */
#include "http/url_parts.h"

/* The standard's sets, each built upon the one before, as conditions on a byte. */
#define IN_C0_CONTROL(c) ((c) < 0x20 || (c) > 0x7e)
#define IN_FRAGMENT(c)                                                                             \
    (IN_C0_CONTROL(c) || (c) == ' ' || (c) == '"' || (c) == '<' || (c) == '>' || (c) == '`')
#define IN_QUERY(c)                                                                                \
    (IN_C0_CONTROL(c) || (c) == ' ' || (c) == '"' || (c) == '#' || (c) == '<' || (c) == '>')
#define IN_SPECIAL_QUERY(c) (IN_QUERY(c) || (c) == '\'')
#define IN_PATH(c)                                                                                 \
    (IN_QUERY(c) || (c) == '?' || (c) == '^' || (c) == '`' || (c) == '{' || (c) == '}')
#define IN_USERINFO(c)                                                                             \
    (IN_PATH(c) || (c) == '/' || (c) == ':' || (c) == ';' || (c) == '=' || (c) == '@' ||           \
     ((c) >= '[' && (c) <= ']') || (c) == '|')
#define IS_TAB_OR_NEWLINE(c) ((c) == '\t' || (c) == '\n' || (c) == '\r')
#define IS_PATH_END(c) ((c) == '/' || (c) == '\\' || (c) == '?' || (c) == '#')
#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_UPPER(c) ((c) >= 'A' && (c) <= 'Z')
#define IS_LOWER(c) ((c) >= 'a' && (c) <= 'z')
#define IS_SCHEME(c)                                                                               \
    (IS_DIGIT(c) || IS_UPPER(c) || IS_LOWER(c) || (c) == '+' || (c) == '-' || (c) == '.')
#define IS_FORBIDDEN_HOST(c)                                                                       \
    ((c) == 0 || IS_TAB_OR_NEWLINE(c) || (c) == ' ' || (c) == '#' || (c) == '/' || (c) == ':' ||   \
     (c) == '<' || (c) == '>' || (c) == '?' || (c) == '@' || ((c) >= '[' && (c) <= '^') ||         \
     (c) == '|')
#define IS_FORBIDDEN_DOMAIN(c) (IS_FORBIDDEN_HOST(c) || (c) < 0x20 || (c) == '%' || (c) == 0x7f)

#define CLASS(c)                                                                                   \
    (uint16_t)((IN_FRAGMENT(c) ? SET_FRAGMENT : 0) | (IN_SPECIAL_QUERY(c) ? SET_QUERY : 0) |       \
               (IN_PATH(c) ? SET_PATH : 0) | (IN_USERINFO(c) ? SET_USERINFO : 0) |                 \
               (IS_TAB_OR_NEWLINE(c) ? BYTE_REMOVED : 0) | ((c) == '#' ? STOP_QUERY : 0) |         \
               (IS_PATH_END(c) ? STOP_PATH : 0) | (IS_SCHEME(c) ? BYTE_SCHEME : 0) |               \
               (IS_FORBIDDEN_DOMAIN(c) ? BYTE_NOT_DOMAIN : 0) |                                    \
               (IS_FORBIDDEN_DOMAIN(c) || IS_UPPER(c) || (c) > 0x7f ? BYTE_HOST_NOT_PLAIN : 0))
#define CLASS_4(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS_16(c) CLASS_4(c), CLASS_4((c) + 4), CLASS_4((c) + 8), CLASS_4((c) + 12)
#define CLASS_64(c) CLASS_16(c), CLASS_16((c) + 16), CLASS_16((c) + 32), CLASS_16((c) + 48)

const uint16_t url_class[256] = {CLASS_64(0), CLASS_64(64), CLASS_64(128), CLASS_64(192)};

void url_put(struct url_writer *writer, const void *bytes, size_t count) {
    if (writer->full || count > writer->room - writer->len) {
        writer->full = true;
        return;
    }
    memcpy(writer->at + writer->len, bytes, count);
    writer->len += count;
}

void url_put_byte(struct url_writer *writer, char byte) {
    if (writer->full || writer->len == writer->room) {
        writer->full = true;
        return;
    }
    writer->at[writer->len++] = byte;
}

static void put_percent(struct url_writer *writer, uint8_t byte) {
    static const char digits[] = "0123456789ABCDEF";
    const char triple[3] = {'%', digits[byte >> 4], digits[byte & 15]};
    url_put(writer, triple, sizeof triple);
}

size_t url_utf8_len(const uint8_t *at, const uint8_t *end, size_t *bad) {
    uint8_t lead = at[0], low = 0x80, high = 0xbf;
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    *bad = 1;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4)
        return 0;
    /* The second byte's range rules out overlong forms, surrogates and what lies above U+10FFFF. */
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < len; i++) {
        if (at + i == end || at[i] < low || at[i] > high)
            return 0;
        low = 0x80, high = 0xbf;
        *bad = i + 1;
    }
    return len;
}

/* Percent-encodes the one code point at `at`; returns what comes after it. */
static const uint8_t *put_code_point(struct url_writer *writer, const uint8_t *at,
                                     const uint8_t *end) {
    static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd}; /* U+FFFD */
    size_t bad, len = url_utf8_len(at, end, &bad);
    const uint8_t *bytes = len ? at : replacement;
    for (size_t i = 0; i < (len ? len : sizeof replacement); i++)
        put_percent(writer, bytes[i]);
    return at + (len ? len : bad);
}

const uint8_t *url_put_encoded(struct url_writer *writer, const uint8_t *at, const uint8_t *end,
                               unsigned set, unsigned stop) {
    const unsigned not_plain = set | stop | BYTE_REMOVED;
    for (;;) {
        const uint8_t *run = at;
        while (at < end && !(url_class[*at] & not_plain))
            at++;
        url_put(writer, run, (size_t)(at - run));
        if (at == end || (url_class[*at] & stop))
            return at;
        if (url_class[*at] & BYTE_REMOVED)
            at++;
        else
            at = put_code_point(writer, at, end);
    }
}

int url_hex_value(uint8_t byte) {
    if (IS_DIGIT(byte))
        return byte - '0';
    uint8_t lower = ascii_lower(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

size_t url_percent_decode(struct span text, char *memory) {
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.at[i];
        if (byte == '%' && text.len - i > 2) {
            int high = url_hex_value(text.at[i + 1]), low = url_hex_value(text.at[i + 2]);
            if (high >= 0 && low >= 0) {
                byte = (uint8_t)(high << 4 | low);
                i += 2;
            }
        }
        memory[len++] = (char)byte;
    }
    return len;
}
