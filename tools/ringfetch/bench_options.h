/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_options.h: everything `ringfetch bench` was asked for. What concerns the network and the request is get's too (get_options.h).
 * Filled once by the main thread, read-only while the load runs. Strings are borrowed from argv.
 */
#ifndef TOOLS_BENCH_OPTIONS_H
#define TOOLS_BENCH_OPTIONS_H

#include "bench.h"
#include "bench_output.h"
#include "get_options.h"

/* Members of `load` that no option has set hold BENCH_UNSET or 0 until bench_options_finish, where these are no value that an option
 * can give: so what was said can be told from what is so by default. */
#define BENCH_UNSET (-1)

struct bench_options {
    struct get_options get; /* first: the shared rows store into it */
    struct rf_load_settings load;
    struct rf_ramp *ramp; /* owned; load.ramp is this */
    double max_duration_s;
    int arrivals; /* enum rf_arrivals */
    struct option_list expects, thresholds;
    const char *requests_file;
    bool round_robin;
    const char *cmd[RF_SIDES]; /* shell commands of the servers; NULL: not ours to start */
    unsigned cmd_timeout_ms;
    const char *baseline;
    bool force_compare;
    struct bench_outputs outputs;

    const char *url[RF_SIDES]; /* after bench_options_finish: of each side; [B] NULL: one server */
};

void bench_options_init(struct bench_options *options);
void bench_options_deinit(struct bench_options *options);
extern const struct option_table bench_option_table;

/* bench_options_check.c. After parsing: refuses contradictions and completes the settings. False: the complaint is in `why`. */
bool bench_options_finish(struct bench_options *options, char *why, size_t why_size);

/* What of the options changes the load, in a fixed order, for the fingerprint: "connections=50 pipeline=1 ...". Allocated; NULL: memory is
 * out. After bench_options_finish. */
char *bench_options_text(const struct bench_options *options);

/* bench_options_values.c: values that only bench has. */
option_take_fn bench_take_seconds;    /* double, seconds, of row->min milliseconds at least */
option_take_fn bench_take_number;     /* uint64_t, row->min at least */
option_take_fn bench_take_rate;       /* double, more than 0 */
option_take_fn bench_take_confidence; /* double: "0.99", "99%" */
option_take_fn bench_take_effect;     /* double, a share: "5%", "5" */
option_take_fn bench_take_metrics;    /* unsigned: "rps,p99" */
option_take_fn bench_take_ramp;       /* the whole struct bench_options */
/* Refuses the option: row->words[0] says why bench doesn't have it. */
option_take_fn bench_take_nothing;

#endif
