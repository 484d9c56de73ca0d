/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * span.h: borrowed bytes. Whoever hands a span over says how long they stay.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *at;
    size_t len;
};

/* What a parser that is fed bytes answers. Needing more of them is no error. */
enum step { STEP_DONE, STEP_MORE, STEP_BAD };

static inline struct span span_of(const void *at, size_t len) {
    return (struct span){.at = at, .len = len};
}

static inline struct span span_text(const char *text) {
    return span_of(text, text ? strlen(text) : 0);
}

static inline struct span span_skip(struct span span, size_t count) {
    return (struct span){.at = span.at + count, .len = span.len - count};
}

static inline bool span_is(struct span span, const char *text) {
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

/* ASCII letters only: names of fields, schemes and hosts. */
static inline uint8_t ascii_lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool span_same_nocase(struct span a, struct span b) {
    if (a.len != b.len)
        return false;
    if (a.len == 0 || memcmp(a.at, b.at, a.len) == 0) /* as nearly all that are the same are */
        return true;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

static inline bool span_is_nocase(struct span span, const char *text) {
    return span_same_nocase(span, span_text(text));
}

#endif
