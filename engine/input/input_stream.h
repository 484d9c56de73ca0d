/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_stream.h: the bytes of one source, from a descriptor or from memory, uncompressed where they come as gzip. One
 * thread reads a stream; the event descriptor is how another ends its waiting.
 *
 * What begins with gzip's magic is gzip, whatever its name. What came before damage is handed over, then the reading says
 * EBADMSG, and `damage` what is wrong.
 */
#ifndef INPUT_INPUT_STREAM_H
#define INPUT_INPUT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Enough to tell what a file is; a header line of CSV fits as a rule. */
enum { STREAM_HEAD_BYTES = 8192 };

struct gunzip;

struct input_stream {
    int fd;       /* the caller's; without meaning if is_memory */
    int event_fd; /* readable: stop waiting; -1: none */
    bool is_memory;
    bool may_block; /* poll before each read */
    bool is_begun;  /* it is known whether it is gzip */
    bool at_end;
    struct span memory; /* not yet read */
    uint8_t *head;      /* the first bytes, read before anybody asked for them */
    size_t head_from, head_to;
    struct gunzip *gunzip; /* or NULL */
    uint8_t *packed;       /* what gunzip has not taken yet is packed_left */
    struct span packed_left;
    const char *damage; /* static */
};

void stream_open_fd(struct input_stream *stream, int fd, bool may_block, int event_fd);
/* `memory` is borrowed. */
void stream_open_memory(struct input_stream *stream, struct span memory);
/* Leaves the descriptor open. All zero, and closed already, are allowed. */
void stream_close(struct input_stream *stream);

/* Up to `room` bytes; *count 0: the end. Returns 0 or an errno: EAGAIN (try again), ECANCELED (the event), EBADMSG (damage). */
int stream_read(struct input_stream *stream, uint8_t *to, size_t room, size_t *count);
/* How the stream goes on, without taking it: at least one byte unless it ends here, and what one reading gave as a rule. Before
 * the first stream_read. Errors as there, but damage is left to stream_read. */
int stream_peek(struct input_stream *stream, struct span *begin);

#endif
