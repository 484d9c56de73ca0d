/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_sitemap.c: a stack of sitemaps that are being read, each with the links of its last piece. A sitemap that an index
 * names is pushed at once, which keeps the order; the index waits with what its piece still holds. URLs that were
 * fetched are remembered by a 64-bit hash under the process's key: 8 bytes for each of at most 50,000 URLs.
 */
#include "input/input_sitemap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "input/input_line.h"
#include "input/input_links.h"

enum { PIECE_BYTES = 16 * 1024, VISITED_FIRST = 64 };

struct frame {
    char *name;
    char *href; /* the base's, or NULL: there is none */
    struct url base;
    uint8_t *bytes; /* of a fetched body, or NULL */
    struct input_stream stream;
    struct sitemap *parser;
    struct link_queue links;
    bool is_read;
    bool has_memory;
    struct err failure; /* reported when the links before it are */
    char why[LINE_WHY_BYTES];
};

struct sitemaps {
    struct input_context *context;
    struct frame frames[SITEMAP_DEPTH_MAX + 1];
    size_t depth;
    uint64_t *visited; /* open addressing; 0: free */
    size_t visited_count, visited_room;
    char why[LINE_WHY_BYTES];
    char href[URL_HREF_BYTES_MAX + 1];
    uint8_t piece[PIECE_BYTES];
};

struct sitemaps *sitemaps_open(struct input_context *context) {
    struct sitemaps *sitemaps = calloc(1, sizeof *sitemaps);
    if (sitemaps)
        sitemaps->context = context;
    return sitemaps;
}

static void pop(struct sitemaps *sitemaps) {
    struct frame *frame = &sitemaps->frames[--sitemaps->depth];
    sitemap_close(frame->parser);
    stream_close(&frame->stream);
    links_deinit(&frame->links);
    free(frame->bytes);
    free(frame->href);
    free(frame->name);
}

void sitemaps_close(struct sitemaps *sitemaps) {
    if (!sitemaps)
        return;
    while (sitemaps->depth)
        pop(sitemaps);
    free(sitemaps->visited);
    free(sitemaps);
}

/* ---- what was fetched already ---------------------------------------------------------------------- */

static void insert(uint64_t *table, size_t room, uint64_t key) {
    size_t at = key & (room - 1);
    while (table[at] && table[at] != key)
        at = (at + 1) & (room - 1);
    table[at] = key;
}

static bool grow_visited(struct sitemaps *sitemaps) {
    size_t room = sitemaps->visited_room ? 2 * sitemaps->visited_room : VISITED_FIRST;
    uint64_t *table = calloc(room, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < sitemaps->visited_room; i++)
        if (sitemaps->visited[i])
            insert(table, room, sitemaps->visited[i]);
    free(sitemaps->visited);
    sitemaps->visited = table;
    sitemaps->visited_room = room;
    return true;
}

/* False: it was there, or there is no memory to tell. */
static bool visit(struct sitemaps *sitemaps, const char *href) {
    uint64_t key = hash_bytes(href, strcspn(href, "#")) | 1;
    if (2 * (sitemaps->visited_count + 1) > sitemaps->visited_room && !grow_visited(sitemaps))
        return false;
    size_t at = key & (sitemaps->visited_room - 1);
    while (sitemaps->visited[at]) {
        if (sitemaps->visited[at] == key)
            return false;
        at = (at + 1) & (sitemaps->visited_room - 1);
    }
    sitemaps->visited[at] = key;
    sitemaps->visited_count++;
    return true;
}

/* ---- the stack ------------------------------------------------------------------------------------- */

static bool found(void *context, enum sitemap_entry entry, const struct document_link *link) {
    struct frame *frame = context;
    frame->has_memory = links_add(&frame->links, link, (uint32_t)entry);
    return frame->has_memory;
}

/* Takes the stream over, and `bytes` in any case. */
static bool push(struct sitemaps *sitemaps, const char *name, const char *base,
                 struct input_stream *stream, uint8_t *bytes) {
    struct frame *frame = &sitemaps->frames[sitemaps->depth++];
    *frame = (struct frame){.stream = *stream, .bytes = bytes, .has_memory = true};
    stream_open_memory(stream, span_of(NULL, 0));
    frame->name = strdup(name);
    frame->parser = sitemap_open(found, frame);
    struct url url;
    if (base &&
        url_parse(&url, span_text(base), NULL, sitemaps->href, sizeof sitemaps->href) == URL_OK) {
        frame->href = malloc(url.href_len + 1);
        if (frame->href)
            frame->base = url_copy(&url, frame->href);
    }
    if (frame->name && frame->parser)
        return true;
    pop(sitemaps);
    return false;
}

bool sitemaps_begin(struct sitemaps *sitemaps, const char *name, const char *final_url,
                    const char *base, struct input_stream *stream) {
    struct url url;
    while (sitemaps->depth)
        pop(sitemaps);
    if (sitemaps->visited)
        memset(sitemaps->visited, 0, sitemaps->visited_room * sizeof *sitemaps->visited);
    sitemaps->visited_count = 0;
    if (final_url &&
        url_parse(&url, span_text(name), NULL, sitemaps->href, sizeof sitemaps->href) == URL_OK)
        visit(sitemaps, url.href);
    if (final_url)
        visit(sitemaps, final_url);
    return push(sitemaps, name, base ? base : final_url, stream, NULL);
}

static void fail(struct frame *frame, enum err_kind kind, int32_t detail, const char *why) {
    frame->failure = err_make(STAGE_INPUT, kind, detail);
    snprintf(frame->why, sizeof frame->why, "%s", why);
    input_one_line(frame->why, sizeof frame->why);
    frame->is_read = true;
}

