/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * response.h: HTTP/1.x responses (RFC 9110, 9112). Pure: bytes in, bytes out; any thread. Whatever way the
 * input is split, the result is the same. Every unbounded thing has a limit here, with the attack it stops.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    HEAD_BYTES_MAX = 65536, /* status line and fields together: a head that never ends */
    HEAD_FIELDS_MAX = 256,  /* fields of a head: quadratic work on look-ups */
    INTERIM_MAX = 16,       /* 1xx responses before the final one: a server that never answers */
    CHUNK_LINE_BYTES_MAX = 4096, /* size, extensions and line end: extensions that never end */
    TRAILER_BYTES_MAX = 16384,   /* all trailer fields together */
};

struct http_field {
    struct span name, value; /* value without surrounding white space */
};

struct response_head {
    uint16_t status;
    uint8_t minor; /* HTTP/1.minor */
    struct span reason;
    unsigned field_count;
    struct http_field field[HEAD_FIELDS_MAX];
};

/* Parses a head at the start of `bytes`, which must hold all of it that came so far. `scanned` is how many of them an earlier
 * call has seen (0 at first), so that a head that dribbles in costs linear time. STEP_DONE: *head_bytes is its length, spans
 * point into `bytes`. STEP_MORE: nothing else is set. STEP_BAD: *err says why (stage head). */
enum step response_head_parse(struct response_head *head, struct span bytes, size_t scanned,
                              size_t *head_bytes, struct err *err);

/* The first field of that name (lower case), or NULL. */
const struct http_field *response_field(const struct response_head *head, const char *name);
/* Whether a comma-separated list in any field of that name has the token, ignoring case. */
bool response_field_has(const struct response_head *head, const char *name, const char *token);

enum framing {
    FRAMING_NONE, /* no body: HEAD, 1xx, 204, 304, length 0 */
    FRAMING_LENGTH,
    FRAMING_CHUNKED,
    FRAMING_UNTIL_CLOSE,
};

struct response_framing {
    uint8_t framing; /* enum framing */
    bool keep_alive; /* the connection may serve again after this response */
    int64_t
        length; /* FRAMING_LENGTH and FRAMING_NONE: the body's; else -1. For HEAD what Content-Length announced */
};

/* How the body is delimited (RFC 9112, section 6.3). Conflicting lengths are STEP_BAD; Transfer-Encoding beside
 * Content-Length wins and closes. `head_method` is true for a response to HEAD. */
enum step response_framing(struct response_framing *framing, const struct response_head *head,
                           bool head_method, struct err *err);

/* ---- the body ------------------------------------------------------------------------------------ */

struct body_reader {
    uint8_t framing;     /* enum framing */
    uint8_t state;       /* of the chunk parser */
    uint16_t line_bytes; /* of the chunk line or the trailers so far */
    uint16_t trailer_bytes;
    int64_t left; /* of the body or of this chunk; -1 until close */
};

void body_begin(struct body_reader *reader, const struct response_framing *framing);

/* Takes bytes from the front of *in. On return *data are body bytes that point into the input (maybe none). STEP_MORE: call again
 * while *in is not empty, then with the next bytes. STEP_DONE: the body is whole; what is left in *in lies beyond it.
 * STEP_BAD: *err (stage body). A reader with FRAMING_NONE or length 0 is done at once, with empty input too. */
enum step body_feed(struct body_reader *reader, struct span *in, struct span *data,
                    struct err *err);

/* The connection ended cleanly here: STEP_DONE where that ends the body, else STEP_BAD (truncated). */
enum step body_end(struct body_reader *reader, struct err *err);

#endif
