/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file_component.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/span.h"
#include "output/file_name.h"
#include "output/utf8.h"

enum { EXTENSION_BYTES_MAX = 16, HASH_DIGITS = 8 };

static size_t put_hash(char *out, uint64_t hash) {
    for (size_t i = 0; i < HASH_DIGITS; i++, hash >>= 4)
        out[i] = "0123456789abcdef"[hash & 15];
    return HASH_DIGITS;
}

enum { BYTE_STAYS, BYTE_IS_UNSAFE, BYTE_BEGINS_MORE };

static const uint8_t byte_kind[256] = {
    [0 ... 0x1F] = BYTE_IS_UNSAFE, ['/'] = BYTE_IS_UNSAFE,  ['\\'] = BYTE_IS_UNSAFE,
    ['<'] = BYTE_IS_UNSAFE,        ['>'] = BYTE_IS_UNSAFE,  [':'] = BYTE_IS_UNSAFE,
    ['"'] = BYTE_IS_UNSAFE,        ['|'] = BYTE_IS_UNSAFE,  ['?'] = BYTE_IS_UNSAFE,
    ['*'] = BYTE_IS_UNSAFE,        [0x7F] = BYTE_IS_UNSAFE, [0x80 ... 0xFF] = BYTE_BEGINS_MORE,
};

size_t component_clean(char *out, const char *at, size_t len) {
    size_t put = 0;
    for (size_t i = 0; i < len;) {
        if (LIKELY(byte_kind[(uint8_t)at[i]] == BYTE_STAYS)) {
            out[put++] = at[i++];
            continue;
        }
        size_t count = utf8_sequence((const uint8_t *)at + i, len - i);
        uint8_t byte = (uint8_t)at[i];
        /* U+0080 to U+009F are control characters too, and terminals obey them. */
        bool c1 = count == 2 && byte == 0xC2 && (uint8_t)at[i + 1] < 0xA0;
        if (!count || c1 || byte_kind[byte] == BYTE_IS_UNSAFE) {
            out[put++] = '_';
            i += count ? count : 1;
            continue;
        }
        memmove(out + put, at + i, count);
        put += count;
        i += count;
    }
    return put;
}

size_t component_shorten(char *out, const char *at, size_t len, size_t limit) {
    if (len <= limit) {
        memmove(out, at, len);
        return len;
    }
    const char *dot = memrchr(at, '.', len);
    size_t extension = dot && dot != at ? (size_t)(at + len - dot) : 0;
    if (extension > EXTENSION_BYTES_MAX)
        extension = 0;
    uint64_t hash = hash_stable(at, len);
    char tail[EXTENSION_BYTES_MAX];
    memcpy(tail, at + len - extension, extension);
    size_t put = limit - extension - HASH_DIGITS - 1;
    while (put && ((uint8_t)at[put] & 0xC0) == 0x80)
        put--;
    memmove(out, at, put);
    out[put++] = '-';
    put += put_hash(out + put, hash);
    memcpy(out + put, tail, extension);
    return put + extension;
}

/* CON, PRN, AUX, NUL, COM0 to COM9 and LPT0 to LPT9, with or without an extension: Windows opens the device. */
static bool is_device(const char *at, size_t len) {
    const char *dot = memchr(at, '.', len);
    size_t stem = dot ? (size_t)(dot - at) : len;
    while (stem && at[stem - 1] == ' ')
        stem--;
    struct span name = span_of(at, stem);
    if (stem == 4 && at[3] >= '0' && at[3] <= '9') {
        name.len = 3;
        return span_is_nocase(name, "com") || span_is_nocase(name, "lpt");
    }
    return span_is_nocase(name, "con") || span_is_nocase(name, "prn") ||
           span_is_nocase(name, "aux") || span_is_nocase(name, "nul");
}

static bool ends_with(const char *at, size_t len, const char *end) {
    size_t count = strlen(end);
    return len >= count && span_is_nocase(span_of(at + len - count, count), end);
}

static bool is_unfinished(const char *at, size_t len) {
    return at[0] == '.' && (ends_with(at, len, ".part") || ends_with(at, len, ".part.meta"));
}

size_t component_finish(char *out, const char *at, size_t len) {
    while (len && (at[len - 1] == '.' || at[len - 1] == ' '))
        len--;
    if (!len) {
        out[0] = '_';
        return 1;
    }
    if (is_unfinished(at, len)) {
        size_t put = component_shorten(out, at, len, FILE_NAME_BYTES_MAX);
        out[0] = '_';
        return put;
    }
    if (!is_device(at, len))
        return component_shorten(out, at, len, FILE_NAME_BYTES_MAX);
    out[0] = '_';
    return 1 + component_shorten(out + 1, at, len, FILE_NAME_BYTES_MAX - 1);
}