static void fail_reading(struct frame *frame, int error_number) {
    char why[160];
    snprintf(why, sizeof why, "cannot read the sitemap: %s", strerror(error_number));
    fail(frame, error_number == ENOMEM ? ERR_MEMORY : ERR_UNREADABLE, error_number, why);
}

/* The next piece, or the end. */
static void read_piece(struct sitemaps *sitemaps, struct frame *frame) {
    char why[LINE_WHY_BYTES] = "";
    size_t count;
    links_clear(&frame->links);
    int error_number = stream_read(&frame->stream, sitemaps->piece, PIECE_BYTES, &count);
    if (error_number == EAGAIN || error_number == ECANCELED)
        return;
    if (error_number == EBADMSG) {
        fail(frame, ERR_BAD_GZIP, 0, frame->stream.damage);
        return;
    }
    if (error_number) {
        fail_reading(frame, error_number);
        return;
    }
    frame->is_read = count == 0;
    bool is_good =
        count ? sitemap_feed(frame->parser, span_of(sitemaps->piece, count), why, sizeof why)
              : sitemap_end(frame->parser, why, sizeof why);
    if (!frame->has_memory)
        fail_reading(frame, ENOMEM);
    else if (!is_good)
        fail(frame, ERR_BAD_LINE, 0, why[0] ? why : "the sitemap is broken");
}

/* ---- what an index names --------------------------------------------------------------------------- */

static void begin_record(const struct frame *frame, const struct link_place *place,
                         struct input_record *record) {
    *record = (struct input_record){.size = -1, .source = span_text(frame->name)};
    if (place) {
        record->line = place->line;
        record->column = place->column;
    }
}

/* Sitemaps and their URLs must be absolute; where it is known what else they could be relative to, that is forgiven. */
static void resolve(struct sitemaps *sitemaps, const struct frame *frame, struct span text,
                    struct input_record *record) {
    link_resolve(text, frame->href ? &frame->base : NULL, sitemaps->href, record);
}

/* Fetches it and makes it the next to be read. INPUT_RECORD: it is a failed record; INPUT_END: go on. */
static enum input_step enter(struct sitemaps *sitemaps, struct span text,
                             struct input_record *record) {
    struct input_body body;
    struct input_stream stream;
    struct url url;
    if (err_is(record->err))
        return INPUT_RECORD;
    char href[URL_HREF_BYTES_MAX + 1];
    enum url_fault fault = url_parse(&url, record->url, NULL, href, sizeof href);
    if (fault != URL_OK) {
        line_fail(record, fault == URL_OTHER_SCHEME ? ERR_BAD_SCHEME : ERR_BAD_URL,
                  url_fault_text(fault), text);
        return INPUT_RECORD;
    }
    if (!visit(sitemaps, href))
        return INPUT_END;
    if (sitemaps->depth > SITEMAP_DEPTH_MAX) {
        line_fail(record, ERR_BAD_LINE, "sitemap indexes are nested deeper than 5", text);
        return INPUT_RECORD;
    }
    struct err err;
    enum input_step step =
        context_fetch(sitemaps->context, href, &body, &err, sitemaps->why, sizeof sitemaps->why);
    if (step == INPUT_FAULT) {
        line_fail(record, (enum err_kind)err.kind, sitemaps->why, text);
        record->err.detail = err.detail;
        return INPUT_RECORD;
    }
    if (step != INPUT_RECORD)
        return step;
    const char *final_url = context_final_url(&body, href);
    if (strcmp(final_url, href) != 0 && !visit(sitemaps, final_url)) {
        free(body.bytes);
        return INPUT_END;
    }
    stream_open_memory(&stream, span_of(body.bytes, body.count));
    if (push(sitemaps, href, final_url, &stream, body.bytes))
        return INPUT_END;
    line_fail(record, ERR_MEMORY, "out of memory for a sitemap", text);
    return INPUT_RECORD;
}

/* ---- handing out ----------------------------------------------------------------------------------- */

static enum input_step take(struct sitemaps *sitemaps, struct frame *frame,
                            struct input_record *record) {
    struct span text;
    struct link_place place;
    if (links_take(&frame->links, &text, &place)) {
        begin_record(frame, &place, record);
        resolve(sitemaps, frame, text, record);
        return place.mark == SITEMAP_SITEMAP ? enter(sitemaps, text, record) : INPUT_RECORD;
    }
    if (!frame->is_read) {
        read_piece(sitemaps, frame);
    } else if (err_is(frame->failure)) {
        begin_record(frame, NULL, record);
        line_fail(record, (enum err_kind)frame->failure.kind, frame->why, record->source);
        record->err.detail = frame->failure.detail;
        frame->failure = ERR_OK;
        return INPUT_RECORD;
    } else {
        pop(sitemaps);
    }
    return INPUT_END;
}

enum input_step sitemaps_next(struct sitemaps *sitemaps, struct input_record *record) {
    while (sitemaps->depth) {
        if (context_is_interrupted(sitemaps->context))
            return INPUT_INTERRUPTED;
        enum input_step step = take(sitemaps, &sitemaps->frames[sitemaps->depth - 1], record);
        if (step != INPUT_END)
            return step;
    }
    return INPUT_END;
}

bool sitemaps_hold_record(const struct sitemaps *sitemaps) {
    const struct frame *frame = sitemaps->depth ? &sitemaps->frames[sitemaps->depth - 1] : NULL;
    const struct link_place *place = frame ? links_peek(&frame->links) : NULL;
    return place && place->mark == SITEMAP_URL;
}
