/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_markdown.c: the links and names of Markdown, through md4c. md4c hands out pieces of the very text that it was given, and
 * so the place of a URL is the place of its pointer. HTML inside is copied at the same offsets to a page of blanks, which the
 * tokenizer of HTML then reads as any other. What a reference leads to stands at its definition, and is reported there, once.
 *
 * The text that md4c gets is a copy with two differences, undone afterwards: `&` is a byte that means nothing, so that
 * URLs come as they are written and are decoded here; and a paragraph without end gets a blank line now and then, since
 * md4c 0.4 walks from a paragraph's first line to each of its links.
 *
 * Rejected: cmark. It ends the process when memory does, its columns are those of a block's content, it has no place for a URL, and it
 * builds a tree.
 */
#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>

#include "document/document_private.h"

enum {
    AMPERSAND = 0xFF,           /* no byte of UTF-8 */
    PARAGRAPH_LINES_MAX = 4096, /* lines in a row without a blank one */
    /* URLs that md4c unescaped into memory of its own, all together: one definition can be used a million times. */
    UNESCAPED_BYTES_MAX = 1 << 20,
    NEAR_BYTES = 1024,            /* how far an unescaped URL is looked for */
    COMPARED_BYTES_MAX = 1 << 22, /* for all of them together, and 16 times the document's */
    STOP = -1, /* md4c goes on after positive numbers, whatever its header says */
};

struct place {
    size_t at, len; /* of the URL in `copy`; at of its element where `text` is set */
    uint8_t *text;  /* the URL if md4c unescaped it, then of len bytes */
    bool is_html;   /* in `html` */
    bool is_base;
};

struct markdown {
    uint8_t *copy, *html;
    size_t len;
    size_t *breaks; /* offsets in `copy` of the bytes that were put in, ascending */
    size_t break_count, break_room;
    size_t last; /* where the latest text that md4c reported ends in `copy` */
    struct place *places;
    size_t place_count, place_room;
    size_t unescaped_bytes, compared_bytes;
    bool is_out_of_memory, is_bomb;
    /* names */
    struct document_names *names; /* or NULL: links are wanted */
    uint8_t *heading;             /* of the document's length at most */
    size_t heading_len;
    unsigned image_depth;
    bool is_heading;
};

/* ---- the copy ---- */

static bool add_break(struct markdown *markdown, size_t at) {
    if (markdown->break_count == markdown->break_room) {
        size_t room = markdown->break_room ? 2 * markdown->break_room : 16;
        size_t *grown = reallocarray(markdown->breaks, room, sizeof *grown);
        if (!grown)
            return false;
        markdown->breaks = grown;
        markdown->break_room = room;
    }
    markdown->breaks[markdown->break_count++] = at;
    return true;
}

static bool is_blank_line(struct span line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r' && line.at[i] != '>')
            return false;
    return true;
}

static void copy_line(struct markdown *markdown, struct span line) {
    uint8_t *to = markdown->copy + markdown->len;
    for (size_t i = 0; i < line.len; i++)
        to[i] = line.at[i] == '&' ? AMPERSAND : line.at[i] == AMPERSAND ? '?' : line.at[i];
    markdown->len += line.len;
}

static bool copy_text(struct markdown *markdown, struct span text) {
    size_t room = text.len + text.len / PARAGRAPH_LINES_MAX + 2;
    unsigned lines = 0;
    markdown->copy = malloc(room);
    if (!markdown->copy)
        return false;
    while (text.len) {
        const uint8_t *newline = memchr(text.at, '\n', text.len);
        struct span line = span_of(text.at, newline ? (size_t)(newline - text.at) + 1 : text.len);
        lines = is_blank_line(span_of(line.at, line.len - (newline != NULL))) ? 0 : lines + 1;
        copy_line(markdown, line);
        if (lines >= PARAGRAPH_LINES_MAX && newline) {
            if (!add_break(markdown, markdown->len))
                return false;
            markdown->copy[markdown->len++] = '\n';
            lines = 0;
        }
        text = span_skip(text, line.len);
    }
    markdown->copy[markdown->len] = 0; /* md4c 0.4 calls strcspn */
    return true;
}

/* The offset in the document of one in the copy. */
static size_t offset_of(const struct markdown *markdown, size_t at) {
    size_t low = 0, high = markdown->break_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (markdown->breaks[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return at - low;
}

static bool is_inside(const struct markdown *markdown, const char *text) {
    uintptr_t at = (uintptr_t)text, begin = (uintptr_t)markdown->copy;
    return at >= begin && at < begin + markdown->len;
}

static size_t offset_in_copy(const struct markdown *markdown, const char *text) {
    return (size_t)((const uint8_t *)text - markdown->copy);
}

/* `&` as it was. */
static void restore(uint8_t *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] == AMPERSAND)
            text[i] = '&';
}

