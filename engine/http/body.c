/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * body.c: finds the body's bytes in what a connection receives. Pure; any thread; the reader is the caller's. Data are
 * never copied nor looked at byte by byte: a call hands out one run of them at most.
 *
 * Chunks (RFC 9112, 7.1). Strict: sizes have 1 to 16 digits and fit into 63 bits, a CR is followed by its LF, the line
 * end after the data is there. Lenient as curl is: a bare LF may end the size's line and the data, blanks may stand after
 * the size. But not in a line with an extension: where one reader takes a bare LF for a part of it and another for
 * its end, a chunk can be hidden. Extensions and trailers are checked and dropped.
 *
 * Rejected: to search the whole line with memchr first. Lines are cut in the middle when buffers end, and then there must
 * be a state all the same; six bytes a chunk don't pay for two ways.
 */
#include "base/assert.h"
#include "http/response.h"
#include "http/token.h"

/* Named after what is awaited. */
enum body_state {
    BODY_SIZE,          /* a digit of a chunk's size, or what follows them */
    BODY_SIZE_BLANK,    /* after the size: a blank, an extension or the line's end */
    BODY_EXTENSION,     /* the rest of the line */
    BODY_SIZE_LF,       /* behind the CR of that line */
    BODY_DATA,          /* `left` bytes of data; the only state of bodies that aren't chunked */
    BODY_DATA_END,      /* the line end after a chunk's data */
    BODY_DATA_LF,       /* behind its CR */
    BODY_TRAILER,       /* a trailer field or the empty line */
    BODY_TRAILER_NAME,  /* the rest of a name, or the colon */
    BODY_TRAILER_VALUE, /* the rest of the line */
    BODY_TRAILER_LF,    /* behind its CR */
    BODY_LAST_LF,       /* behind the CR of the empty line */
    BODY_WHOLE,
    BODY_FAULTY,
};

enum { SIZE_DIGITS_MAX = 16 };

