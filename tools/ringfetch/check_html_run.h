/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_run.h: the run as a whole as the HTML report's script reads it. Main thread, once the run has ended.
 */
#ifndef TOOLS_CHECK_HTML_RUN_H
#define TOOLS_CHECK_HTML_RUN_H

#include <stdio.h>

#include "check_html_rows.h"
#include "check_reports.h"

/* Writes one JSON object, in which no '<' is. False: memory is out. */
bool html_run(FILE *out, const struct check_run *run, const struct html_count *count);

#endif
