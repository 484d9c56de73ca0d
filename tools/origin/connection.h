/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection.h: one accepted connection: requests in, responses out, one at a time; simple responses
 * to pipelined requests leave in one send. It belongs to its worker's thread.
 *
 * An endpoint answers with a plan: what it appended to the connection's output goes first, then
 * `body`, then comes a wait, then `after`. A response of several steps has its `next` called for each
 * step, and remembers in `progress` where it is. A waiting connection holds neither an input nor an
 * output buffer, only this struct: hundreds of thousands may wait at once.
 *
 *      head -> (upload) -> answering: send, wait, next ... -> head, or lingering -> closing
 */
#ifndef ORIGIN_CONNECTION_H
#define ORIGIN_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/span.h"
#include "request.h"
#include "ring/ring.h"

struct worker;
struct connection;
struct connection_tls;
struct upload;

enum after {
    AFTER_END,    /* the response is whole; the connection stays if both sides want that */
    AFTER_NEXT,   /* call progress.next for another plan */
    AFTER_CLOSE,  /* close it now, whatever was announced; over TLS without close_notify */
    AFTER_LINGER, /* close for writing, read what comes, then close: unread bytes would reset it */
    AFTER_RESET,  /* RST */
    AFTER_HANG,   /* nothing more, until the client goes */
    AFTER_UPLOAD, /* the interim response is out: back to the request's body */
};

struct plan {
    struct span body; /* outlives the response: the pattern's */
    uint64_t wait_ns;
    enum after after;
};
typedef struct plan plan_fn(struct connection *connection);

/* A response's own memory between its steps. */
struct progress {
    plan_fn *next;
    uint64_t at, left, step_bytes, step_ns;
    int32_t file; /* -1: none; closed with the connection if not before */
    uint16_t status;
    bool trailers;
    bool is_cut; /* AFTER_CLOSE in the end, not AFTER_END */
};

struct connection {
    struct ring_op receive, send, send_body, close;
    struct ring_timer timer;
    struct link link; /* of worker->connections */
    struct worker *worker;
    struct connection_tls *tls; /* NULL: plain */
    struct progress progress;
    struct plan plan;
    char *out; /* NULL when there is nothing to send */
    uint8_t *in;
    uint32_t out_len, out_room, in_len, in_room, in_scanned;
    struct upload *upload; /* the request whose body is coming in */
    int32_t slot;
    uint32_t answered; /* responses that end with the send in flight */
    bool is_busy;      /* answering: what comes in has to wait */
    bool is_sending_failed, is_paused, is_ended, is_lingering, is_closing;
    /* Of the response being made. */
    bool is_head, keep_alive, is_http10;
};

/* Takes over an accepted socket. */
void connection_open(struct worker *worker, int32_t slot);
/* Begins to close it; nothing more is sent. May be called at any time in the worker's thread, also again; the memory goes
 * when the kernel holds nothing of it. */
void connection_close(struct connection *connection);

/* Room for `count` more bytes of output. */
char *connection_reserve(struct connection *connection, size_t count);

#endif
