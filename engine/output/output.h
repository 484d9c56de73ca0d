/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output.h: the built-in outputs by name. Each implements include/ringfetch/output.h, and nothing here knows more of the engine
 * than a plug-in would.
 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H

#include <ringfetch/output.h>

extern const struct rf_output_ops output_files, output_stdout, output_jsonl, output_csv,
    output_null;

/* By its word ("files"); NULL if there is none. */
const struct rf_output_ops *output_find(const char *kind, size_t len);

#endif
