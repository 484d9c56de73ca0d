/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary_bars.h: how often which latency occurred, drawn with characters. Pure; any thread.
 */
#ifndef TOOLS_BENCH_SUMMARY_BARS_H
#define TOOLS_BENCH_SUMMARY_BARS_H

#include "bench_text.h"

enum { BENCH_BARS_MAX = 14 };
struct bench_bars {
    /* Bar i counts what is above edge[i] and at most edge[i + 1]; before the first is everything below, and after
     * the last everything above: rows = edges - 1, plus `below` and `above` where there is any. */
    double edge[BENCH_BARS_MAX + 1];
    unsigned edges;
    bool below, above;
};
/* Edges that are round numbers, for both sides the same. False: nothing was counted. */
bool bench_bars_plan(struct bench_bars *bars, const struct bench_sides *sides);

/* The rows, `width` columns at most (60 at least). `unicode`: eighths of a block, else #. */
void bench_bars_write(FILE *file, const struct bench_sides *sides, unsigned width, bool unicode);

#endif
