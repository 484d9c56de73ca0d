/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * report.h: tells people on stderr what became of requests: a line for each failure (every request
 * with -v) and one line at the end. The callback runs on workers' threads, never two at a time; the
 * rest on the main thread.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <ringfetch/ringfetch.h>

enum { REPORT_LINES_MAX = 20 }; /* failures of one kind that get a line of their own */

struct report {
    bool verbose;        /* a line for every request, without a limit */
    unsigned lines[256]; /* failures told so far, by rf_error.kind */
};

/* An rf_done_fn; the context is a struct report. For failures (rf_on_failure) or, if it is verbose, for all. */
void report_request(void *context, const struct rf_result *result);

/* "line 17: http://x/y: connect: refused: ..." or "http://x/y: 200, 1.2 KiB ...": one result,
 * escaped. */
char *report_line(char *out, size_t size, const struct rf_result *result);

/* "9997 files, 97.7 MiB in 1.20 s (8.3k/s, 81.4 MiB/s); 3 failed: refused 2, timed-out 1".
 * `noun` is "file" or "response". */
char *report_summary(char *out, size_t size, const struct rf_progress *end, const char *noun,
                     enum rf_exit exit);

#endif
