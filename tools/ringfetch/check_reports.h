/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_reports.h: the files and lines that a check run leaves for machines and people beside its
 * records: JUnit, SARIF, Markdown, GitHub annotations, an HTML page. A report is opened before the
 * run, so that a path that can't be written stops it in time; results stream through it or are
 * taken from the tally at the end.
 */
#ifndef TOOLS_CHECK_REPORTS_H
#define TOOLS_CHECK_REPORTS_H

#include <stdio.h>

#include "check_tally.h"
#include "report_file.h"

enum { REPORTS_MAX = 8 };

/* What reports may want to say about the run as a whole. */
struct check_run {
    const struct tally *tally;
    double seconds;
    const char *const *sources; /* inputs as the user named them; NULL ends */
    enum rf_exit exit;
    bool compared; /* with an earlier run: --diff */
};

struct report_ops {
    const char *option; /* "junit" */
    /* Opens `path`. False: one line in `why`. */
    bool (*open)(void **report, const char *path, char *why, size_t why_size);
    /* Each result, on workers' threads, one at a time. May be NULL. */
    void (*add)(void *report, const struct rf_result *result);
    /* Writes the rest and frees. False: one line in `why` that names the file; what is there is
     * then not whole. */
    bool (*close)(void *report, const struct check_run *run, char *why, size_t why_size);
    /* Frees what was opened for a run that never came about, and leaves no file. May be NULL. */
    void (*discard)(void *report);
};

extern const struct report_ops report_junit;    /* check_junit.c */
extern const struct report_ops report_sarif;    /* check_sarif.c */
extern const struct report_ops report_markdown; /* check_markdown.c */
extern const struct report_ops
    report_github; /* check_github.c: annotations on standard output, path ignored */
extern const struct report_ops report_html; /* check_html.c */

struct reports {
    struct {
        const struct report_ops *ops;
        void *self;
    } report[REPORTS_MAX];
    unsigned count;
};

/* check_reports.c. After a false, none is open any more. */
bool reports_open(struct reports *reports, const struct report_ops *ops, const char *path,
                  char *why, size_t why_size);
void reports_add(struct reports *reports, const struct rf_result *result);
/* Closes all, whatever happens; false: the first fault is in `why`. */
bool reports_close(struct reports *reports, const struct check_run *run, char *why,
                   size_t why_size);
/* Instead of reports_close where there was no run: files of these names stay as they were. */
void reports_discard(struct reports *reports);

/* What a result is blamed for: that of the first pass where the last was well (flaky). */
struct rf_error report_error(const struct rf_result *result);
/* "refused"; the verdict's name where no error says why. */
const char *report_kind(const struct rf_result *result);
/* "connect: the connection was refused": one line without the URL, of strangers' text. Returns
 * `out`. */
char *report_message(char *out, size_t size, const struct rf_result *result);
/* What those need of a failure, and url, source, line, column. */
struct rf_result report_result(const struct tally_failure *failure);
/* The path of the file that a link was found in, from the working directory where it lies beneath
 * that; NULL: it was found in no file (a URL, standard input, a command line). Points into
 * `source`. */
const char *report_path(const char *source);

#endif