/* ---- links ---- */

static struct place *add_place(struct markdown *markdown) {
    if (markdown->place_count == markdown->place_room) {
        size_t room = markdown->place_room ? 2 * markdown->place_room : 64;
        struct place *grown = reallocarray(markdown->places, room, sizeof *grown);
        if (!grown) {
            markdown->is_out_of_memory = true;
            return NULL;
        }
        markdown->places = grown;
        markdown->place_room = room;
    }
    markdown->places[markdown->place_count] = (struct place){0};
    return &markdown->places[markdown->place_count++];
}

/* Whether `raw` begins with `url` once its backslashes are gone. Counts what it compares. */
static bool is_escaped(struct span raw, struct span url, size_t *compared) {
    size_t at = 0;
    for (size_t i = 0; i < url.len; i++, at++, ++*compared) {
        if (at + 1 < raw.len && raw.at[at] == '\\' && raw.at[at + 1] == url.at[i])
            at++;
        if (at >= raw.len || raw.at[at] != url.at[i])
            return false;
    }
    return true;
}

/* The URL of a link that was unescaped is looked for behind the text before it; else its element must do. */
static size_t find_escaped(struct markdown *markdown, struct span url) {
    size_t from = markdown->last;
    size_t end = markdown->len - from < NEAR_BYTES ? markdown->len : from + NEAR_BYTES;
    size_t most = COMPARED_BYTES_MAX + 16 * markdown->len;
    for (size_t at = from; at < end && markdown->compared_bytes++ < most; at++)
        if (is_escaped(span_of(markdown->copy + at, markdown->len - at), url,
                       &markdown->compared_bytes))
            return at;
    return from;
}

static int add_unescaped(struct markdown *markdown, struct span url) {
    markdown->unescaped_bytes += url.len;
    if (markdown->unescaped_bytes > UNESCAPED_BYTES_MAX + 4 * markdown->len) {
        markdown->is_bomb = true;
        return STOP;
    }
    size_t at = find_escaped(markdown, url);
    struct place *place = add_place(markdown);
    if (!place || !(place->text = malloc(url.len))) {
        markdown->is_out_of_memory = true;
        return STOP;
    }
    memcpy(place->text, url.at, url.len);
    restore(place->text, url.len);
    place->at = at;
    place->len = url.len;
    return 0;
}

static int add_link(struct markdown *markdown, const MD_ATTRIBUTE *url) {
    if (!url->size)
        return 0;
    if (!is_inside(markdown, url->text))
        return add_unescaped(markdown, span_of(url->text, url->size));
    struct place *place = add_place(markdown);
    if (!place)
        return STOP;
    place->at = offset_in_copy(markdown, url->text);
    place->len = url->size;
    return 0;
}

/* ---- what md4c reports ---- */

static int enter_block(MD_BLOCKTYPE type, void *detail, void *context) {
    struct markdown *markdown = context;
    (void)detail;
    if (type == MD_BLOCK_H) {
        markdown->is_heading = true;
        markdown->heading_len = 0;
    }
    return 0;
}

static bool add_heading(struct markdown *markdown) {
    bool is_good = false;
    uint8_t *slug = NULL, *text = malloc(DECODE_ROOM(markdown->heading_len));
    if (text) {
        size_t len =
            html_decode(span_of(markdown->heading, markdown->heading_len), DECODE_TEXT, text);
        slug = malloc(SLUG_ROOM(len));
        is_good = slug && names_add_heading(markdown->names,
                                            span_of(slug, slug_make(span_of(text, len), slug)));
    }
    free(text);
    free(slug);
    return is_good;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *context) {
    struct markdown *markdown = context;
    (void)detail;
    if (type != MD_BLOCK_H)
        return 0;
    markdown->is_heading = false;
    return markdown->names && !add_heading(markdown) ? STOP : 0;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *context) {
    struct markdown *markdown = context;
    markdown->image_depth += type == MD_SPAN_IMG;
    if (markdown->names || (type != MD_SPAN_A && type != MD_SPAN_IMG))
        return 0;
    if (type == MD_SPAN_A)
        return add_link(markdown, &((const MD_SPAN_A_DETAIL *)detail)->href);
    return add_link(markdown, &((const MD_SPAN_IMG_DETAIL *)detail)->src);
}

static int leave_span(MD_SPANTYPE type, void *detail, void *context) {
    struct markdown *markdown = context;
    (void)detail;
    markdown->image_depth -= type == MD_SPAN_IMG;
    return 0;
}

