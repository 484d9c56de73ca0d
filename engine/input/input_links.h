/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_links.h: links that were found in a document or in a piece of a sitemap and not yet handed out, and what they
 * are relative to. Text and positions lie in two arrays that only grow and are emptied together: parsers call back and can't
 * be paused, so what they find must wait somewhere. On the input's thread.
 */
#ifndef INPUT_INPUT_LINKS_H
#define INPUT_INPUT_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "document/document.h"
#include "http/url.h"
#include "input/input.h"

struct link_place {
    uint32_t len;
    uint32_t line, column;
    uint32_t mark; /* the queue's user's own */
};

struct link_queue {
    struct link_place *places;
    uint8_t *text;
    size_t count, room, taken;
    size_t text_bytes, text_room, text_taken;
};

/* All zero is an empty queue. */
void links_deinit(struct link_queue *links);
void links_clear(struct link_queue *links);
/* False: no memory. */
bool links_add(struct link_queue *links, const struct document_link *link, uint32_t mark);
/* The next one; its text stays until links_clear or links_add. */
bool links_take(struct link_queue *links, struct span *text, struct link_place *place);
const struct link_place *links_peek(const struct link_queue *links);

enum link_scheme { LINK_NO_SCHEME, LINK_HTTP, LINK_OTHER_SCHEME };
enum link_scheme link_scheme(struct span link);

/* Sets the record's URL: the link itself where it is absolute, else what it is relative to `base`, written into `href`
 * (URL_HREF_BYTES_MAX + 1 bytes), else a failure of kind bad-url. */
void link_resolve(struct span link, const struct url *base, char *href,
                  struct input_record *record);

#endif
