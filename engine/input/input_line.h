/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_line.h: what one line of an input file says. Pure: a line in, a record out, no descriptor in sight, so that it
 * can be fuzzed. URL patterns are never expanded here: a file's brackets and braces belong to its URLs.
 *
 *     URL
 *     URL <TAB> name
 *     {"url": ..., "path": ..., "method": ..., "headers": ..., "body": ..., "size": ..., "sha256": ..., "tag": ...,
 *      "expect": ...}
 *
 * White space around URL and name does not count. Lines of nothing but white space, and lines whose first other character
 * is '#', are silent. JSON members may be null, which means not given; members of other names are refused, as a misspelt
 * one must not be ignored. On the input's thread.
 */
#ifndef INPUT_INPUT_LINE_H
#define INPUT_INPUT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "input/input.h"

struct json_t;

enum { LINE_WHY_BYTES = 320, LINE_URL_SHOWN_MAX = 4096, SHA256_HEX_DIGITS = 64 };

/* What the spans of the last record may point into, beside the line itself. */
struct line_parser {
    struct json_t *json;
    struct span *headers;
    size_t headers_bytes; /* allocated */
    char *text;           /* header lines put together, each with a NUL behind it */
    size_t text_bytes;    /* allocated */
    struct span *expect;
    size_t expect_bytes; /* allocated */
    uint8_t sha256[SHA256_HEX_DIGITS + 1];
    char why[LINE_WHY_BYTES];
};

void line_parser_init(struct line_parser *parser);
void line_parser_deinit(struct line_parser *parser);

/* Fills *record from `line`, the `number`-th, except n. False if the line is silent. The record borrows from
 * the line and the parser. A kind of ERR_MEMORY means that the system, not the line, is at fault. */
bool line_parse(struct line_parser *parser, struct span line, uint64_t number,
                struct input_record *record);

/* The record of a line that the reader cut; false if it is a comment. */
bool line_too_long(struct span begin, uint64_t number, struct input_record *record);

/* Nothing but white space. */
bool line_is_blank(struct span line);
/* Whether line_parse would make no record of it. */
bool line_is_silent(struct span line);

/* The one member of line_parse that needs a JSON parser; `line` begins with '{'. */
void line_parse_json(struct line_parser *parser, struct span line, struct input_record *record);

/* Sets the record's error, `why` (static, or borrowed like the spans) and, where there is no URL yet, `shown` as URL. */
void line_fail(struct input_record *record, enum err_kind kind, const char *why, struct span shown);

/* How many bytes of `text` to show where at most `bytes_max` may be: no UTF-8 sequence is cut. For "%.*s". */
int input_shown_len(const char *text, size_t bytes_max);

/* Makes the text in `size` bytes of memory fit for one line on a terminal: control characters become '?', a UTF-8 sequence
 * that truncation cut goes. */
void input_one_line(char *text, size_t size);

#endif
