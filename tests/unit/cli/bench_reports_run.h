/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_reports_run.h: bench runs filled by hand, with real histograms, for the tests of the reports; and a report's text.
 * There is one at a time.
 */
#ifndef TESTS_BENCH_REPORTS_RUN_H
#define TESTS_BENCH_REPORTS_RUN_H

#include "../../../tools/ringfetch/bench.h"

/* Of these a test changes what it likes. `side` are what run.side points to. */
struct reports_run {
    struct bench_run run;
    struct rf_load_figures side[RF_SIDES];
    struct rf_comparison comparison;
    struct bench_threshold threshold[3];
};
extern struct reports_run sample;

/* One server, closed loop: 10,000 requests of 1.00 to 2.99 ms, exit 0. */
void sample_one(void);
/* Two, the second 10% slower and regressed, exit 5. */
void sample_two(void);
/* An open loop on side A: scheduled rate, raw, slip. */
void sample_open_loop(void);
/* Three requests, two of the same path; names as a stranger may choose them. */
void sample_entries(void);
/* Nothing was answered: `empty` histograms, or none. */
void sample_nothing(bool empty);
/* Thresholds that held, failed, and can't be told. */
void sample_thresholds(void);
void sample_free(void);

/* Of one of the writers; valid until the next call. It must say that all went well. */
const char *sample_text(bool (*write)(FILE *file, const struct bench_run *run));
const char *sample_summary(unsigned width, bool colour);

#endif
