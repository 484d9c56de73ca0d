/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_json_out.h: writes JSON (RFC 8259) as it goes along, indented for people and diffs, but on one line what is a row of a
 * table. Numbers are the shortest text that reads back as the same double, in the "C" locale that out_begin sets for
 * the thread; what JSON has no number for (infinite, none) is null. Rejected: a tree in memory that a library dumps, which
 * writes 0.1 as 0.10000000000000001 and gives blocks a line for each number.
 */
#ifndef TOOLS_BENCH_JSON_OUT_H
#define TOOLS_BENCH_JSON_OUT_H

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
    FILE *file;
    locale_t own, before;
    unsigned depth, flat; /* levels; those that are on one line */
    bool begun;           /* the innermost level has something in it */
};

/* False: memory is out. */
bool out_begin(struct json_out *out, FILE *file);
/* Ends the text with a newline, and gives the locale back. */
void out_end(struct json_out *out);

/* `name` is NULL for elements of arrays and for the outermost. `bracket` is one of {[ and }]. */
void out_open(struct json_out *out, const char *name, char bracket);
void out_open_row(struct json_out *out, const char *name, char bracket); /* on one line */
void out_close(struct json_out *out, char bracket);
void out_count(struct json_out *out, const char *name, uint64_t value);
void out_number(struct json_out *out, const char *name, double value);
void out_boolean(struct json_out *out, const char *name, bool value);
void out_text(struct json_out *out, const char *name, const char *value); /* NULL: null */

#endif
