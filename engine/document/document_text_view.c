/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_text_view.c: a document as UTF-8, and the way from a place in it back to line and column of the document's own bytes.
 * What is UTF-8 already is looked at where it lies. Everything else is converted once, whole; a second converter then walks
 * the document again as far as the links that are asked for, stopped by the room it is given, so that positions
 * cost no table. Pure; any thread, one view a call.
 *
 * Rejected: parsing the original bytes and converting single values, which does not work for UTF-16 and for charsets with
 * shift states.
 */
#include <errno.h>
#include <stdlib.h>

#include "document/document_private.h"

size_t utf8_length(const uint8_t *at, size_t left) {
    uint8_t low = 0x80, high = 0xBF; /* what the second byte may be */
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    size_t len = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (at[0] == 0xE0)
        low = 0xA0;
    else if (at[0] == 0xED)
        high = 0x9F;
    else if (at[0] == 0xF0)
        low = 0x90;
    else if (at[0] == 0xF4)
        high = 0x8F;
    if (left < len || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

size_t utf8_put(uint8_t *to, uint32_t point) {
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF) || point == 0)
        point = REPLACEMENT_POINT;
    if (point < 0x80) {
        to[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (uint8_t)(0xC0 | point >> 6);
        to[1] = (uint8_t)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (uint8_t)(0xE0 | point >> 12);
        to[1] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        to[2] = (uint8_t)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (uint8_t)(0xF0 | point >> 18);
    to[1] = (uint8_t)(0x80 | (point >> 12 & 0x3F));
    to[2] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
    to[3] = (uint8_t)(0x80 | (point & 0x3F));
    return 4;
}

bool utf8_is_valid(struct span text) {
    size_t len;
    for (size_t at = 0; at < text.len; at += len) {
        if ((len = utf8_length(text.at + at, text.len - at)))
            continue;
        /* A lead byte with fewer bytes behind it than it announces, up to the end. */
        size_t left = text.len - at;
        if (left > 3 || text.at[at] < 0xC2 || text.at[at] > 0xF4)
            return false;
        for (size_t i = 1; i < left; i++)
            if ((text.at[at + i] & 0xC0) != 0x80)
                return false;
        return left < (text.at[at] < 0xE0 ? 2u : text.at[at] < 0xF0 ? 3u : 4u);
    }
    return true;
}

/* Converts until the source ends or the next character doesn't fit; returns how many bytes were made. Bytes that are no character
 * give U+FFFD, one for each, here as there: a second conversion makes the same text. */
static size_t convert(iconv_t converter, struct span *from, uint8_t *to, size_t room) {
    char *in = (char *)(uintptr_t)from->at, *out = (char *)to;
    size_t in_left = from->len, out_left = room;
    while (in_left && iconv(converter, &in, &in_left, &out, &out_left) == (size_t)-1) {
        if (errno == E2BIG || out_left < REPLACEMENT_BYTES)
            break;
        out += utf8_put((uint8_t *)out, REPLACEMENT_POINT);
        out_left -= REPLACEMENT_BYTES;
        in++;
        in_left--;
    }
    if (!in_left && out_left) /* some charsets hold a character back until they see the next */
        iconv(converter, NULL, NULL, &out, &out_left);
    *from = span_of(in, in_left);
    return room - out_left;
}

/* Grows with what comes out: a source's byte is at most REPLACEMENT_BYTES, or a few with charsets nobody uses. */
static bool convert_whole(struct text_view *view) {
    struct span from = view->source;
    size_t room = from.len + from.len / 2 + 64, len = 0;
    if (!(view->owned = malloc(room)))
        return false;
    for (;;) {
        len += convert(view->converter, &from, view->owned + len, room - len);
        if (!from.len)
            break;
        room += room / 2;
        uint8_t *grown = realloc(view->owned, room);
        if (!grown)
            return false;
        view->owned = grown;
    }
    view->utf8 = span_of(view->owned, len);
    return true;
}

static void rewind_cursor(struct text_view *view) {
    view->at = view->line_start = view->source_at = view->source_line_start = 0;
    view->line = 1;
    if (*view->charset)
        iconv(view->converter, NULL, NULL, NULL, NULL);
}

bool text_view_open(struct text_view *view, struct span text, const char *charset, bool is_html) {
    *view = (struct text_view){.converter = (iconv_t)-1};
    size_t bom = charset_choose(text, charset, is_html, view->charset);
    view->source = view->utf8 =
        span_of(text.len ? text.at + bom : (const uint8_t *)"", text.len - bom);
    if (*view->charset) {
        view->converter = iconv_open("UTF-8", view->charset);
        if (view->converter == (iconv_t)-1 || !convert_whole(view)) {
            text_view_close(view);
            return false;
        }
    }
    rewind_cursor(view);
    return true;
}

void text_view_close(struct text_view *view) {
    if (view->converter != (iconv_t)-1)
        iconv_close(view->converter);
    free(view->owned);
    view->owned = NULL;
    view->converter = (iconv_t)-1;
}

/* Moves the cursor on to this offset of utf8, and the converter to the same character of the source. */
static void walk(struct text_view *view, size_t offset) {
    uint8_t scratch[4096];
    if (!*view->charset)
        view->source_at = offset;
    while (*view->charset && view->at < offset) {
        size_t left = offset - view->at;
        struct span from = span_skip(view->source, view->source_at);
        size_t made =
            convert(view->converter, &from, scratch, left < sizeof scratch ? left : sizeof scratch);
        view->source_at = view->source.len - from.len;
        view->at += made;
        if (!made)
            break; /* an offset inside a character: its beginning is near enough */
    }
    view->at = offset;
}

void text_view_locate(struct text_view *view, size_t offset, uint32_t *line, uint32_t *column) {
    const uint8_t *text = view->utf8.at, *newline;
    if (offset > view->utf8.len)
        offset = view->utf8.len;
    if (offset < view->at)
        rewind_cursor(view);
    size_t from = view->at;
    while ((newline = memchr(text + from, '\n', offset - from))) {
        from = view->line_start = (size_t)(newline - text) + 1;
        view->line++;
    }
    if (view->line_start > view->at) {
        walk(view, view->line_start);
        view->source_line_start = view->source_at;
    }
    walk(view, offset);
    *line = view->line;
    *column = (uint32_t)(view->source_at - view->source_line_start + 1);
}
