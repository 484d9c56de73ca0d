/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary_facts.h: the rows of the tables that a bench run's summaries show, for the terminal and for Markdown: what is
 * said, not how it is drawn. Pure; any thread. All text in them is ringfetch's own but entries' names, which are not here.
 */
#ifndef TOOLS_BENCH_SUMMARY_FACTS_H
#define TOOLS_BENCH_SUMMARY_FACTS_H

#include "bench_text.h"

/* A row of figures that both sides have; "" where it makes no sense. */
struct bench_fact {
    char label[32];
    char text[RF_SIDES][BENCH_FIGURE_BYTES];
};
enum { BENCH_FACTS_MAX = 48 };
/* Returns how many. */
size_t bench_facts(const struct bench_sides *sides, struct bench_fact fact[BENCH_FACTS_MAX]);

/* A row of durations. */
enum { BENCH_QUANTILES = 7 };
extern const char *const bench_quantile_names[BENCH_QUANTILES]; /* "mean", "p50" ... "max" */
struct bench_times {
    char label[32];
    bool latency; /* what the run is about; all else is beside it */
    char text[BENCH_QUANTILES][24];
};
enum { BENCH_TIMES_MAX = 12 };
size_t bench_times(const struct bench_sides *sides, struct bench_times times[BENCH_TIMES_MAX]);

/* A histogram's quantiles, dashes where there are none. */
void bench_quantiles(const struct rf_histogram *histogram, char text[BENCH_QUANTILES][24]);

/* "busiest thread", "34% of a core"; "all cores", "ringfetch 17%, everybody 63%": of no side. */
void bench_machine(const struct rf_load_machine *machine, struct bench_fact fact[2]);

#endif
