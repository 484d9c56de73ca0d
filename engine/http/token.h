/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * token.h: the two alphabets of HTTP: the bytes of a token (field names, methods, codings; RFC 9110, 5.6.2) and those
 * that may not stand in what we receive as a field's value. Pure; any thread. Private to the http room.
 *
 * Rejected: strspn and strcspn. They need a NUL and rebuild their table at every call; and SIMD intrinsics, which would
 * need a second version for every other processor and gain little on values of twenty bytes.
 */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include <endian.h>

#include "base/span.h"

/* 1 for the bytes of a token. */
__attribute__((visibility("hidden"))) extern const uint8_t token_bytes[256];

/* A token of at least one byte. */
bool token_is_valid(struct span text);

/* What we may send as a field's value: no control character but HTAB. Bytes above 0x7f pass (obs-text). */
bool value_is_valid(struct span value);

/* The first byte from `at` on that is none of a token's, or `end`. Written out, as every byte of every name passes here. */
static inline const uint8_t *token_stop(const uint8_t *at, const uint8_t *end) {
    for (; end - at >= 4; at += 4) {
        if (!token_bytes[at[0]])
            return at;
        if (!token_bytes[at[1]])
            return at + 1;
        if (!token_bytes[at[2]])
            return at + 2;
        if (!token_bytes[at[3]])
            return at + 3;
    }
    while (at < end && token_bytes[*at])
        at++;
    return at;
}

static inline bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

/* Without the optional white space around it (OWS: spaces and tabs only). */
static inline struct span span_trim(struct span text) {
    while (text.len && is_blank(text.at[0]))
        text = span_skip(text, 1);
    while (text.len && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static inline bool word_is(const uint8_t *at, const char *lower) {
    uint64_t a, b;
    memcpy(&a, at, 8);
    memcpy(&b, lower, 8);
    return (a | UINT64_C(0x2020202020202020)) == b;
}

/* Whether a valid token is `lower`, ignoring case. `lower` holds lower case letters, digits and hyphens only; no other
 * token byte becomes one of those by setting the bit that is between the cases. Eight bytes at a time, the last eight
 * maybe a second time: every head has several names of that length. */
static inline bool token_is(struct span token, const char *lower, size_t lower_len) {
    if (token.len != lower_len)
        return false;
    if (lower_len >= 8) {
        for (size_t i = 0; i + 8 < lower_len; i += 8)
            if (!word_is(token.at + i, lower + i))
                return false;
        return word_is(token.at + lower_len - 8, lower + lower_len - 8);
    }
    for (size_t i = 0; i < lower_len; i++)
        if ((token.at[i] | 0x20) != (uint8_t)lower[i])
            return false;
    return true;
}

#define TOKEN_IS(token, literal) token_is(token, literal, sizeof(literal) - 1)

/* The first NUL, CR or LF from `at` on, or `end`. RFC 9110, 5.5, has a recipient refuse these three and allows it to
 * retain other control characters, which careless servers do send. Words of eight bytes are tested at once for a byte
 * below 0x20: a borrow can only forge a hit above a true one, and the lowest is the one that is looked at. */
static inline const uint8_t *value_stop(const uint8_t *at, const uint8_t *end) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word = le64toh(word);
        uint64_t low = (word - ones * 0x20) & ~word & (ones * 0x80);
        if (!low) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(low) / 8;
        if (*at == '\r' || *at == '\n' || *at == '\0')
            return at;
        at++;
    }
    while (at < end && *at != '\r' && *at != '\n' && *at != '\0')
        at++;
    return at;
}

#endif