/* In code an ampersand is one; elsewhere it may begin a character reference. */
static void add_heading_text(struct markdown *markdown, MD_TEXTTYPE type, struct span text) {
    uint8_t *to = markdown->heading + markdown->heading_len;
    if (!is_inside(markdown, (const char *)text.at) ||
        markdown->heading_len + text.len > markdown->len)
        return;
    memcpy(to, text.at, text.len);
    if (type != MD_TEXT_CODE)
        restore(to, text.len);
    markdown->heading_len += text.len;
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *context) {
    struct markdown *markdown = context;
    if (is_inside(markdown, text)) {
        size_t at = offset_in_copy(markdown, text);
        markdown->last = at + size;
        if (type == MD_TEXT_HTML) {
            memcpy(markdown->html + at, text, size);
            restore(markdown->html + at, size);
        }
    }
    if (markdown->is_heading && markdown->names && type != MD_TEXT_HTML && !markdown->image_depth)
        add_heading_text(markdown, type, span_of(text, size));
    return 0;
}

static void release(struct markdown *markdown) {
    for (size_t i = 0; i < markdown->place_count; i++)
        free(markdown->places[i].text);
    free(markdown->places);
    free(markdown->breaks);
    free(markdown->copy);
    free(markdown->html);
    free(markdown->heading);
}

/* False: out of memory, or a bomb. */
static bool parse(struct markdown *markdown, struct span text) {
    static const MD_PARSER parser = {.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH |
                                              MD_FLAG_PERMISSIVEURLAUTOLINKS,
                                     .enter_block = enter_block,
                                     .leave_block = leave_block,
                                     .enter_span = enter_span,
                                     .leave_span = leave_span,
                                     .text = on_text};
    markdown->is_out_of_memory =
        !copy_text(markdown, text) || !(markdown->html = malloc(markdown->len + 1));
    if (markdown->is_out_of_memory || markdown->len > UINT32_MAX / 2)
        return false;
    memset(markdown->html, ' ', markdown->len);
    int result = md_parse((const char *)markdown->copy, (MD_SIZE)markdown->len, &parser, markdown);
    markdown->is_out_of_memory |= result < 0 && !markdown->is_bomb;
    return !markdown->is_out_of_memory && !markdown->is_bomb;
}

/* ---- reporting ---- */

static int by_place(const void *left, const void *right) {
    const struct place *a = left, *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

static bool add_html_link(void *context, struct span raw, bool is_base) {
    struct markdown *markdown = context;
    struct place *place = add_place(markdown);
    if (!place)
        return false;
    *place = (struct place){.at = (size_t)(raw.at - markdown->html),
                            .len = raw.len,
                            .is_html = true,
                            .is_base = is_base};
    return true;
}

static bool report_place(const struct markdown *markdown, const struct place *place,
                         struct link_sink *sink) {
    struct span url = span_of(markdown->copy + place->at, place->len);
    if (place->text)
        url = span_of(place->text, place->len);
    else if (place->is_html)
        url = span_of(markdown->html + place->at, place->len);
    return link_report(sink, url, offset_of(markdown, place->at), LINK_HTML, place->is_base);
}

static bool is_same_text(const struct place *place, const struct place *other) {
    return other->text && memcmp(place->text, other->text, place->len) == 0;
}

/* Where a definition is used again it is the same place again. */
static void report_all(struct markdown *markdown, struct link_sink *sink) {
    restore(markdown->copy, markdown->len);
    if (markdown->place_count)
        qsort(markdown->places, markdown->place_count, sizeof *markdown->places, by_place);
    for (size_t i = 0; i < markdown->place_count; i++) {
        const struct place *place = &markdown->places[i];
        if (i && place->at == place[-1].at && place->len == place[-1].len &&
            (!place->text || is_same_text(place, place - 1)))
            continue;
        if (!report_place(markdown, place, sink))
            return;
    }
}

bool markdown_links(struct link_sink *sink, char *why, size_t why_size) {
    struct markdown markdown = {0};
    bool is_good = parse(&markdown, sink->view->utf8);
    if (is_good) {
        html_links(span_of(markdown.html, markdown.len), add_html_link, &markdown);
        is_good = !markdown.is_out_of_memory;
    }
    if (markdown.is_bomb)
        snprintf(why, why_size, "its reference definitions unfold to more than the document");
    else if (!is_good)
        snprintf(why, why_size, "out of memory");
    else
        report_all(&markdown, sink);
    release(&markdown);
    return is_good;
}

bool markdown_names(struct span text, struct document_names *names) {
    struct markdown markdown = {.names = names};
    markdown.heading = malloc(text.len + text.len / PARAGRAPH_LINES_MAX + 2);
    bool is_good = markdown.heading && parse(&markdown, text) &&
                   html_names(span_of(markdown.html, markdown.len), names);
    release(&markdown);
    return is_good;
}
