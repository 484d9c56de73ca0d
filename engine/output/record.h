/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * record.h: result records as text, version 1 (docs: the record). Each function appends one whole line. Pure; the owner of the
 * text serialises.
 */
#ifndef OUTPUT_RECORD_H
#define OUTPUT_RECORD_H

#include <ringfetch/output.h>

#include "output/text.h"

/* As much of a detail as record_detail keeps when it adds to it. */
enum { DETAIL_BYTES = 1024 };

typedef void record_fn(struct text *text, const struct rf_result *result);

/* A JSON object a line. What is no valid UTF-8 becomes U+FFFD. "skipped":true is there only where it is true. */
void record_put_json(struct text *text, const struct rf_result *result);

/* The error's detail, with the line's number in front where the input line itself is what is wrong: no URL leads back to it. In
 * `room`, the result's own memory, or NULL. */
const char *record_detail(const struct rf_result *result, char *room, size_t size);

/* RFC 4180, but lines end in LF alone, as everything else here does. A cell of text that a spreadsheet would take for a
 * formula (it begins with = + - @, a tab or a carriage return: servers choose content types and file names) gets an
 * apostrophe in front. */
void record_put_csv(struct text *text, const struct rf_result *result);
/* `check`: records of a check run follow. */
void record_put_csv_header(struct text *text, bool check);

#endif
