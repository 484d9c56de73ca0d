/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram_hdr.c: the V2 compressed encoding. Outside is base64 of a cookie, a length and a zlib
 * stream; inside are a header of 40 bytes and the counts up to the largest value's, each a ZigZag
 * LEB128 number of at most nine bytes, the ninth of which carries eight bits. A negative number -n
 * stands for n empty places. All else is big-endian. Called when reports are written and read, in any
 * thread.
 *
 * Rejected: reading other digits and lowest values into our layout, which would move counts and say
 * nothing about it.
 */
#include "stats/histogram_hdr.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    COOKIE = 0x1c849303,
    COOKIE_COMPRESSED = 0x1c849304,
    COOKIE_WORD_BITS =
        0xf0, /* how wide a count was in the writer's memory, which is its own affair */
    COOKIE_WORD = 0x10,
    OUTER_BYTES = 8,
    HEADER_BYTES = 40,
    NUMBER_BYTES_MAX = 9,
    DIGITS = 3,
    PLACES_MAX = 56320, /* of a histogram up to 2^64 - 1 */
    INNER_BYTES_MAX = HEADER_BYTES + NUMBER_BYTES_MAX * PLACES_MAX,
};
#define RATIO_ONE UINT64_C(0x3ff0000000000000) /* 1.0: values are whole numbers of their unit */

/* ---- base64 (RFC 4648) ----------------------------------------------------------------------- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_encode(const uint8_t *bytes, size_t count) {
    char *text = malloc((count + 2) / 3 * 4 + 1), *at = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (left > 1)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *at++ = left > 2 ? alphabet[group & 63] : '=';
    }
    *at = '\0';
    return text;
}

/* Into `bytes`, which has room for three quarters of `length`; false: no base64. */
static bool base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *count) {
    uint32_t group = 0;
    size_t bits = 0;
    *count = 0;
    for (int padding = 0; padding < 2 && length > 0 && text[length - 1] == '='; padding++)
        length--;
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!digit)
            return false;
        group = group << 6 | (uint32_t)(digit - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[(*count)++] = (uint8_t)(group >> bits);
        }
    }
    return bits < 6; /* six are a digit that belongs to no byte */
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void put_big(uint8_t *at, uint64_t value, size_t bytes) {
    for (size_t i = bytes; i > 0; i--, value >>= 8)
        at[i - 1] = (uint8_t)value;
}

