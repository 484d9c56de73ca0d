/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_jsonl.h: the URL in one member of a line that is any JSON object: an earlier run's records, a crawler's log. All other
 * members are ignored, which is what tells it from the JSON lines of input_line.h. Pure; on the input's thread.
 */
#ifndef INPUT_INPUT_JSONL_H
#define INPUT_INPUT_JSONL_H

#include "input/input_line.h"

/* Fills *record as line_parse does. `field`: a member's name, or names with dots between them, "request.url". False: the
 * line is blank. */
bool jsonl_parse(struct line_parser *parser, const char *field, struct span line, uint64_t number,
                 struct input_record *record);

#endif
