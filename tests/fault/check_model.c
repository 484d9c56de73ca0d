/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_model.c: see check_model.h. An answer is composed as a whole and sent at once; the simulated network cuts it.
 */
#include "check_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { IN_BYTES_MAX = 8192 };
enum after { AFTER_NOTHING, AFTER_CLOSE, AFTER_RESET };

/* A connection, as its server sees it. */
struct visitor {
    struct check_model *model;
    char in[IN_BYTES_MAX + 1];
    size_t in_len;
    struct page page;
    bool head_only;
    char *out;
    size_t out_len, out_room;
    enum after after;
};

void check_model_init(struct check_model *model, uint64_t seed) {
    *model = (struct check_model){.other_host = "192.0.2.2:81"};
    random_seed(&model->random, seed * 104729 + 7);
}

void page_url(const struct page *page, const char *host, char *text, size_t size) {
    snprintf(text, size, "http://%s/%u/%u/%u/%u/%u/%u", host, page->head, page->get, page->framing,
             page->bytes, page->needle_at, page->id);
}

char page_byte(const struct page *page, size_t at) {
    char title[64];
    int len = snprintf(title, sizeof title, "<html><title>page %u</title><p>", page->id);
    if (at < (size_t)len)
        return title[at];
    if (at >= page->needle_at && at < page->needle_at + strlen(PAGE_NEEDLE))
        return PAGE_NEEDLE[at - page->needle_at];
    return at % 61 ? '.' : '\n';
}

/* ---- composing --------------------------------------------------------------------------------- */

static void put(struct visitor *visitor, const void *bytes, size_t count) {
    if (visitor->out_len + count > visitor->out_room) {
        visitor->out_room = 2 * (visitor->out_len + count);
        visitor->out = realloc(visitor->out, visitor->out_room);
        CHECK(visitor->out);
    }
    memcpy(visitor->out + visitor->out_len, bytes, count);
    visitor->out_len += count;
}

__attribute__((format(printf, 2, 3))) static void say(struct visitor *visitor, const char *format,
                                                      ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(visitor, text, (size_t)len);
}

static void put_body(struct visitor *visitor, size_t from, size_t to) {
    for (; from < to; from++) {
        char byte = page_byte(&visitor->page, from);
        put(visitor, &byte, 1);
    }
}

static void put_chunks(struct visitor *visitor) {
    size_t bytes = visitor->page.bytes;
    for (size_t at = 0, count; at < bytes; at += count) {
        count = 1 + random_below(&visitor->model->random, bytes - at);
        say(visitor, "%zx\r\n", count);
        put_body(visitor, at, at + count);
        say(visitor, "\r\n");
    }
    say(visitor, "0\r\n\r\n");
}

static void ok_page(struct visitor *visitor) {
    const struct page *page = &visitor->page;
    say(visitor, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Id: %u\r\n",
        page->id);
    if (page->framing == PAGE_CHUNKED)
        say(visitor, "Transfer-Encoding: chunked\r\n\r\n");
    else if (page->framing == PAGE_LENGTH)
        say(visitor, "Content-Length: %u\r\n\r\n", page->bytes);
    else
        say(visitor, "\r\n");
    if (page->framing == PAGE_UNTIL_CLOSE)
        visitor->after = AFTER_CLOSE;
    if (visitor->head_only)
        return;
    if (page->framing == PAGE_CHUNKED)
        put_chunks(visitor);
    else
        put_body(visitor, 0, page->bytes);
}

static void status(struct visitor *visitor, const char *line, const char *fields) {
    say(visitor, "HTTP/1.1 %s\r\n%sContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n%s", line,
        fields, visitor->head_only ? "" : "error");
}

/* A part of the page, with its whole length before it. */
static void cut_short(struct visitor *visitor, enum after after) {
    unsigned bytes = visitor->page.bytes;
    say(visitor, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Id: %u\r\nContent-Length: %u\r\n",
        visitor->page.id, bytes);
    if (visitor->head_only) {
        say(visitor, "\r\n");
        return;
    }
    say(visitor, "\r\n");
    put_body(visitor, 0, bytes / 2);
    visitor->after = after;
}

static void redirect(struct visitor *visitor) {
    char text[256], field[300];
    struct page page = visitor->page;
    page.head = HEAD_AS_GET;
    page.get = GET_200;
    page_url(&page, visitor->model->other_host, text, sizeof text);
    snprintf(field, sizeof field, "Location: %s\r\n", text);
    status(visitor, "302 Found", visitor->page.get == GET_LOOP ? "Location: ?again\r\n" : field);
}

