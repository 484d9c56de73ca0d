/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_diff.h: compares results with an earlier run's records (--diff OLD.jsonl). The old run is read once, before the new one begins, and
 * kept as some 40 bytes a URL; then it is only read, by any thread.
 */
#ifndef TOOLS_CHECK_DIFF_H
#define TOOLS_CHECK_DIFF_H

#include <ringfetch/ringfetch.h>

struct check_diff;

/* Reads a file of records, gzip or not, "-" being standard input. A line that is no record is an error that names the line. NULL: one line in `why`. */
struct check_diff *check_diff_open(const char *path, char *why, size_t why_size);
void check_diff_close(struct check_diff *diff); /* NULL is allowed */

/* An rf_compare_fn; the context is the check_diff. "new": not well now, well or unknown then. "fixed": the other way round. "still": not well both times.
 * "changed": well both times, but with another status, final URL or certificate. NULL: as it was, or a result that says nothing (skipped,
 * inconclusive). The last record of a URL counts; the same URL asked with another method or in another place is the same. */
const char *check_diff_compare(void *diff, const struct rf_result *result);

#endif
