/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_stream.c: see input_stream.h. Plain files are read straight into the reader's block; only their first few
 * kilobytes pass through the head, so that one look at them decides about gzip and, by stream_peek, about the format.
 */
#include "input/input_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "input/input_gzip.h"

enum { PACKED_BYTES = 64 * 1024 };

void stream_open_fd(struct input_stream *stream, int fd, bool may_block, int event_fd) {
    *stream = (struct input_stream){.fd = fd, .may_block = may_block, .event_fd = event_fd};
}

void stream_open_memory(struct input_stream *stream, struct span memory) {
    *stream = (struct input_stream){.fd = -1, .event_fd = -1, .is_memory = true, .memory = memory};
}

void stream_close(struct input_stream *stream) {
    gunzip_close(stream->gunzip);
    free(stream->packed);
    free(stream->head);
    *stream = (struct input_stream){.fd = -1, .event_fd = -1, .is_memory = true};
}

/* ---- as it comes --------------------------------------------------------------------------------- */

static int read_memory(struct input_stream *stream, uint8_t *to, size_t room, size_t *count) {
    *count = room < stream->memory.len ? room : stream->memory.len;
    if (*count) {
        memcpy(to, stream->memory.at, *count);
        stream->memory = span_skip(stream->memory, *count);
    }
    return 0;
}

/* Until the descriptor has something, its end included; false: the event came. */
static bool wait_for(const struct input_stream *stream) {
    struct pollfd wanted[] = {{.fd = stream->fd, .events = POLLIN},
                              {.fd = stream->event_fd, .events = POLLIN}};
    while (poll(wanted, 2, -1) < 0 && errno == EINTR)
        ;
    return !(wanted[1].revents & POLLIN);
}

static int read_raw(struct input_stream *stream, uint8_t *to, size_t room, size_t *count) {
    *count = 0;
    if (stream->at_end)
        return 0;
    if (stream->is_memory) {
        read_memory(stream, to, room, count);
    } else {
        if (stream->may_block && !wait_for(stream))
            return ECANCELED;
        ssize_t got;
        do
            got = read(stream->fd, to, room);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return errno;
        *count = (size_t)got;
    }
    stream->at_end = *count == 0;
    return 0;
}

/* ---- uncompressed -------------------------------------------------------------------------------- */

static int begin_gzip(struct input_stream *stream) {
    stream->gunzip = gunzip_open();
    stream->packed = malloc(PACKED_BYTES);
    if (!stream->gunzip || !stream->packed)
        return ENOMEM;
    memcpy(stream->packed, stream->head, stream->head_to);
    stream->packed_left = span_of(stream->packed, stream->head_to);
    stream->head_to = 0;
    return 0;
}

/* A first byte that may be the magic's waits for the second one. */
static int begin(struct input_stream *stream) {
    if (!stream->head && !(stream->head = malloc(STREAM_HEAD_BYTES)))
        return ENOMEM;
    while (!stream->at_end &&
           (!stream->head_to || (stream->head_to == 1 && stream->head[0] == 0x1f))) {
        size_t count;
        int error_number = read_raw(stream, stream->head + stream->head_to,
                                    STREAM_HEAD_BYTES - stream->head_to, &count);
        if (error_number)
            return error_number;
        stream->head_to += count;
    }
    stream->is_begun = true;
    return gunzip_is_magic(span_of(stream->head, stream->head_to)) ? begin_gzip(stream) : 0;
}

static int damaged(struct input_stream *stream, const char *why) {
    stream->damage = why;
    return EBADMSG;
}

static int read_gzip(struct input_stream *stream, uint8_t *to, size_t room, size_t *count) {
    if (stream->damage)
        return EBADMSG;
    for (;;) {
        const char *why;
        bool is_good = gunzip_run(stream->gunzip, &stream->packed_left, to, room, count, &why);
        if (!is_good)
            stream->damage = why;
        if (*count)
            return 0;
        if (!is_good)
            return EBADMSG;
        size_t packed;
        int error_number = read_raw(stream, stream->packed, PACKED_BYTES, &packed);
        if (error_number)
            return error_number;
        stream->packed_left = span_of(stream->packed, packed);
        if (!packed)
            return gunzip_is_whole(stream->gunzip) ? 0
                                                   : damaged(stream, "the gzip data are cut off");
    }
}

int stream_read(struct input_stream *stream, uint8_t *to, size_t room, size_t *count) {
    *count = 0;
    int error_number = stream->is_begun ? 0 : begin(stream);
    if (error_number)
        return error_number;
    size_t left = stream->head_to - stream->head_from;
    if (left) {
        *count = room < left ? room : left;
        memcpy(to, stream->head + stream->head_from, *count);
        stream->head_from += *count;
        return 0;
    }
    return stream->gunzip ? read_gzip(stream, to, room, count) : read_raw(stream, to, room, count);
}

int stream_peek(struct input_stream *stream, struct span *begins) {
    int error_number = stream->is_begun ? 0 : begin(stream);
    if (!error_number && stream->head_from == stream->head_to && stream->gunzip) {
        size_t count = 0;
        error_number = read_gzip(stream, stream->head, STREAM_HEAD_BYTES, &count);
        stream->head_from = 0;
        stream->head_to = count;
        if (error_number == EBADMSG)
            error_number = 0;
    }
    *begins = span_of(stream->head + stream->head_from, stream->head_to - stream->head_from);
    return error_number;
}
