/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram_hdr.h: histograms in the words of other HdrHistogram tools: the V2 compressed encoding in
 * base64 (it begins with HISTFAAA), and the lines of a .hlog file, log format 1.3. Lossless for
 * counts; the exact least and largest value and the exact sums are not in the format, so a decoded
 * histogram has them to a thousandth. What is read may be anybody's: nothing in it is believed before
 * it is checked, and memory is bounded whatever it says. One thread at a time.
 */
#ifndef STATS_HISTOGRAM_HDR_H
#define STATS_HISTOGRAM_HDR_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/histogram.h"

enum hdr_result {
    HDR_OK,
    HDR_BAD,         /* damaged, or nothing of the kind */
    HDR_UNSUPPORTED, /* sound perhaps, but of another layout: digits other than 3, a lowest value other
                        than 1, shifted, of fractions, or an older encoding */
    HDR_NO_MEMORY,
};

/* The caller frees the text; NULL when memory is out. Counts above 2^63 - 1, and a highest value above
 * that, are written as that, since the format has signed numbers. */
char *hdr_encode(const struct histogram *histogram);
/* With HDR_OK alone `histogram` is initialised, and the caller's to deinit. */
enum hdr_result hdr_decode(const char *text, size_t length, struct histogram *histogram);

/* The lines that open a log; `start_s` is seconds since 1970, from which the intervals count. The
 * caller frees it; NULL when memory is out. */
char *hdr_log_begin(double start_s);

struct hdr_log_interval {
    const char *tag; /* NULL: none */
    double start_s;  /* after the log's start */
    double length_s;
    double max_unit; /* how many of the histogram's units make one in which the largest value is
                        given: 1000 where microseconds are to be read as milliseconds */
};
/* A line with its newline. What a tag must not hold (comma, space, control characters) becomes `_`. */
char *hdr_log_line(const struct hdr_log_interval *interval, const struct histogram *histogram);

enum hdr_log_kind {
    HDR_LOG_INTERVAL,
    HDR_LOG_START, /* `time_s` has the log's StartTime */
    HDR_LOG_BASE,  /* BaseTime */
    HDR_LOG_OTHER, /* a comment, a legend, an empty line */
    HDR_LOG_BAD,
};
struct hdr_log_record {
    double time_s;          /* of a start or base line; of an interval its start */
    double length_s, max;   /* an interval's, `max` as written */
    const char *tag, *text; /* within the line; text is for hdr_decode */
    size_t tag_length, text_length;
};
/* One line, with or without its end. */
enum hdr_log_kind hdr_log_read(const char *line, size_t length, struct hdr_log_record *record);

#endif
