/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request.h: reads the head of an HTTP/1.x request (RFC 9112). Pure: bytes in, spans out; any
 * thread. It is strict where leniency would hide a client's fault: CRLF only, no white space before
 * a colon, no folded lines, exactly one Host in HTTP/1.1, one way to say where the body ends. A
 * malformed request is refused with the status that names the fault.
 *
 * The engine's response parser was not stretched to read requests too: what a client must forgive
 * in servers, an origin that tests clients must not.
 */
#ifndef ORIGIN_REQUEST_H
#define ORIGIN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "http/response.h"

enum {
    REQUEST_HEAD_BYTES_MAX = 32768, /* a head that never ends: 414 or 431 */
    REQUEST_FIELDS_MAX = 100,       /* quadratic work in /headers: 431 */
    REQUEST_EMPTY_LINES_MAX = 4,    /* before the request line, RFC 9112, 2.2 */
};

struct request {
    struct span head;        /* request line to the empty line, both included */
    struct span method;      /* "GET" */
    struct span target;      /* as received */
    struct span path, query; /* of the target, not decoded; query without its '?' */
    struct span body;        /* whole and without chunks; filled in by the connection */
    uint8_t minor;           /* HTTP/1.minor */
    bool is_head;
    bool keep_alive; /* what the client wants, with its version's default */
    bool expects_continue;
    bool is_chunked;
    int64_t length; /* of the body that follows; 0 when it is chunked */
    unsigned field_count;
    struct http_field field[REQUEST_FIELDS_MAX];
};

/* Parses a head at the start of `bytes`, which hold all of it that came so far; `scanned` of them an
 * earlier call has seen. STEP_DONE: *used is where the body begins; the spans point into `bytes`.
 * STEP_MORE: nothing else is set. STEP_BAD: *status is what to answer before closing. */
enum step request_parse(struct request *request, struct span bytes, size_t scanned, size_t *used,
                        unsigned *status);

/* The first field of that name (lower case), or NULL. */
const struct http_field *request_field(const struct request *request, const char *name);

#endif
