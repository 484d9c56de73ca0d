/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_table.h: a check run for the eyes of people: the live table on a terminal, readable at a million URLs, and the summary at the end.
 */
#ifndef TOOLS_CHECK_TABLE_H
#define TOOLS_CHECK_TABLE_H

#include "check_reports.h"
#include "progress.h"

/* The live table as lines of at most `columns` characters of ASCII, separated by \n, at most `rows` of them: counts by verdict with
 * shares, the most frequent error kinds, the slowest hosts, done/total, rate, in flight, confirm pass, ETA. What strangers wrote is escaped.
 * Takes the tally's lock. */
char *check_table(char *out, size_t size, unsigned columns, unsigned rows, struct tally *tally,
                  const struct rf_progress *now, const struct progress_pace *pace);

/* Draws it four times a second on stderr until check_live_end; mode as progress_begin has it (JSON: one object a second; AUTO was decided
 * before). */
struct check_live;
struct check_live *check_live_begin(struct rf_engine *engine, struct tally *tally,
                                    enum progress_mode mode);
/* Takes it off the screen, frees it. NULL is allowed. */
void check_live_end(struct check_live *live);

/* The summary: verdicts, broken links grouped by host and by file (as many as a screen or two hold; how many more there are is said),
 * what is new and fixed where runs were compared, latency percentiles by phase, certificates that expire soon. Prints to
 * `out`; colour only where `colour` says so. */
void check_summary(FILE *out, const struct check_run *run, bool colour);

#endif
