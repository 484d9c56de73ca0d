/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_csv.c: a state machine over the bytes of a row, which keeps its place from line to line: a field of many lines costs
 * linear time. Only the wanted field is kept, in memory of its own that a row's limit bounds. Owned by its source, on the input's
 * thread. Rejected: splitting a row into an array of fields, all but one of which would be made for nothing.
 */
#include "input/input_csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "input/input_line.h"

enum { FIELD_BYTES_FIRST = 256, COLUMN_DIGITS_MAX = 6 };

/* A column's number from 1; 0: the text is a name. */
static uint32_t column_number(const char *text) {
    size_t digits = strspn(text, "0123456789");
    bool fits = digits && !text[digits] && digits <= COLUMN_DIGITS_MAX;
    return fits ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

void csv_init(struct csv *csv, const char *column) {
    uint32_t number = column_number(column);
    *csv = (struct csv){
        .name = number ? NULL : column, .wanted = number ? number - 1 : 0, .in_header = true};
}

void csv_deinit(struct csv *csv) {
    free(csv->field);
    *csv = (struct csv){0};
}

static char guess_delimiter(struct span line) {
    static const char delimiters[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        const char *found = line.at[i] ? strchr(delimiters, line.at[i]) : NULL;
        is_quoted ^= line.at[i] == '"';
        if (found && !is_quoted)
            counts[found - delimiters]++;
    }
    for (size_t i = 1; i < 3; i++)
        if (counts[i] > counts[best])
            best = i;
    return delimiters[best];
}

/* ---- one row ------------------------------------------------------------------------------------- */

/* False: no memory. */
static bool keep(struct csv *csv, struct span bytes) {
    if (csv->field_bytes + bytes.len > csv->field_room) {
        size_t room = csv->field_room ? csv->field_room : FIELD_BYTES_FIRST;
        while (room < csv->field_bytes + bytes.len)
            room *= 2;
        uint8_t *field = realloc(csv->field, room);
        if (!field)
            return false;
        csv->field = field;
        csv->field_room = room;
    }
    if (bytes.len)
        memcpy(csv->field + csv->field_bytes, bytes.at, bytes.len);
    csv->field_bytes += bytes.len;
    return true;
}

static struct span trimmed_field(const struct csv *csv) {
    struct span field = span_of(csv->field, csv->field_bytes);
    while (field.len && field.at[0] <= ' ')
        field = span_skip(field, 1);
    while (field.len && field.at[field.len - 1] <= ' ')
        field.len--;
    return field;
}

/* While the header is read every field is looked at, else only the wanted one. */
static bool is_wanted(const struct csv *csv) {
    return csv->in_header && csv->name ? !csv->has_field : csv->index == csv->wanted;
}

static void end_field(struct csv *csv) {
    struct span field = trimmed_field(csv);
    if (csv->in_header && csv->name) {
        if (!csv->has_field && span_is_nocase(field, csv->name)) {
            csv->wanted = csv->index;
            csv->has_field = true;
        }
    } else if (csv->index == csv->wanted) {
        csv->has_field = true;
    }
}

static void begin_field(struct csv *csv, uint64_t number, size_t at) {
    if (!is_wanted(csv))
        return;
    csv->field_bytes = 0;
    csv->field_line = number;
    csv->field_column = (uint32_t)at + 1;
}

/* From within quotes to behind the closing one, or to the line's end. */
static bool take_quoted(struct csv *csv, struct span line, size_t *at) {
    while (*at < line.len) {
        const uint8_t *quote = memchr(line.at + *at, '"', line.len - *at);
        size_t end = quote ? (size_t)(quote - line.at) : line.len;
        bool is_doubled = quote && end + 1 < line.len && line.at[end + 1] == '"';
        struct span piece = span_of(line.at + *at, end - *at + is_doubled);
        if (is_wanted(csv) && !keep(csv, piece))
            return false;
        *at = end + (quote ? 1 : 0) + is_doubled;
        if (quote && !is_doubled) {
            csv->is_quoted = false;
            return true;
        }
    }
    return !is_wanted(csv) || keep(csv, span_text("\n"));
}

static size_t find(struct span line, size_t at, char byte) {
    const uint8_t *found = at < line.len ? memchr(line.at + at, byte, line.len - at) : NULL;
    return found ? (size_t)(found - line.at) : line.len;
}

/* False: no memory. On return is_quoted tells whether the row goes on. */
static bool scan(struct csv *csv, struct span line, uint64_t number) {
    for (size_t at = 0;; at++) {
        if (!csv->is_quoted) {
            begin_field(csv, number, at);
            csv->is_quoted = at < line.len && line.at[at] == '"';
            at += csv->is_quoted;
        }
        bool was_quoted = csv->is_quoted;
        if (was_quoted && !take_quoted(csv, line, &at))
            return false;
        if (csv->is_quoted)
            return true;
        size_t end = find(line, at, csv->delimiter);
        struct span plain = span_of(line.at + at, end - at);
        csv->is_bad |= was_quoted && plain.len;
        if (!was_quoted && is_wanted(csv) && !keep(csv, plain))
            return false;
        end_field(csv);
        if (end == line.len)
            return true;
        csv->index++;
        at = end;
    }
}

static void begin_row(struct csv *csv, uint64_t number) {
    csv->index = 0;
    csv->row_line = number;
    csv->row_bytes = 0;
    csv->has_field = csv->is_bad = csv->is_quoted = false;
    csv->field_bytes = 0;
}

/* ---- what a row says ----------------------------------------------------------------------------- */

static void fail_row(struct csv *csv, struct input_record *record, enum err_kind kind,
                     const char *why, struct span shown) {
    record->line = csv->row_line;
    line_fail(record, kind, why, shown);
}

/* A first row whose field can't be a URL is taken for names. */
static bool is_header(const struct csv *csv, struct span field) {
    return csv->in_header &&
           (csv->name || !field.len ||
            (!memchr(field.at, '.', field.len) && !memchr(field.at, ':', field.len) &&
             !memchr(field.at, '/', field.len)));
}

static void fail_header(struct csv *csv, struct span line, struct input_record *record) {
    snprintf(csv->why, sizeof csv->why, "the first row has no column \"%.*s\"",
             input_shown_len(csv->name, 64), csv->name);
    input_one_line(csv->why, sizeof csv->why);
    fail_row(csv, record, ERR_BAD_LINE, csv->why, line);
}

static enum csv_step finish_row(struct csv *csv, struct span line, struct input_record *record) {
    bool was_first = csv->in_header;
    if (csv->is_bad) {
        fail_row(csv, record, ERR_BAD_LINE, "text behind a field's closing quote", line);
        return was_first && csv->name ? CSV_NO_COLUMN : CSV_RECORD;
    }
    if (!csv->has_field && was_first && csv->name) {
        fail_header(csv, line, record);
        return CSV_NO_COLUMN;
    }
    if (!csv->has_field) {
        fail_row(csv, record, ERR_BAD_LINE, "the row is too short to have the column", line);
        csv->in_header = false;
        return CSV_RECORD;
    }
    struct span field = trimmed_field(csv);
    bool is_silent = is_header(csv, field) || !field.len;
    csv->in_header = false;
    if (is_silent)
        return CSV_SILENT;
    record->line = csv->field_line;
    record->column = csv->field_column;
    if (memchr(field.at, 0, field.len))
        line_fail(record, ERR_BAD_LINE, "a NUL byte in the field; is the file text in UTF-8?",
                  field);
    record->url = field;
    return CSV_RECORD;
}

static enum csv_step endless(struct csv *csv, struct span line, struct input_record *record) {
    fail_row(csv, record, ERR_BAD_LINE, "a field's quotes are not closed", line);
    enum csv_step step = csv->in_header && csv->name ? CSV_NO_COLUMN : CSV_RECORD;
    csv->is_quoted = false;
    return step;
}

enum csv_step csv_feed(struct csv *csv, struct span line, uint64_t number,
                       struct input_record *record) {
    *record = (struct input_record){.line = number, .size = -1};
    if (!csv->is_quoted) {
        if (line_is_blank(line))
            return CSV_SILENT;
        if (!csv->delimiter)
            csv->delimiter = guess_delimiter(line);
        begin_row(csv, number);
    }
    csv->row_bytes += line.len + 1;
    if (csv->row_bytes > INPUT_LINE_BYTES_MAX)
        return endless(csv, line, record);
    if (!scan(csv, line, number)) {
        line_fail(record, ERR_MEMORY, "out of memory", line);
        return CSV_RECORD;
    }
    return csv->is_quoted ? CSV_SILENT : finish_row(csv, line, record);
}

bool csv_end(struct csv *csv, struct input_record *record) {
    if (!csv->is_quoted)
        return false;
    *record = (struct input_record){.size = -1};
    endless(csv, span_of(csv->field, csv->field_bytes), record);
    if (!record->url.at)
        record->url = span_text("");
    return true;
}

bool csv_makes_record(const struct csv *csv, struct span line) {
    if (csv->is_quoted || csv->in_header || line_is_blank(line) ||
        (line.len && memchr(line.at, '"', line.len)))
        return false;
    size_t at = 0;
    for (uint32_t i = 0; i < csv->wanted; i++) {
        at = find(line, at, csv->delimiter);
        if (at == line.len)
            return true;
        at++;
    }
    size_t end = find(line, at, csv->delimiter);
    return end > at && !line_is_blank(span_of(line.at + at, end - at));
}

const char *csv_guess_column(struct span header) {
    static const char *const names[] = {"url", "link", "href", "address"};
    const uint8_t *feed = header.len ? memchr(header.at, '\n', header.len) : NULL;
    struct span line = span_of(header.at, feed ? (size_t)(feed - header.at) : header.len);
    if (line.len >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0)
        line = span_skip(line, 3);
    if (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    const char *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
        struct csv csv;
        struct input_record record;
        csv_init(&csv, names[i]);
        if (line.len && csv_feed(&csv, line, 1, &record) == CSV_SILENT && csv.has_field)
            found = names[i];
        csv_deinit(&csv);
    }
    return found;
}
