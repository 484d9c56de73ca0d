/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_rows.c: see check_html_rows.h. The sample takes every stride-th of the well results; when it is full, every second of
 * it goes and the stride doubles, so that it is spread evenly over the run at any time. Reservoir sampling, which is as even
 * on average only and differs from run to run, was rejected.
 */
#include "check_html_rows.h"

#include <stdlib.h>
#include <string.h>

bool html_rows_init(struct html_rows *rows, FILE *out) {
    *rows = (struct html_rows){.out = out, .count.stride = 1};
    rows->slow = calloc(HTML_SLOWEST_MAX, sizeof *rows->slow);
    rows->sample = calloc(HTML_SAMPLE_MAX, sizeof *rows->sample);
    return rows->slow && rows->sample;
}

void html_rows_deinit(struct html_rows *rows) {
    for (size_t i = 0; i < rows->slow_count; i++) {
        free(rows->slow[i].text);
    }
    for (size_t i = 0; i < rows->sample_count; i++) {
        free(rows->sample[i].text);
    }
    free(rows->slow);
    free(rows->sample);
    *rows = (struct html_rows){0};
}

/* False: there is no room left for it. */
static bool write_row(struct html_rows *rows, const char *text, size_t len, uint64_t bytes_max) {
    size_t escaped = len + sizeof ",\n" - 1;
    for (const char *at = text; (at = memchr(at, '<', len - (size_t)(at - text))); at++) {
        escaped += sizeof "\\u003c" - 2;
    }
    if (rows->bytes + escaped > bytes_max) {
        return false;
    }
    fputs(rows->bytes ? ",\n" : "", rows->out);
    html_escape(rows->out, text, len);
    rows->bytes += escaped;
    return true;
}

/* ---- what is not well, or changed ------------------------------------------------------------- */

static void add_notable(struct html_rows *rows, const struct rf_result *result) {
    bool news = result->change && strcmp(result->change, "still") != 0;
    uint64_t room = news ? HTML_NEW_BYTES_MAX : HTML_OLD_BYTES_MAX;
    rows->count.notable++;
    if (rows->count.notable_written >= HTML_NOTABLE_MAX || rows->bytes >= room) {
        return;
    }
    size_t len;
    char *text = html_row_text(result, &len);
    if (text && write_row(rows, text, len, room)) {
        rows->count.notable_written++;
    }
    free(text);
}

/* ---- the slowest ------------------------------------------------------------------------------ */

static void sift_down(struct html_row *heap, size_t count, size_t at) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].ms < heap[child].ms) {
            child++;
        }
        if (heap[at].ms <= heap[child].ms) {
            return;
        }
        struct html_row swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
    }
}

static void sift_up(struct html_row *heap, size_t at) {
    for (size_t parent; at > 0 && heap[parent = (at - 1) / 2].ms > heap[at].ms; at = parent) {
        struct html_row swapped = heap[at];
        heap[at] = heap[parent];
        heap[parent] = swapped;
    }
}

static void keep_slow(struct html_rows *rows, const struct rf_result *result, uint64_t serial) {
    bool full = rows->slow_count == HTML_SLOWEST_MAX;
    if (result->ms.total < 0 || result->skipped || (full && result->ms.total <= rows->slow[0].ms)) {
        return;
    }
    struct html_row row = {.serial = serial, .ms = result->ms.total};
    row.text = html_row_text(result, &row.len);
    if (!row.text) {
        return;
    }
    if (full) {
        free(rows->slow[0].text);
        rows->slow[0] = row;
        sift_down(rows->slow, rows->slow_count, 0);
    } else {
        rows->slow[rows->slow_count] = row;
        sift_up(rows->slow, rows->slow_count++);
    }
}

/* ---- the sample ------------------------------------------------------------------------------- */

static void halve_sample(struct html_rows *rows) {
    size_t kept = 0;
    rows->count.stride *= 2;
    for (size_t i = 0; i < rows->sample_count; i++) {
        if (rows->sample[i].serial % rows->count.stride == 0) {
            rows->sample[kept++] = rows->sample[i];
        } else {
            free(rows->sample[i].text);
        }
    }
    rows->sample_count = kept;
}

static void keep_sample(struct html_rows *rows, const struct rf_result *result, uint64_t serial) {
    if (serial % rows->count.stride != 0) {
        return;
    }
    if (rows->sample_count == HTML_SAMPLE_MAX) {
        halve_sample(rows);
        if (serial % rows->count.stride != 0) {
            return;
        }
    }
    struct html_row row = {.serial = serial, .ms = result->ms.total};
    row.text = html_row_text(result, &row.len);
    if (row.text) {
        rows->sample[rows->sample_count++] = row;
    }
}

/* ---- both --------------------------------------------------------------------------------------- */

void html_rows_add(struct html_rows *rows, const struct rf_result *result) {
    bool well = result->verdict == RF_VERDICT_OK || result->verdict == RF_VERDICT_SKIPPED ||
                (result->verdict == RF_VERDICT_NONE && result->ok);
    if (!well || result->change) {
        add_notable(rows, result);
        return;
    }
    uint64_t serial = rows->count.well++;
    keep_slow(rows, result, serial);
    keep_sample(rows, result, serial);
}

static int by_serial(const void *a, const void *b) {
    const struct html_row *one = a, *other = b;
    return one->serial < other->serial ? -1 : one->serial > other->serial;
}

void html_rows_finish(struct html_rows *rows) {
    qsort(rows->slow, rows->slow_count, sizeof *rows->slow, by_serial);
    for (size_t i = 0; i < rows->slow_count; i++) {
        if (write_row(rows, rows->slow[i].text, rows->slow[i].len, HTML_BYTES_MAX)) {
            rows->count.slowest++;
            rows->count.well_written++;
        }
    }
    for (size_t i = 0; i < rows->sample_count; i++) {
        const struct html_row *row = &rows->sample[i];
        bool slow = bsearch(row, rows->slow, rows->slow_count, sizeof *rows->slow, by_serial);
        if (!slow && write_row(rows, row->text, row->len, HTML_BYTES_MAX)) {
            rows->count.well_written++;
        }
    }
}
