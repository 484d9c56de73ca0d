/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_text.h: the words and figures of a bench run, as its summary and its reports for people share them. Pure; any
 * thread. Texts are raw: names, paths and reasons of strangers are in them, and whoever writes them escapes them.
 */
#ifndef TOOLS_BENCH_TEXT_H
#define TOOLS_BENCH_TEXT_H

#include "bench.h"

enum { BENCH_FIGURE_BYTES = 48, BENCH_HEADLINE_BYTES = 1024, BENCH_NAME_BYTES = 512 };

/* ---- figures: into text[BENCH_FIGURE_BYTES], "-" where there is none; three significant digits ------ */

char *bench_rate(double per_second, char *text); /* "48,200/s", "9.98/s" */
char *bench_share(double share, char *text);     /* "0.12%", "<0.001%": what is neither none nor
                                                     all is never shown as that */
char *bench_bytes(double bytes, char *text);     /* "7.13 MiB" */
char *bench_parts(double share, char *text);     /* "5%", "2.5%": as somebody would have typed it */
/* A metric's value: rps "48,200/s", errors "0.12%", durations. */
char *bench_value(enum rf_metric metric, double value, char *text);
/* "+4.8%"; of errors, which are compared as a difference of shares, "+0.12 pp" (percentage points). */
char *bench_change(enum rf_metric metric, double change, char *text);
/* "+3.1% .. +6.5%"; an open end, where there were too few blocks, is "?". */
char *bench_interval(enum rf_metric metric, double low, double high, char *text);

/* ---- what was measured ------------------------------------------------------------------------------ */

/* One or two columns of figures. */
struct bench_sides {
    const struct rf_load_figures *figures[RF_SIDES];
    const char *name[RF_SIDES]; /* "A" and "B"; "then" (a baseline) and "now"; of one alone "" */
    unsigned count;
};
/* What this run measured: A, or A and B. */
struct bench_sides bench_sides_measured(const struct bench_run *run);
/* What people want to see beside each other: the same, or a baseline and A. */
struct bench_sides bench_sides_shown(const struct bench_run *run);

/* How many successes are in it; 0 of NULL. */
uint64_t bench_total(const struct rf_histogram *histogram);
/* Of the workers, in us a request; NaN where it can't be told. */
double bench_cpu_us(const struct rf_load_figures *figures);
double bench_error_share(const struct rf_load_figures *figures); /* NaN: nothing was asked */
/* What `first_error` is: "first error", or "warm-up error" where none of those measured failed. */
const char *bench_error_name(const struct rf_load_figures *figures);
double bench_seconds(const struct bench_run *run); /* of all measured sides */
/* How much a metric differs from block to block, as a standard deviation; NaN of fewer than three blocks. */
double bench_deviation(const struct rf_load_figures *figures, enum rf_metric metric);

/* A URL as reports may show it: without user information, query and fragment. */
char *bench_url(const char *url, char *text, size_t size);
/* An entry's name that stays the same when a test server gets another port, and without what may be secret:
 * "GET http://127.0.0.1:41234/items?key=x" is "GET /items". What the user named is left alone. */
char *bench_entry_name(const struct rf_load_entry *entry, char *text, size_t size);

/* Names of a side's benchmarks, no two alike and each with the side's before it: of all requests, and from [1] on of the entries, if
 * there are no more than anybody looks at a curve of. */
enum { BENCH_NAMES_MAX = 100, BENCH_FULL_NAME_BYTES = 900 };
struct bench_names {
    size_t count;
    char (*text)[BENCH_FULL_NAME_BYTES];
};
/* False: memory is out. */
bool bench_names_init(struct bench_names *names, const struct rf_load_figures *figures,
                      const char *side);
void bench_names_deinit(struct bench_names *names);

/* ---- what it came to -------------------------------------------------------------------------------- */

/* By the exit status, so that no report says anything else. */
enum bench_outcome {
    BENCH_PASSED,
    BENCH_FAILED,       /* 5 */
    BENCH_INCONCLUSIVE, /* 6 */
    BENCH_HAD_ERRORS,   /* 1, and what bench_exit does not know */
    BENCH_INTERRUPTED,
};
enum bench_outcome bench_outcome(const struct bench_run *run);
/* "regressed: p99 +12.3%, rps -4.6%; 1 of 2 thresholds failed". One line, at most BENCH_HEADLINE_BYTES. */
char *bench_headline(const struct bench_run *run, char *text, size_t size);
/* What a threshold came to, in words; never "". */
const char *bench_threshold_words(const struct bench_threshold *threshold);

#endif
