/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_reader.h: cuts what a stream gives into lines, without copying them: a line is a span into the read buffer
 * and stays until the next reader_fill. The buffer is reused from file to file and grows only for a line that doesn't fit;
 * a line beyond INPUT_LINE_BYTES_MAX is handed over once, cut, and the rest of it dropped as it is read.
 *
 * A plain value: a copy of the struct can look ahead with reader_take, which changes nothing but the struct. On the
 * input's thread. Rejected: mmap, as pipes can't be mapped and a file that shrinks would kill the process; stdio's getline,
 * as it copies every line and can't be interrupted.
 */
#ifndef INPUT_INPUT_READER_H
#define INPUT_INPUT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "input/input_stream.h"

/* Larger blocks read no faster, smaller ones cost more system calls. */
enum { READER_BLOCK_BYTES = 128 * 1024 };

enum reader_step {
    READER_LINE,
    READER_TOO_LONG, /* the span holds how it begins; the rest will be skipped */
    READER_MORE,     /* no whole line in memory: reader_fill */
    READER_END
};

struct input_reader {
    uint8_t *bytes; /* room of them; from..to is what was read and not yet taken */
    size_t room, block_bytes;
    size_t from, to;
    size_t scanned; /* from..scanned holds no line feed */
    struct input_stream *stream;
    bool at_end;
    bool is_skipping; /* from lies within a line that was too long */
    uint64_t line;    /* number of the line taken last */
};

/* block_bytes: READER_BLOCK_BYTES, other values for tests. */
void reader_init(struct input_reader *reader, size_t block_bytes);
void reader_deinit(struct input_reader *reader);

/* Starts at the first line of `stream`, which stays the caller's. */
void reader_begin(struct input_reader *reader, struct input_stream *stream);

/* The next line, without CR and LF; a byte order mark before the first line of all is dropped. */
enum reader_step reader_take(struct input_reader *reader, struct span *line);

/* Reads one block; spans handed out before are gone. Returns 0 or an errno as stream_read does. */
int reader_fill(struct input_reader *reader);

#endif