static void bad_chunk(struct visitor *visitor) {
    say(visitor, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (!visitor->head_only)
        say(visitor, "5\r\nhello\r\nzz\r\n");
}

static void answer_get(struct visitor *visitor) {
    const struct check_model *model = visitor->model;
    unsigned id = visitor->page.id;
    switch (visitor->page.get) {
    case GET_200:
        return ok_page(visitor);
    case GET_403:
        return status(visitor, "403 Forbidden", "");
    case GET_404:
        return status(visitor, "404 Not Found", "");
    case GET_410:
        return status(visitor, "410 Gone", "");
    case GET_500:
        return status(visitor, "500 Oops", "");
    case GET_BUSY:
        if (model->heads[id] + model->gets[id] > model->busy)
            return ok_page(visitor);
        return status(visitor, "503 Busy", "Retry-After: 1\r\n");
    case GET_REDIRECT:
    case GET_LOOP:
        return redirect(visitor);
    case GET_STALLS:
        return cut_short(visitor, AFTER_NOTHING);
    case GET_TRUNCATED:
        return cut_short(visitor, AFTER_CLOSE);
    case GET_RESET:
        return cut_short(visitor, AFTER_RESET);
    case GET_GARBAGE:
        return say(visitor, "220 mail.example ESMTP\r\n");
    case GET_BAD_CHUNK:
        return bad_chunk(visitor);
    default: /* silence */
        return;
    }
}

static void answer_head(struct visitor *visitor) {
    switch (visitor->page.head) {
    case HEAD_400:
        return status(visitor, "400 Bad Request", "");
    case HEAD_403:
        return status(visitor, "403 Forbidden", "");
    case HEAD_404:
        return status(visitor, "404 Not Found", "");
    case HEAD_405:
        return status(visitor, "405 Method Not Allowed", "");
    case HEAD_501:
        return status(visitor, "501 Not Implemented", "");
    case HEAD_500:
        return status(visitor, "500 Oops", "");
    case HEAD_WITH_BODY:
        say(visitor, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Id: %u\r\n",
            visitor->page.id);
        return say(visitor, "Content-Length: 5\r\n\r\nhello");
    case HEAD_GARBAGE:
        return say(visitor, "220 mail.example ESMTP\r\n");
    case HEAD_CLOSES:
        visitor->after = AFTER_CLOSE;
        return;
    case HEAD_SILENT:
        return;
    default:
        answer_get(visitor);
    }
}

/* ---- requests ------------------------------------------------------------------------------------ */

static void answer(struct sim_peer *peer, struct visitor *visitor) {
    visitor->out_len = 0;
    visitor->after = AFTER_NOTHING;
    if (visitor->head_only)
        answer_head(visitor);
    else
        answer_get(visitor);
    if (visitor->out_len)
        sim_peer_send(peer, visitor->out, visitor->out_len);
    if (visitor->after == AFTER_CLOSE)
        sim_peer_close(peer);
    else if (visitor->after == AFTER_RESET)
        sim_peer_reset(peer);
}

/* Reads a whole head from the front of what came; a request's body is ignored, as the test sends empty ones. */
static bool read_head(struct visitor *visitor) {
    unsigned head, get, framing;
    struct page *page = &visitor->page;
    char method[16];
    visitor->in[visitor->in_len] = 0;
    char *end = strstr(visitor->in, "\r\n\r\n");
    if (!end)
        return false;
    int got = sscanf(visitor->in, "%15s /%u/%u/%u/%u/%u/%u", method, &head, &get, &framing,
                     &page->bytes, &page->needle_at, &page->id);
    CHECK(got == 7 && head < HEAD_DOES_COUNT && get < GET_DOES_COUNT && framing < PAGE_FRAMINGS);
    CHECK(page->id < PAGE_IDS_MAX && page->bytes <= PAGE_BYTES_MAX);
    page->head = (enum head_does)head;
    page->get = (enum get_does)get;
    page->framing = (enum page_framing)framing;
    visitor->head_only = strcmp(method, "HEAD") == 0;
    visitor->model->heads[page->id] += visitor->head_only;
    visitor->model->gets[page->id] += !visitor->head_only;
    size_t count = (size_t)(end + 4 - visitor->in);
    visitor->in_len -= count;
    memmove(visitor->in, visitor->in + count, visitor->in_len);
    return true;
}

static void on_received(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    struct visitor *visitor = sim_peer_user(peer);
    if (!count) {
        sim_peer_close(peer);
        return;
    }
    CHECK(visitor->in_len + count <= IN_BYTES_MAX);
    memcpy(visitor->in + visitor->in_len, bytes, count);
    visitor->in_len += count;
    while (read_head(visitor))
        answer(peer, visitor);
}

static void on_accepted(struct sim_peer *peer) {
    struct visitor *visitor = calloc(1, sizeof *visitor);
    CHECK(visitor);
    visitor->model = sim_peer_context(peer);
    visitor->model->peers++;
    sim_peer_set_user(peer, visitor);
}

static void on_closed(struct sim_peer *peer) {
    struct visitor *visitor = sim_peer_user(peer);
    visitor->model->peers--;
    free(visitor->out);
    free(visitor);
}

const struct sim_server_ops check_model_ops = {on_accepted, on_received, on_closed};