void body_begin(struct body_reader *reader, const struct response_framing *framing) {
    *reader = (struct body_reader){.framing = framing->framing};
    switch (framing->framing) {
    case FRAMING_CHUNKED:
        reader->state = BODY_SIZE;
        break;
    case FRAMING_LENGTH:
        reader->left = framing->length;
        reader->state = framing->length ? BODY_DATA : BODY_WHOLE;
        break;
    case FRAMING_UNTIL_CLOSE:
        reader->left = -1;
        reader->state = BODY_DATA;
        break;
    default:
        reader->state = BODY_WHOLE;
        break;
    }
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum body_state size_line_end(struct body_reader *reader) {
    reader->line_bytes = 0;
    return reader->left ? BODY_DATA : BODY_TRAILER;
}

static enum body_state after_size(struct body_reader *reader, uint8_t c) {
    switch (c) {
    case ' ':
    case '\t':
        return BODY_SIZE_BLANK;
    case ';':
        return BODY_EXTENSION;
    case '\r':
        return BODY_SIZE_LF;
    case '\n':
        return size_line_end(reader);
    default:
        return BODY_FAULTY;
    }
}

/* So far the line has digits only, so `line_bytes` counts them, this byte included. */
static enum body_state size_byte(struct body_reader *reader, uint8_t c) {
    int digit = hex_digit(c);
    if (digit < 0)
        return reader->line_bytes > 1 ? after_size(reader, c) : BODY_FAULTY;
    if (reader->line_bytes > SIZE_DIGITS_MAX || reader->left > INT64_MAX >> 4)
        return BODY_FAULTY;
    reader->left = reader->left << 4 | digit;
    return BODY_SIZE;
}

static enum body_state extension_byte(uint8_t c) {
    if (c == '\r')
        return BODY_SIZE_LF;
    return (c < 0x20 && c != '\t') || c == 0x7f ? BODY_FAULTY : BODY_EXTENSION;
}

static enum body_state at_line_end(uint8_t c, enum body_state cr, enum body_state lf,
                                   enum body_state other) {
    if (c == '\r')
        return cr;
    return c == '\n' ? lf : other;
}

/* A byte of a chunk's first line, or of the line end behind its data. */
static enum body_state chunk_byte(struct body_reader *reader, uint8_t c) {
    if (reader->state < BODY_DATA && ++reader->line_bytes > CHUNK_LINE_BYTES_MAX)
        return BODY_FAULTY;
    switch (reader->state) {
    case BODY_SIZE:
        return size_byte(reader, c);
    case BODY_SIZE_BLANK:
        return after_size(reader, c);
    case BODY_EXTENSION:
        return extension_byte(c);
    case BODY_SIZE_LF:
        return c == '\n' ? size_line_end(reader) : BODY_FAULTY;
    case BODY_DATA_END:
        return at_line_end(c, BODY_DATA_LF, BODY_SIZE, BODY_FAULTY);
    default:
        CHECK(reader->state == BODY_DATA_LF);
        return c == '\n' ? BODY_SIZE : BODY_FAULTY;
    }
}

static enum body_state trailer_byte(const struct body_reader *reader, uint8_t c) {
    enum body_state name = token_bytes[c] ? BODY_TRAILER_NAME : BODY_FAULTY;
    switch (reader->state) {
    case BODY_TRAILER:
        return at_line_end(c, BODY_LAST_LF, BODY_WHOLE, name);
    case BODY_TRAILER_NAME:
        return c == ':' ? BODY_TRAILER_VALUE : name;
    case BODY_TRAILER_VALUE:
        return at_line_end(c, BODY_TRAILER_LF, BODY_TRAILER, c ? BODY_TRAILER_VALUE : BODY_FAULTY);
    case BODY_TRAILER_LF:
        return c == '\n' ? BODY_TRAILER : BODY_FAULTY;
    default:
        CHECK(reader->state == BODY_LAST_LF);
        return c == '\n' ? BODY_WHOLE : BODY_FAULTY;
    }
}

/* Why the byte that was just taken in state `was` is a fault. */
static enum err_kind fault_kind(const struct body_reader *reader, uint8_t was) {
    if (was < BODY_TRAILER)
        return ERR_BAD_CHUNK;
    return reader->trailer_bytes > TRAILER_BYTES_MAX ? ERR_HEAD_TOO_LARGE : ERR_BAD_FIELD;
}

static enum step data_take(struct body_reader *reader, struct span *in, struct span *data) {
    size_t len = in->len;
    if (reader->left >= 0) {
        if ((uint64_t)len > (uint64_t)reader->left)
            len = (size_t)reader->left;
        reader->left -= (int64_t)len;
    }
    *data = span_of(in->at, len);
    *in = span_skip(*in, len);
    if (reader->left)
        return STEP_MORE;
    reader->state = reader->framing == FRAMING_CHUNKED ? BODY_DATA_END : BODY_WHOLE;
    return reader->state == BODY_WHOLE ? STEP_DONE : STEP_MORE;
}

static enum step body_bad(struct err *err, enum err_kind kind) {
    *err = err_make(STAGE_BODY, kind, 0);
    return STEP_BAD;
}

enum step body_feed(struct body_reader *reader, struct span *in, struct span *data,
                    struct err *err) {
    *data = span_of(in->at, 0);
    while (reader->state != BODY_WHOLE && in->len) {
        uint8_t was = reader->state;
        if (was == BODY_DATA)
            return data_take(reader, in, data);
        if (was == BODY_FAULTY)
            return body_bad(err, ERR_BAD_CHUNK);
        if (was < BODY_TRAILER)
            reader->state = (uint8_t)chunk_byte(reader, in->at[0]);
        else if (++reader->trailer_bytes > TRAILER_BYTES_MAX)
            reader->state = BODY_FAULTY;
        else
            reader->state = (uint8_t)trailer_byte(reader, in->at[0]);
        if (reader->state == BODY_FAULTY)
            return body_bad(err, fault_kind(reader, was));
        *in = span_skip(*in, 1);
    }
    return reader->state == BODY_WHOLE ? STEP_DONE : STEP_MORE;
}

enum step body_end(struct body_reader *reader, struct err *err) {
    if (reader->state == BODY_WHOLE)
        return STEP_DONE;
    bool until_close = reader->framing == FRAMING_UNTIL_CLOSE;
    reader->state = until_close ? BODY_WHOLE : BODY_FAULTY;
    return until_close ? STEP_DONE : body_bad(err, ERR_TRUNCATED);
}