static uint64_t get_big(const uint8_t *at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static size_t put_number(uint8_t *at, int64_t number) {
    uint64_t left = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    size_t count = 0;
    while (left > 0x7f && count < NUMBER_BYTES_MAX - 1) {
        at[count++] = (uint8_t)(left | 0x80);
        left >>= 7;
    }
    at[count++] = (uint8_t)left;
    return count;
}

/* How many bytes it took; 0: it is cut off. */
static size_t get_number(const uint8_t *at, const uint8_t *end, int64_t *number) {
    uint64_t value = 0;
    for (size_t count = 0; count < NUMBER_BYTES_MAX && at + count < end; count++) {
        uint64_t byte = at[count];
        bool is_last = count == NUMBER_BYTES_MAX - 1 || byte < 0x80;
        value |= (count == NUMBER_BYTES_MAX - 1 ? byte : byte & 0x7f) << (7 * count);
        if (is_last) {
            *number = (int64_t)(value >> 1 ^ (0 - (value & 1)));
            return count + 1;
        }
    }
    return 0;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static uint64_t signed_at_most(uint64_t value) {
    return value < INT64_MAX ? value : INT64_MAX;
}

/* Up to the last place that is not empty, but at least one. */
static size_t put_counts(uint8_t *at, const struct histogram *histogram) {
    uint8_t *start = at;
    uint32_t end = histogram->count_length;
    while (end > 1 && histogram->count[end - 1] == 0)
        end--;
    for (uint32_t i = 0; i < end;) {
        uint32_t empty = 0;
        while (i + empty < end && histogram->count[i + empty] == 0)
            empty++;
        if (empty > 1) {
            at += put_number(at, -(int64_t)empty);
            i += empty;
        } else {
            at += put_number(at, (int64_t)signed_at_most(histogram->count[i]));
            i++;
        }
    }
    return (size_t)(at - start);
}

static size_t put_inner(uint8_t *inner, const struct histogram *histogram) {
    size_t payload = put_counts(inner + HEADER_BYTES, histogram);
    put_big(inner, COOKIE | COOKIE_WORD, 4);
    put_big(inner + 4, payload, 4);
    put_big(inner + 8, 0, 4); /* normalizing index offset */
    put_big(inner + 12, DIGITS, 4);
    put_big(inner + 16, 1, 8); /* lowest discernible value */
    put_big(inner + 24, signed_at_most(histogram->highest), 8);
    put_big(inner + 32, RATIO_ONE, 8);
    return HEADER_BYTES + payload;
}

char *hdr_encode(const struct histogram *histogram) {
    uint8_t *inner = malloc(INNER_BYTES_MAX);
    uLongf packed = compressBound(INNER_BYTES_MAX);
    uint8_t *outer = malloc(OUTER_BYTES + packed);
    char *text = NULL;
    if (inner && outer) {
        size_t count = put_inner(inner, histogram);
        if (compress2(outer + OUTER_BYTES, &packed, inner, count, Z_BEST_COMPRESSION) == Z_OK) {
            put_big(outer, COOKIE_COMPRESSED | COOKIE_WORD, 4);
            put_big(outer + 4, packed, 4);
            text = base64_encode(outer, OUTER_BYTES + packed);
        }
    }
    free(inner);
    free(outer);
    return text;
}

/* ---- decoding -------------------------------------------------------------------------------- */

static bool is_cookie(uint64_t found, uint32_t wanted) {
    return (found & ~(uint64_t)COOKIE_WORD_BITS) == wanted;
}

/* The first byte of every encoding's cookie, V0 to V2. */
static enum hdr_result other_cookie(uint64_t found) {
    return found >> 8 == COOKIE >> 8 ? HDR_UNSUPPORTED : HDR_BAD;
}

static enum hdr_result check_header(const uint8_t *inner, size_t count, uint64_t *highest) {
    if (count < HEADER_BYTES)
        return HDR_BAD;
    if (!is_cookie(get_big(inner, 4), COOKIE))
        return other_cookie(get_big(inner, 4));
    if (get_big(inner + 4, 4) != count - HEADER_BYTES)
        return HDR_BAD;
    *highest = get_big(inner + 24, 8);
    if (*highest < 2 || *highest > INT64_MAX)
        return HDR_BAD;
    bool is_ours = get_big(inner + 8, 4) == 0 && get_big(inner + 12, 4) == DIGITS &&
                   get_big(inner + 16, 8) == 1 && get_big(inner + 32, 8) == RATIO_ONE;
    return is_ours ? HDR_OK : HDR_UNSUPPORTED;
}

/* False: more places than there are, or numbers that are cut off. */
static bool get_counts(const uint8_t *at, const uint8_t *end, struct histogram *histogram) {
    uint64_t place = 0, total = 0;
    while (at < end) {
        int64_t number = 0;
        size_t used = get_number(at, end, &number);
        uint64_t left = histogram->count_length - place;
        if (used == 0 || left == 0)
            return false;
        at += used;
        if (number < 0) {
            uint64_t empty = 0 - (uint64_t)number;
            if (empty > left)
                return false;
            place += empty;
        } else {
            total += (uint64_t)number;
            if (total > INT64_MAX)
                return false;
            histogram->count[place++] = (uint64_t)number;
        }
    }
    histogram->total = total;
    return true;
}

/* What the format leaves out, from the buckets' ends and middles. */
static void restore_figures(struct histogram *histogram) {
    struct histogram_bucket bucket;
    uint32_t at = 0;
    while (histogram_next(histogram, &at, &bucket)) {
        double middle = (double)bucket.low + (double)(bucket.high - bucket.low) / 2;
        double sum = middle * (double)bucket.count;
        if (histogram->min == UINT64_MAX)
            histogram->min = bucket.low;
        histogram->max = bucket.high < histogram->highest ? bucket.high : histogram->highest;
        histogram->sum += sum;
        histogram->sum_of_squares += sum * middle;
    }
}

static enum hdr_result decode_inner(const uint8_t *inner, size_t count,
                                    struct histogram *histogram) {
    uint64_t highest;
    enum hdr_result result = check_header(inner, count, &highest);
    if (result != HDR_OK)
        return result;
    if (!histogram_try_init(histogram, highest))
        return HDR_NO_MEMORY;
    if (!get_counts(inner + HEADER_BYTES, inner + count, histogram)) {
        histogram_deinit(histogram);
        return HDR_BAD;
    }
    restore_figures(histogram);
    return HDR_OK;
}

/* zlib's stream, of a size that no file can raise above that of the largest histogram. */
static enum hdr_result decode_outer(const uint8_t *outer, size_t count,
                                    struct histogram *histogram) {
    if (count < OUTER_BYTES)
        return HDR_BAD;
    if (!is_cookie(get_big(outer, 4), COOKIE_COMPRESSED))
        return other_cookie(get_big(outer, 4));
    if (get_big(outer + 4, 4) != count - OUTER_BYTES)
        return HDR_BAD;
    uLongf unpacked = INNER_BYTES_MAX;
    uint8_t *inner = malloc(unpacked);
    if (!inner)
        return HDR_NO_MEMORY;
    int status = uncompress(inner, &unpacked, outer + OUTER_BYTES, count - OUTER_BYTES);
    enum hdr_result result = status == Z_MEM_ERROR ? HDR_NO_MEMORY : HDR_BAD;
    if (status == Z_OK)
        result = decode_inner(inner, unpacked, histogram);
    free(inner);
    return result;
}

enum hdr_result hdr_decode(const char *text, size_t length, struct histogram *histogram) {
    size_t count;
    uint8_t *outer = malloc(length / 4 * 3 + 3);
    if (!outer)
        return HDR_NO_MEMORY;
    enum hdr_result result = HDR_BAD;
    if (base64_decode(text, length, outer, &count))
        result = decode_outer(outer, count, histogram);
    free(outer);
    return result;
}
