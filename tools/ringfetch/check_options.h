/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_options.h: everything `ringfetch check` was asked for. Most of it is what get knows too (get_options.h); filled once by the main
 * thread, read-only while the engine runs.
 */
#ifndef TOOLS_CHECK_OPTIONS_H
#define TOOLS_CHECK_OPTIONS_H

#include "check_cache.h"
#include "check_reports.h"
#include "get_options.h"

enum check_fail_on { FAIL_ON_ANY, FAIL_ON_NEW, FAIL_ON_NONE };

/* One report and where it goes. */
struct check_report {
    const struct report_ops *ops;
    const char *path;
};

struct check_options {
    struct get_options get; /* first: its rows store into it */
    struct option_list expects;
    const char *from, *base; /* of the input files; NULL: guessed, none */
    const char *cache, *diff;
    uint64_t max_age_s; /* of what the cache knows; 0: not given */
    int fail_on;        /* enum check_fail_on; -1: not given */
    struct check_report reports[REPORTS_MAX];
    unsigned report_count;
    bool shows_table; /* there is no other output: people look at it */
};

void check_options_init(struct check_options *options);
void check_options_deinit(struct check_options *options);
extern const struct option_table check_option_table;
/* After parsing: refuses contradictions and completes the settings. False: the complaint is in `why`. */
bool check_options_finish(struct check_options *options, char *why, size_t why_size);

#endif
