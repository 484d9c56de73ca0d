/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_slug.c: the names that GitHub gives headings: lower case, without punctuation, a hyphen for each space, and a number for
 * those that were there before: "intro", "intro-1". To look for one name no list is needed: the first of its slug, or the
 * n-th after it. Pure; any thread.
 *
 * Letters are told by glibc's own C.UTF-8, whatever locale the process has.
 */
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "document/document_private.h"

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

/* Is the heading's slug the first `len` bytes of the fragment? */
static bool is_slug(struct span heading, struct span slug) {
    uint8_t made[4];
    size_t len, made_len;
    for (; heading.len; heading = span_skip(heading, len)) {
        len = utf8_length(heading.at, heading.len);
        if (!len) {
            len = 1;
            continue;
        }
        uint32_t point = lower(point_of(heading.at, len));
        if (point == ' ')
            point = '-';
        if (!is_word(point))
            continue;
        made_len = utf8_put(made, point);
        if (made_len > slug.len || memcmp(made, slug.at, made_len) != 0)
            return false;
        slug = span_skip(slug, made_len);
    }
    return !slug.len;
}

void slug_search_begin(struct slug_search *search, struct span fragment) {
    size_t digits = 0;
    *search = (struct slug_search){.fragment = fragment};
    pthread_once(&locale_once, open_locale);
    while (digits < fragment.len && digits < 9 && fragment.at[fragment.len - 1 - digits] >= '0' &&
           fragment.at[fragment.len - 1 - digits] <= '9')
        digits++;
    size_t rest = fragment.len - digits;
    if (!digits || fragment.at[rest] == '0' || rest < 1 || fragment.at[rest - 1] != '-')
        return;
    for (size_t i = rest; i < fragment.len; i++)
        search->number = search->number * 10 + (uint64_t)(fragment.at[i] - '0');
    search->base_len = rest - 1;
    search->is_numbered = true;
}

bool slug_search_heading(struct slug_search *search, struct span heading) {
    if (is_slug(heading, search->fragment))
        return true;
    if (!search->is_numbered || !is_slug(heading, span_of(search->fragment.at, search->base_len)))
        return false;
    return search->seen++ == search->number;
}
