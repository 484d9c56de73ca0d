/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_rows.h: which of a run's results get a row in the HTML report. What is not well, or changed, is written as it comes;
 * of the rest the slowest and an even sample are held until the end. Neither the page nor memory grows with the run:
 * what found no room is counted. One thread at a time.
 */
#ifndef TOOLS_CHECK_HTML_ROWS_H
#define TOOLS_CHECK_HTML_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <ringfetch/ringfetch.h>

enum {
    HTML_SLOWEST_MAX = 1000,
    HTML_SAMPLE_MAX = 5000,
    HTML_NOTABLE_MAX = 90000,      /* rows; a browser sorts and searches so many at once */
    HTML_OLD_BYTES_MAX = 12000000, /* of notable rows, when the next one's change is nothing new */
    HTML_NEW_BYTES_MAX =
        15000000,             /* the same when it is: what changed is what its reader wants most */
    HTML_BYTES_MAX = 18000000 /* of all rows */
};

/* What was written, and of how many. */
struct html_count {
    uint64_t notable, notable_written; /* not well, or changed */
    uint64_t well, well_written;       /* the others */
    uint64_t slowest;                  /* of well_written: the slowest */
    uint64_t stride; /* every so many of the well ones is in the sample; 1: all are */
};

struct html_row {
    char *text; /* JSON; owned */
    size_t len;
    uint64_t serial; /* among the well ones, from 0 */
    double ms;
};

struct html_rows {
    FILE *out;
    uint64_t bytes; /* written */
    struct html_count count;
    struct html_row *slow; /* a heap: the fastest of the slowest first */
    size_t slow_count;
    struct html_row *sample; /* in the order they came */
    size_t sample_count;
};

/* Rows go to `out`, separated by ",\n", as they stand in a JSON array; `out` remembers errors. False: memory is out. */
bool html_rows_init(struct html_rows *rows, FILE *out);
void html_rows_deinit(struct html_rows *rows);
void html_rows_add(struct html_rows *rows, const struct rf_result *result);
/* Writes the slowest and the sample; `count` is then final. */
void html_rows_finish(struct html_rows *rows);

/* One result as a JSON object, in malloc's memory; NULL: memory is out. No '<' is in it. check_html_row.c */
char *html_row_text(const struct rf_result *result, size_t *len);
/* Writes JSON whose '<' are replaced by \u003c: inside <script> neither an end tag nor a comment can then begin. */
void html_escape(FILE *out, const char *json, size_t len);
/* Writes text as a JSON string of at most about `max` bytes before escaping; what is cut ends in U+2026. */
void html_string(FILE *out, const char *text, size_t max);

#endif
