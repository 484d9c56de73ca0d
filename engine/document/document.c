/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document.c: the room's door: hands a document to what reads its kind, and passes the links on, decoded and with their places.
 * And the set of the names in one. Any thread; nothing is kept between calls but in a set, which is read-only once it is open.
 */
#include "document/document.h"

#include <stdio.h>
#include <stdlib.h>

#include <expat.h>

#include "base/hash.h"
#include "document/document_private.h"

#define TEXT_OF(number) #number
#define VERSION(major, minor, micro) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(micro)

const char *document_libraries(void) {
    return "expat " VERSION(XML_MAJOR_VERSION, XML_MINOR_VERSION, XML_MICRO_VERSION) ", md4c";
}

/* ---- reporting ---- */

static bool is_blank(uint8_t c) {
    return c <= ' ';
}

/* Line breaks and tabs inside of a URL are none of it (WHATWG URL, 4.4): authors wrap long ones. */
static size_t drop_breaks(uint8_t *text, size_t len) {
    size_t kept = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\n' && text[i] != '\r' && text[i] != '\t')
            text[kept++] = text[i];
    return kept;
}

static bool make_room(struct link_sink *sink, size_t room) {
    if (room <= sink->room)
        return true;
    free(sink->text);
    sink->text = malloc(room);
    sink->room = sink->text ? room : 0;
    sink->is_out_of_memory |= !sink->text;
    return sink->text != NULL;
}

bool link_report(struct link_sink *sink, struct span raw, size_t at, enum link_form form,
                 bool is_base) {
    while (raw.len && is_blank(raw.at[0])) {
        raw = span_skip(raw, 1);
        at++;
    }
    if (!make_room(sink, DECODE_ROOM(raw.len)))
        return false;
    size_t len = form == LINK_HTML ? html_decode(raw, DECODE_ATTRIBUTE, sink->text)
                                   : utf8_repair(raw, sink->text);
    struct span url = span_of(sink->text, drop_breaks(sink->text, len));
    while (url.len && is_blank(url.at[0]))
        url = span_skip(url, 1);
    while (url.len && is_blank(url.at[url.len - 1]))
        url.len--;
    if (!url.len)
        return true;
    struct document_link link = {.url = url, .is_base = is_base};
    text_view_locate(sink->view, at, &link.line, &link.column);
    sink->is_enough = !sink->found(sink->context, &link);
    return !sink->is_enough;
}

static bool on_html_link(void *context, struct span raw, bool is_base) {
    struct link_sink *sink = context;
    return link_report(sink, raw, (size_t)(raw.at - sink->view->utf8.at), LINK_HTML, is_base);
}

bool document_links(enum document_kind kind, struct span text, const char *charset,
                    document_link_fn *found, void *context, char *why, size_t why_size) {
    if (why_size)
        *why = 0;
    if (kind == DOCUMENT_SITEMAP)
        return sitemap_links(text, charset, found, context, why, why_size);
    struct text_view view;
    struct link_sink sink = {.found = found, .context = context, .view = &view};
    bool is_good = true;
    if (!text_view_open(&view, text, charset, kind == DOCUMENT_HTML)) {
        sink.is_out_of_memory = true;
    } else {
        if (kind == DOCUMENT_HTML)
            html_links(view.utf8, on_html_link, &sink);
        else if (kind == DOCUMENT_MARKDOWN)
            is_good = markdown_links(&sink, why, why_size);
        else
            text_links(&sink);
        text_view_close(&view);
    }
    free(sink.text);
    if (sink.is_out_of_memory)
        snprintf(why, why_size, "out of memory");
    return is_good && !sink.is_out_of_memory;
}

/* ---- names ---- */

enum { NAMES_ROOM = 16 };

/* Open addressing. The hash is keyed: nobody can choose names that collide, so that the name itself need not be kept. */
struct document_names {
    enum document_kind kind;
    uint64_t *hashes;   /* 0: a free slot */
    uint32_t *headings; /* of each slot, how many headings have it for their slug; Markdown only */
    size_t count, room; /* room is a power of two, at most three quarters of it taken */
};

static uint64_t hash_of(struct span name) {
    uint64_t hash = hash_bytes(name.at, name.len);
    return hash ? hash : 1;
}

