/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_result.h: makes of a load that has ended what bench prints, saves and judges. Main thread.
 */
#ifndef TOOLS_BENCH_RESULT_H
#define TOOLS_BENCH_RESULT_H

#include "bench_options.h"

/* A run with what it points at. It is used where it lies and not copied. */
struct bench_result {
    struct bench_run run;
    struct rf_comparison comparison;
    char differs[512]; /* run.incomparable points here */
};

/* Fills it in and judges it. `baseline` may be NULL. `rf_exit` is rf_load_run's: RF_OK, RF_INTERRUPTED or RF_TERMINATED. False: memory is
 * out. */
bool bench_result_init(struct bench_result *result, const struct bench_options *options,
                       const struct rf_load *load, const struct bench_run *baseline,
                       int64_t started_us, enum rf_exit rf_exit);
void bench_result_deinit(struct bench_result *result);

/* A line for each server that has answered nothing as it should; false: there is none. */
bool bench_result_say_failed(const struct bench_result *result);
/* What --verbose adds. */
void bench_result_say_more(const struct bench_result *result);

#endif
