/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_slug.c: the names that GitHub gives headings: lower case, without punctuation, a hyphen for each space, and a number for
 * those that were there before: "intro", "intro-1". The numbers are not made here: who asks for the n-th has to count. Pure; any
 * thread.
 *
 * Letters are told by glibc's own C.UTF-8, whatever locale the process has.
 */
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "document/document_private.h"

enum { DIGITS_MAX = 9 }; /* no document has more headings */

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t unicode; /* (locale_t)0 on systems without it: then all beyond ASCII is a letter */

static void open_locale(void) {
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t point_of(const uint8_t *at, size_t len) {
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = at[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (at[i] & 0x3F);
    return point;
}

/* Combining marks, joiners and variation selectors count as parts of words there. */
static bool is_mark(uint32_t point) {
    return (point >= 0x300 && point <= 0x36F) || (point >= 0xFE00 && point <= 0xFE0F) ||
           (point >= 0x20D0 && point <= 0x20FF) || point == 0x200C || point == 0x200D;
}

static bool is_word(uint32_t point) {
    if (point < 0x80)
        return point == '_' || point == '-' || (point >= '0' && point <= '9') ||
               (point >= 'a' && point <= 'z');
    return is_mark(point) ||
           (unicode ? iswalnum_l((wint_t)point, unicode) != 0 : point != REPLACEMENT_POINT);
}

static uint32_t lower(uint32_t point) {
    if (point < 0x80)
        return ascii_lower((uint8_t)point);
    return unicode ? (uint32_t)towlower_l((wint_t)point, unicode) : point;
}

size_t slug_make(struct span heading, uint8_t *to) {
    size_t made = 0, len;
    pthread_once(&locale_once, open_locale);
    for (; heading.len; heading = span_skip(heading, len)) {
        len = utf8_length(heading.at, heading.len);
        if (!len) {
            len = 1;
            continue;
        }
        uint32_t point = lower(point_of(heading.at, len));
        if (point == ' ')
            point = '-';
        if (is_word(point))
            made += utf8_put(to + made, point);
    }
    return made;
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

size_t slug_base(struct span fragment, uint64_t *number) {
    size_t rest = fragment.len;
    while (rest && fragment.len - rest < DIGITS_MAX && is_digit(fragment.at[rest - 1]))
        rest--;
    if (rest == fragment.len || fragment.at[rest] == '0' || !rest || fragment.at[rest - 1] != '-')
        return SIZE_MAX;
    *number = 0;
    for (size_t i = rest; i < fragment.len; i++)
        *number = *number * 10 + (uint64_t)(fragment.at[i] - '0');
    return rest - 1;
}
