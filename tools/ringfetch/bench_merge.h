/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_merge.h: several saved runs become one: what ran at the same time (shards), and what ran one after the other (reruns).
 *
 * Two runs are shards of one load if they overlap by more than half of the shorter; shards of shards belong together. Of each such
 * group the longest run's seconds count once, and groups add up: that is the merged duration, and requests divided by it
 * are the merged rate. So four shards of 1,000 a second are 4,000 a second, and four reruns are still 1,000. The union of all
 * time from the first start to the last end is rejected: a shard that starts a tenth of a second later would slow them all down.
 *
 * Main thread.
 */
#ifndef TOOLS_BENCH_MERGE_H
#define TOOLS_BENCH_MERGE_H

#include "bench.h"
#include "bench_read.h"

struct merge_source {
    const char *path;
    struct bench_saved saved;
    double offset_s; /* since the first one's start */
    double span_s;   /* from its start to its end */
    size_t group;    /* number of the first source of those that ran at the same time */
};

/* ---- bench_merge_time.c -------------------------------------------------------------------------- */

/* Sorts them by their start, and sets the last three members. */
void merge_arrange(struct merge_source *source, size_t count);
/* The seconds of all of them on one time line: what covers the same second is joined. Percentiles of joined ones are means, weighted by successes:
 * of a second there is no histogram. False: memory is out. */
bool merge_series(struct bench_memory **memory, const struct merge_source *source, size_t count,
                  enum rf_side side, struct rf_load_figures *into);
/* All blocks, in the order of time. False: memory is out. */
bool merge_blocks(struct bench_memory **memory, const struct merge_source *source, size_t count,
                  enum rf_side side, struct rf_load_figures *into);

/* ---- bench_merge_figures.c ----------------------------------------------------------------------- */

/* One side of all of them, which have it. NULL: `why` says why not. Counts and histograms come out the same in whatever order and grouping
 * runs are merged. */
struct rf_load_figures *merge_figures(struct bench_memory **memory,
                                      const struct merge_source *source, size_t count,
                                      enum rf_side side, char *why, size_t why_size);

#endif
