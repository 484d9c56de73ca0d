/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_title.c: a page's title. Looks at the page's beginning only, which may end anywhere, in the middle of the title and of a
 * character too: what is there counts. Pure; no memory beyond the conversion of a charset that isn't UTF-8.
 */
#include <stdlib.h>

#include "document/document_private.h"

/* What a title that is cut off may end with: the beginning of its end tag. */
static struct span without_cut_tag(struct span text) {
    static const char tag[] = "</title";
    for (size_t len = sizeof tag - 1; len > 0; len--) {
        if (text.len < len)
            continue;
        struct span tail = span_of(text.at + text.len - len, len);
        bool is_same = true;
        for (size_t i = 0; i < len; i++)
            is_same &= ascii_lower(tail.at[i]) == (uint8_t)tag[i];
        if (is_same)
            return span_of(text.at, text.len - len);
    }
    return text;
}

/* And the bytes of a character that isn't whole. */
static struct span without_cut_character(struct span text) {
    for (size_t back = 1; back <= 3 && back <= text.len; back++) {
        uint8_t c = text.at[text.len - back];
        if ((c & 0xC0) == 0x80)
            continue;
        if (c >= 0xC2 && c <= 0xF4 && !utf8_length(text.at + text.len - back, back))
            text.len -= back;
        break;
    }
    return text;
}

/* The title's text as written. */
static bool find_title(struct span text, struct span *title) {
    struct html_tags tags;
    struct html_tag tag, end;
    html_tags_begin(&tags, text);
    while (html_tags_next(&tags, &tag)) {
        if (tag.is_end || tag.is_foreign || !span_is_nocase(tag.name, "title"))
            continue;
        struct span rest = span_skip(text, tag.end);
        if (html_tags_next(&tags, &end))
            *title = span_of(rest.at, end.at - tag.end);
        else
            *title = without_cut_character(without_cut_tag(rest));
        return true;
    }
    return false;
}

/* Control characters are white space here: a title goes to terminals. */
static bool is_blank(const uint8_t *at, size_t len) {
    return *at <= ' ' || *at == 0x7F || (len == 2 && at[0] == 0xC2 && at[1] <= 0xA0);
}

/* Joins white space; `size` is at least 1. Everything is valid UTF-8. */
static void join(struct span text, char *title, size_t size) {
    size_t len = 0, one;
    bool is_after_blank = false;
    for (; text.len; text = span_skip(text, one)) {
        one = utf8_length(text.at, text.len);
        if (is_blank(text.at, one)) {
            is_after_blank = len > 0;
            continue;
        }
        if (len + is_after_blank + one >= size)
            break;
        if (is_after_blank)
            title[len++] = ' ';
        is_after_blank = false;
        memcpy(title + len, text.at, one);
        len += one;
    }
    title[len] = 0;
}

/* A title of any length costs no more than what is shown of it: entities are at most 34 bytes for each character. */
static struct span first_bytes(struct span title, size_t size) {
    enum { BYTES_FOR_ONE = 64, BYTES_MAX = 1 << 20 };
    size_t most = size < BYTES_MAX / BYTES_FOR_ONE ? size * BYTES_FOR_ONE : BYTES_MAX;
    return title.len > most ? span_of(title.at, most) : title;
}

void document_title(struct span text, const char *charset, char *title, size_t size) {
    struct text_view view;
    struct span raw;
    if (!size)
        return;
    *title = 0;
    if (!text_view_open(&view, text, charset, true))
        return;
    if (find_title(view.utf8, &raw)) {
        raw = first_bytes(raw, size);
        uint8_t *decoded = malloc(DECODE_ROOM(raw.len));
        if (decoded)
            join(span_of(decoded, html_decode(raw, DECODE_TEXT, decoded)), title, size);
        free(decoded);
    }
    text_view_close(&view);
}
