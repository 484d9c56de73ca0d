/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_json.h: what the writer and the reader of a run's JSON agree on. The format is docs/bench-json.md; its schema
 * docs/bench.schema.json.
 */
#ifndef TOOLS_BENCH_JSON_H
#define TOOLS_BENCH_JSON_H

#include "bench.h"
#include "bench_json_out.h"

/* Goes up when a member changes its meaning or goes away; not when one is added. */
enum { BENCH_JSON_VERSION = 1 };

/* "cpu" for RF_LIMIT_CPU, by the number of the bit; NULL past the last. */
const char *bench_limit_name(unsigned bit);
/* The columns of a block, in the order of their JSON; NULL past the last. */
const char *bench_block_column(unsigned column);
enum { BENCH_BLOCK_COLUMNS = 10 };

/* The members of a side. `asked`: connections that were asked for, 0: not known. `brief`: without what is long; for what
 * stands in full elsewhere in the file. */
void bench_json_figures(struct json_out *out, const struct rf_load_figures *figures, uint64_t asked,
                        bool brief);

#endif