/* Where it is, or belongs. */
static size_t slot_of(const struct document_names *names, uint64_t hash) {
    size_t slot = (size_t)hash & (names->room - 1);
    while (names->hashes[slot] && names->hashes[slot] != hash)
        slot = (slot + 1) & (names->room - 1);
    return slot;
}

static void release_slots(struct document_names *names) {
    free(names->hashes);
    free(names->headings);
}

static bool resize(struct document_names *names, size_t room) {
    struct document_names fresh = {.kind = names->kind, .count = names->count, .room = room};
    bool has_headings = names->kind == DOCUMENT_MARKDOWN;
    fresh.hashes = calloc(room, sizeof *fresh.hashes);
    fresh.headings = has_headings ? calloc(room, sizeof *fresh.headings) : NULL;
    if (!fresh.hashes || (has_headings && !fresh.headings)) {
        release_slots(&fresh);
        return false;
    }
    for (size_t i = 0; i < names->room; i++) {
        if (!names->hashes[i])
            continue;
        size_t slot = slot_of(&fresh, names->hashes[i]);
        fresh.hashes[slot] = names->hashes[i];
        if (has_headings)
            fresh.headings[slot] = names->headings[i];
    }
    release_slots(names);
    *names = fresh;
    return true;
}

/* The name's slot, or SIZE_MAX without memory. */
static size_t add(struct document_names *names, struct span name) {
    uint64_t hash = hash_of(name);
    if (names->count >= names->room - names->room / 4 && !resize(names, 2 * names->room))
        return SIZE_MAX;
    size_t slot = slot_of(names, hash);
    names->count += !names->hashes[slot];
    names->hashes[slot] = hash;
    return slot;
}

bool names_add(struct document_names *names, struct span name) {
    return add(names, name) != SIZE_MAX;
}

bool names_add_heading(struct document_names *names, struct span slug) {
    size_t slot = add(names, slug);
    if (slot == SIZE_MAX)
        return false;
    names->headings[slot]++;
    return true;
}

static bool read_names(struct document_names *names, struct span text, const char *charset) {
    struct text_view view;
    bool is_html = names->kind == DOCUMENT_HTML;
    if (!is_html && names->kind != DOCUMENT_MARKDOWN)
        return true;
    if (!text_view_open(&view, text, charset, is_html))
        return false;
    bool is_good = is_html ? html_names(view.utf8, names) : markdown_names(view.utf8, names);
    text_view_close(&view);
    return is_good;
}

struct document_names *document_names_open(enum document_kind kind, struct span text,
                                           const char *charset) {
    struct document_names *names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->kind = kind;
    if (resize(names, NAMES_ROOM) && read_names(names, text, charset))
        return names;
    document_names_close(names);
    return NULL;
}

/* Without what follows ":~:", which is for browsers to search the text for and names nothing. */
static struct span without_directive(struct span fragment) {
    const uint8_t *directive = fragment.len ? memmem(fragment.at, fragment.len, ":~:", 3) : NULL;
    return directive ? span_of(fragment.at, (size_t)(directive - fragment.at)) : fragment;
}

/* "intro-2" is the third heading of the slug "intro", whatever else may have that name. */
static bool has_numbered(const struct document_names *names, struct span fragment) {
    uint64_t number;
    size_t base_len = slug_base(fragment, &number);
    if (base_len == SIZE_MAX)
        return false;
    size_t slot = slot_of(names, hash_of(span_of(fragment.at, base_len)));
    return names->hashes[slot] && names->headings[slot] > number;
}

bool document_names_has(const struct document_names *names, struct span fragment) {
    fragment = without_directive(fragment);
    if (!fragment.len || (names->kind == DOCUMENT_HTML && span_is_nocase(fragment, "top")) ||
        names->hashes[slot_of(names, hash_of(fragment))])
        return true;
    return names->kind == DOCUMENT_MARKDOWN && has_numbered(names, fragment);
}

size_t document_names_bytes(const struct document_names *names) {
    size_t slot_bytes =
        sizeof *names->hashes + (names->headings ? sizeof *names->headings : (size_t)0);
    return sizeof *names + names->room * slot_bytes;
}

void document_names_close(struct document_names *names) {
    if (!names)
        return;
    release_slots(names);
    free(names);
}

bool document_has_name(enum document_kind kind, struct span text, const char *charset,
                       struct span fragment) {
    struct document_names *names = document_names_open(kind, text, charset);
    bool has_name = names && document_names_has(names, fragment);
    document_names_close(names);
    return has_name;
}
