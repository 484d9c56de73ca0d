/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * utf8.h: is this UTF-8? URLs, header fields and file names bring any bytes at all; records and file names
 * must hold valid UTF-8 only. Pure; any thread.
 *
 * Rejected: mbrtowc, which depends on the process's locale.
 */
#ifndef OUTPUT_UTF8_H
#define OUTPUT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the valid sequence at `at` (1 to 4), 0 where there is none: overlong forms, surrogates and values
 * above U+10FFFF count as invalid (RFC 3629). `left` must not be 0. */
static inline size_t utf8_sequence(const uint8_t *at, size_t left) {
    uint8_t low = 0x80, high = 0xBF; /* what the second byte may be */
    size_t len;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xC2 && at[0] <= 0xDF) {
        len = 2;
    } else if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        len = 3;
        low = at[0] == 0xE0 ? 0xA0 : 0x80;
        high = at[0] == 0xED ? 0x9F : 0xBF;
    } else if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        len = 4;
        low = at[0] == 0xF0 ? 0x90 : 0x80;
        high = at[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (left < len || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

#endif
