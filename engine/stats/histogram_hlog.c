/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram_hlog.c: the .hlog file, HdrHistogram's log format 1.3: comments, a legend, and a line for
 * each interval, `[Tag=NAME,]start,length,max,histogram`. Lines come and go one by one, so a log of
 * any length needs no memory. Called when reports are written and read, in any thread.
 *
 * Rejected: spaces between fields, which the format's description allows and no tool writes.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/histogram_hdr.h"

enum { NUMBER_LENGTH_MAX = 40 };

/* ---- writing --------------------------------------------------------------------------------- */

char *hdr_log_begin(double start_s) {
    time_t seconds = (time_t)start_s;
    struct tm parts;
    char date[64] = "", *text = NULL;
    if (gmtime_r(&seconds, &parts))
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    int length = asprintf(&text,
                          "#[Histogram log format version 1.3]\n"
                          "#[StartTime: %.3f (seconds since epoch), %s]\n"
                          "#[BaseTime: %.3f (seconds since epoch)]\n"
                          "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                          "\"Interval_Compressed_Histogram\"\n",
                          start_s, date, start_s);
    return length < 0 ? NULL : text;
}

static bool fits_tag(char byte) {
    return byte != ',' && isgraph((unsigned char)byte);
}

/* `Tag=NAME,`, or nothing. NULL when memory is out. */
static char *tag_field(const char *tag) {
    char *text = NULL;
    if (!tag)
        return strdup("");
    if (asprintf(&text, "Tag=%s,", tag) < 0)
        return NULL;
    for (char *at = text + strlen("Tag="); at[1]; at++)
        if (!fits_tag(*at))
            *at = '_';
    return text;
}

char *hdr_log_line(const struct hdr_log_interval *interval, const struct histogram *histogram) {
    char *tag = tag_field(interval->tag), *encoded = hdr_encode(histogram), *line = NULL;
    int length = -1;
    if (tag && encoded)
        length = asprintf(&line, "%s%.3f,%.3f,%.3f,%s\n", tag, interval->start_s,
                          interval->length_s, (double)histogram->max / interval->max_unit, encoded);
    free(tag);
    free(encoded);
    return length < 0 ? NULL : line;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Digits and what belongs to a number, so that strtod's infinities and hexadecimals stay out. */
static bool read_number(const char *text, size_t length, double *number) {
    char copy[NUMBER_LENGTH_MAX + 1], *end;
    if (length == 0 || length > NUMBER_LENGTH_MAX)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strspn(copy, "0123456789.eE+-") != length)
        return false;
    *number = strtod(copy, &end);
    return *end == '\0' && isfinite(*number) && *number >= 0;
}

static bool starts_with(const char *text, size_t length, const char *start) {
    size_t wanted = strlen(start);
    return length >= wanted && memcmp(text, start, wanted) == 0;
}

static enum hdr_log_kind read_comment(const char *line, size_t length,
                                      struct hdr_log_record *record) {
    static const struct {
        const char *start;
        enum hdr_log_kind kind;
    } times[] = {{"#[StartTime: ", HDR_LOG_START}, {"#[BaseTime: ", HDR_LOG_BASE}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        size_t from = strlen(times[i].start);
        if (!starts_with(line, length, times[i].start))
            continue;
        size_t end = from;
        while (end < length && line[end] != ' ' && line[end] != ']')
            end++;
        return read_number(line + from, end - from, &record->time_s) ? times[i].kind : HDR_LOG_BAD;
    }
    return HDR_LOG_OTHER;
}

/* A field's length, and the line moved on behind its comma. */
static size_t next_field(const char **at, const char *end) {
    const char *start = *at, *comma = memchr(start, ',', (size_t)(end - start));
    *at = comma ? comma + 1 : end;
    return (size_t)((comma ? comma : end) - start);
}

static enum hdr_log_kind read_interval(const char *line, size_t length,
                                       struct hdr_log_record *record) {
    const char *at = line, *end = line + length;
    double *const number[] = {&record->time_s, &record->length_s, &record->max};
    if (starts_with(line, length, "Tag=")) {
        record->tag = line + strlen("Tag=");
        record->tag_length = next_field(&at, end) - strlen("Tag=");
    }
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        const char *field = at;
        if (!read_number(field, next_field(&at, end), number[i]))
            return HDR_LOG_BAD;
    }
    record->text = at;
    record->text_length = (size_t)(end - at);
    return record->text_length > 0 ? HDR_LOG_INTERVAL : HDR_LOG_BAD;
}

enum hdr_log_kind hdr_log_read(const char *line, size_t length, struct hdr_log_record *record) {
    *record = (struct hdr_log_record){0};
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    if (length == 0 || line[0] == '"')
        return HDR_LOG_OTHER;
    if (line[0] == '#')
        return read_comment(line, length, record);
    return read_interval(line, length, record);
}
