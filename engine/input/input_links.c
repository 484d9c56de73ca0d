/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_links.c: see input_links.h. A place is 16 bytes, so that a document full of one-letter links takes a few times its
 * own size and no more. On the input's thread.
 */
#include "input/input_links.h"

#include <stdlib.h>

#include "input/input_line.h"

void links_deinit(struct link_queue *links) {
    free(links->places);
    free(links->text);
    *links = (struct link_queue){0};
}

void links_clear(struct link_queue *links) {
    links->count = links->taken = 0;
    links->text_bytes = links->text_taken = 0;
}

/* Room at least doubles, so that adding costs linear time. */
static bool grow(void **memory, size_t *room, size_t want, size_t item_bytes) {
    if (want <= *room)
        return true;
    size_t more = *room ? 2 * *room : 256;
    if (more < want)
        more = want;
    void *grown = realloc(*memory, more * item_bytes);
    if (!grown)
        return false;
    *memory = grown;
    *room = more;
    return true;
}

bool links_add(struct link_queue *links, const struct document_link *link, uint32_t mark) {
    void *places = links->places, *text = links->text;
    bool has_room = grow(&places, &links->room, links->count + 1, sizeof *links->places) &&
                    grow(&text, &links->text_room, links->text_bytes + link->url.len, 1);
    links->places = places;
    if (has_room)
        links->text = text;
    if (!has_room || link->url.len > UINT32_MAX)
        return false;
    links->places[links->count++] = (struct link_place){
        .len = (uint32_t)link->url.len, .line = link->line, .column = link->column, .mark = mark};
    if (link->url.len)
        memcpy(links->text + links->text_bytes, link->url.at, link->url.len);
    links->text_bytes += link->url.len;
    return true;
}

const struct link_place *links_peek(const struct link_queue *links) {
    return links->taken < links->count ? &links->places[links->taken] : NULL;
}

bool links_take(struct link_queue *links, struct span *text, struct link_place *place) {
    if (links->taken == links->count)
        return false;
    *place = links->places[links->taken++];
    *text = span_of(links->text + links->text_taken, place->len);
    links->text_taken += place->len;
    return true;
}

/* ---- what a link is relative to -------------------------------------------------------------------- */

static bool is_scheme_byte(uint8_t c, bool is_first) {
    uint8_t lower = ascii_lower(c);
    if (lower >= 'a' && lower <= 'z')
        return true;
    return !is_first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');
}

enum link_scheme link_scheme(struct span link) {
    size_t len = 0;
    while (len < link.len && is_scheme_byte(link.at[len], len == 0))
        len++;
    if (len == 0 || len == link.len || link.at[len] != ':')
        return LINK_NO_SCHEME;
    struct span scheme = span_of(link.at, len);
    bool is_http = span_is_nocase(scheme, "http") || span_is_nocase(scheme, "https");
    return is_http ? LINK_HTTP : LINK_OTHER_SCHEME;
}

/* "http:page" is relative to a base of the same scheme. */
static bool is_absolute(struct span link) {
    const uint8_t *colon = memchr(link.at, ':', link.len);
    size_t rest = colon ? link.len - (size_t)(colon - link.at) : 0;
    return rest >= 3 && memcmp(colon, "://", 3) == 0;
}

void link_resolve(struct span link, const struct url *base, char *href,
                  struct input_record *record) {
    enum link_scheme scheme = link_scheme(link);
    struct url url;
    record->url = link;
    if (scheme == LINK_OTHER_SCHEME || (scheme == LINK_HTTP && (!base || is_absolute(link))))
        return;
    enum url_fault fault = url_parse(&url, link, base, href, URL_HREF_BYTES_MAX + 1);
    if (fault == URL_OK)
        record->url = span_of(url.href, url.href_len);
    else
        line_fail(record, ERR_BAD_URL, url_fault_text(fault), link);
}
