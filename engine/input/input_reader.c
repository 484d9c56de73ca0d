/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_reader.c: lines out of a stream. The costs that count are one memchr for the line feed and one read a block;
 * a partial line at the block's end moves to the buffer's front, a few dozen bytes as a rule. Bytes that held no line feed
 * are not searched again, so that a long line that arrives in small pieces costs linear time.
 */
#include "input/input_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "input/input.h"

void reader_init(struct input_reader *reader, size_t block_bytes) {
    CHECK(block_bytes > 0);
    *reader = (struct input_reader){.block_bytes = block_bytes};
}

void reader_deinit(struct input_reader *reader) {
    free(reader->bytes);
    reader_init(reader, reader->block_bytes);
}

void reader_begin(struct input_reader *reader, struct input_stream *stream) {
    reader->stream = stream;
    reader->from = reader->to = reader->scanned = 0;
    reader->at_end = reader->is_skipping = false;
    reader->line = 0;
}

static struct span without_mark(const struct input_reader *reader, struct span line) {
    if (reader->line == 1 && line.len >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0)
        return span_skip(line, 3);
    return line;
}

/* True if a line is in memory to its end: it is [from, *end), and the next one begins at *next. */
static bool find_end(struct input_reader *reader, size_t *end, size_t *next) {
    size_t left = reader->to - reader->scanned;
    const uint8_t *feed = left ? memchr(reader->bytes + reader->scanned, '\n', left) : NULL;
    if (feed) {
        *end = (size_t)(feed - reader->bytes);
        *next = *end + 1;
        return true;
    }
    reader->scanned = *end = *next = reader->to;
    return reader->at_end && reader->from < reader->to;
}

static enum reader_step take_whole(struct input_reader *reader, size_t end, size_t next,
                                   struct span *line) {
    size_t from = reader->from, len = end - from;
    if (len > 0 && reader->bytes[end - 1] == '\r')
        len--;
    reader->from = reader->scanned = next;
    reader->line++;
    *line = without_mark(reader, span_of(reader->bytes + from, len));
    return line->len > INPUT_LINE_BYTES_MAX ? READER_TOO_LONG : READER_LINE;
}

enum reader_step reader_take(struct input_reader *reader, struct span *line) {
    size_t end, next;
    bool is_whole = find_end(reader, &end, &next);
    if (UNLIKELY(reader->is_skipping)) {
        reader->is_skipping = !is_whole;
        reader->from = reader->scanned = next;
        if (is_whole)
            is_whole = find_end(reader, &end, &next);
    }
    if (LIKELY(is_whole))
        return take_whole(reader, end, next, line);
    if (reader->at_end)
        return READER_END;
    /* Five more bytes may turn out to be a byte order mark, CR and LF. */
    if (reader->to - reader->from <= INPUT_LINE_BYTES_MAX + 4)
        return READER_MORE;
    reader->is_skipping = true;
    reader->line++;
    *line = without_mark(reader, span_of(reader->bytes + reader->from, reader->to - reader->from));
    reader->from = reader->to;
    return READER_TOO_LONG;
}

/* Moves what is left to the front and sees to it that a block fits behind it. */
static bool make_room(struct input_reader *reader) {
    size_t left = reader->to - reader->from;
    if (reader->from > 0 && left > 0)
        memmove(reader->bytes, reader->bytes + reader->from, left);
    reader->scanned -= reader->from;
    reader->from = 0;
    reader->to = left;
    if (reader->room - left >= reader->block_bytes)
        return true;
    size_t room = 2 * (reader->room > reader->block_bytes ? reader->room : reader->block_bytes);
    uint8_t *bytes = realloc(reader->bytes, room);
    if (!bytes)
        return false;
    reader->bytes = bytes;
    reader->room = room;
    return true;
}

int reader_fill(struct input_reader *reader) {
    if (!make_room(reader))
        return ENOMEM;
    size_t count;
    int error_number =
        stream_read(reader->stream, reader->bytes + reader->to, reader->block_bytes, &count);
    if (error_number)
        return error_number;
    reader->at_end = count == 0;
    reader->to += count;
    return 0;
}
