/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_csv.h: the URLs in one column of comma-separated values (RFC 4180), fed line by line: fields in quotes may hold
 * delimiters, doubled quotes and line breaks. The delimiter is the one of comma, semicolon and tab that the first line has most of.
 * A row whose field is empty is silent, as an empty line is; one that lacks the field is a failed record. On the input's
 * thread.
 */
#ifndef INPUT_INPUT_CSV_H
#define INPUT_INPUT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "input/input.h"

struct csv {
    const char *name; /* the column's, borrowed; NULL: its number */
    uint32_t wanted;  /* the column, from 0 */
    char delimiter;   /* 0: no line was seen yet */
    bool in_header;
    bool is_bad;    /* the row: what stands behind a closing quote */
    bool is_quoted; /* within quotes; the row goes on with the next line */
    uint32_t index; /* of the field */
    bool has_field; /* `field` is the row's */
    uint64_t row_line, field_line;
    uint32_t field_column;
    size_t row_bytes;
    uint8_t *field; /* without quotes */
    size_t field_bytes, field_room;
    char why[160];
};

enum csv_step {
    CSV_SILENT,
    CSV_RECORD,
    CSV_NO_COLUMN /* a record too, and the file is of no use */
};

/* `column`: a name of the first line's, or a number from 1; borrowed. */
void csv_init(struct csv *csv, const char *column);
void csv_deinit(struct csv *csv);

enum csv_step csv_feed(struct csv *csv, struct span line, uint64_t number,
                       struct input_record *record);
/* At the file's end: true if the last row has no end, which is a record. */
bool csv_end(struct csv *csv, struct input_record *record);

/* Whether csv_feed would make a record of this line; false also if that isn't sure. */
bool csv_makes_record(const struct csv *csv, struct span line);

/* Whether a header has a column by which CSV can be told from a list, and which: "url", "link", "href", "address". */
const char *csv_guess_column(struct span header);

#endif
