/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document.c: the room's door: hands a document to what reads its kind, and passes the links on, decoded and with their places.
 * One call, one thread; nothing is kept between calls.
 */
#include "document/document.h"

#include <stdio.h>
#include <stdlib.h>

#include <libxml/xmlversion.h>

#include "document/document_private.h"

const char *document_libraries(void) {
    return "libxml2 " LIBXML_DOTTED_VERSION ", md4c";
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

/* Without what follows ":~:", which is for browsers to search the text for and names nothing. */
static struct span without_directive(struct span fragment) {
    const uint8_t *directive = fragment.len ? memmem(fragment.at, fragment.len, ":~:", 3) : NULL;
    return directive ? span_of(fragment.at, (size_t)(directive - fragment.at)) : fragment;
}

bool document_has_name(enum document_kind kind, struct span text, const char *charset,
                       struct span fragment) {
    struct text_view view;
    fragment = without_directive(fragment);
    if (!fragment.len || (kind == DOCUMENT_HTML && span_is_nocase(fragment, "top")))
        return true;
    if ((kind != DOCUMENT_HTML && kind != DOCUMENT_MARKDOWN) ||
        !text_view_open(&view, text, charset, kind == DOCUMENT_HTML))
        return false;
    bool has_name = kind == DOCUMENT_HTML ? html_has_name(view.utf8, fragment)
                                          : markdown_has_name(view.utf8, fragment);
    text_view_close(&view);
    return has_name;
}
