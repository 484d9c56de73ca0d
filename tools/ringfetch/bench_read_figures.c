/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read_figures.c: a side's members become the figures that the engine would have given. Texts stay in the JSON tree,
 * which lives as long. What is derived is not read: it comes from the same histograms again. Main thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_json.h"
#include "bench_read.h"

/* ---- counts --------------------------------------------------------------------------------------- */

static void read_status(struct bench_reader *reader, const json_t *object,
                        struct rf_load_figures *figures) {
    const json_t *status = read_object(reader, object, "status");
    void *at = json_object_iter((json_t *)(uintptr_t)status);
    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)status, at)) {
        const char *code = json_object_iter_key(at);
        size_t digits = strspn(code, "0123456789");
        unsigned long number =
            digits && digits <= 3 && !code[digits] ? strtoul(code, NULL, 10) : RF_STATUS_MAX;
        if (number >= RF_STATUS_MAX) {
            read_fail(reader, "\"%sstatus\" has a name that is no status", reader->in);
            return;
        }
        figures->status[number] = read_count(reader, status, code);
    }
}

/* A kind that this version doesn't know is in `errors` all the same. */
static void read_kinds(struct bench_reader *reader, const json_t *object,
                       struct rf_load_figures *figures) {
    const json_t *kinds = read_object(reader, object, "errors_by_kind");
    for (unsigned i = 1; kinds && i < RF_KINDS_MAX && rf_kind_name(i); i++)
        figures->errors_by_kind[i] = read_count(reader, kinds, rf_kind_name(i));
}

static void read_counts(struct bench_reader *reader, const json_t *object,
                        struct rf_load_figures *figures) {
    figures->requests = read_count(reader, object, "requests");
    figures->errors = read_count(reader, object, "errors");
    figures->seconds = read_number(reader, object, "duration_s", 0);
    figures->rps = read_number(reader, object, "rps", 0);
    figures->rps_scheduled = read_number(reader, object, "rps_scheduled", 0);
    figures->first_error = read_text(reader, object, "first_error");
    figures->outstanding_max = read_count(reader, object, "outstanding_max");
    const json_t *bytes = read_object(reader, object, "bytes");
    figures->received_bytes = read_count(reader, bytes, "received");
    figures->sent_bytes = read_count(reader, bytes, "sent");
    figures->body_bytes = read_count(reader, bytes, "body");
    const json_t *connections = read_object(reader, object, "connections");
    figures->connections = read_unsigned(reader, connections, "open");
    figures->connections_max = read_unsigned(reader, connections, "max");
    figures->connects = read_count(reader, connections, "connects");
    figures->tls_resumed = read_count(reader, connections, "resumed");
    const json_t *cpu = read_object(reader, object, "cpu");
    figures->cpu_user_s = read_number(reader, cpu, "user_s", 0);
    figures->cpu_system_s = read_number(reader, cpu, "system_s", 0);
}

static void read_server(struct bench_reader *reader, const json_t *object,
                        struct rf_load_figures *figures) {
    figures->url = read_text(reader, object, "url");
    figures->ip = read_text(reader, object, "ip");
    figures->server = read_text(reader, object, "server");
    const json_t *tls = read_object(reader, object, "tls");
    figures->tls_version = tls ? read_text(reader, tls, "version") : NULL;
    figures->tls_cipher = tls ? read_text(reader, tls, "cipher") : NULL;
}

static void read_histograms(struct bench_reader *reader, const json_t *object,
                            struct rf_load_figures *figures) {
    figures->latency = read_histogram(reader, object, "histogram");
    const json_t *others = read_object(reader, object, "histograms");
    figures->raw = read_histogram(reader, others, "raw");
    figures->slip = read_histogram(reader, others, "slip");
    figures->first_byte = read_histogram(reader, others, "first_byte");
    figures->connect = read_histogram(reader, others, "connect");
    figures->tls = read_histogram(reader, others, "tls");
}

/* ---- tables --------------------------------------------------------------------------------------- */

/* Room for an array's elements, 0 and NULL where there is none. */
static void *take_rows(struct bench_reader *reader, const json_t *array, size_t size,
                       size_t *count) {
    *count = json_array_size(array);
    void *rows = *count ? bench_memory_take(reader->memory, *count, size) : NULL;
    if (*count && !rows) {
        read_out_of_memory(reader);
        *count = 0;
    }
    return rows;
}

static uint64_t read_ns(struct bench_reader *reader, const json_t *object, const char *name) {
    double ns = read_number(reader, object, name, 0) * 1000;
    return ns > 0 && ns < 9e18 ? (uint64_t)llround(ns) : 0;
}

static void read_series(struct bench_reader *reader, const json_t *object,
                        struct rf_load_figures *figures) {
    const json_t *series = read_array(reader, object, "series");
    struct rf_load_second *second =
        take_rows(reader, series, sizeof *second, &figures->second_count);
    for (size_t i = 0; i < figures->second_count && !reader->failed; i++) {
        const json_t *row = read_element(reader, series, i, "series");
        second[i] =
            (struct rf_load_second){.start_s = read_number(reader, row, "start_s", 0),
                                    .length_s = read_number(reader, row, "length_s", 0),
                                    .requests = read_count(reader, row, "requests"),
                                    .errors = read_count(reader, row, "errors"),
                                    .bytes = read_count(reader, row, "bytes"),
                                    .connections = read_unsigned(reader, row, "connections"),
                                    .p50_ns = read_ns(reader, row, "p50_us"),
                                    .p90_ns = read_ns(reader, row, "p90_us"),
                                    .p99_ns = read_ns(reader, row, "p99_us"),
                                    .max_ns = read_ns(reader, row, "max_us")};
    }
    figures->second = second;
}

static void read_entries(struct bench_reader *reader, const json_t *object,
                         struct rf_load_figures *figures) {
    const json_t *entries = read_array(reader, object, "entries");
    struct rf_load_entry *entry = take_rows(reader, entries, sizeof *entry, &figures->entry_count);
    for (size_t i = 0; i < figures->entry_count && !reader->failed; i++) {
        const json_t *row = read_element(reader, entries, i, "entries");
        const char *name = read_text(reader, row, "name");
        entry[i] = (struct rf_load_entry){.name = name ? name : "",
                                          .weight = read_number(reader, row, "weight", 1),
                                          .requests = read_count(reader, row, "requests"),
                                          .errors = read_count(reader, row, "errors"),
                                          .bytes = read_count(reader, row, "bytes"),
                                          .latency = read_histogram(reader, row, "histogram")};
    }
    figures->entry = entry;
}

/* Columns are found by name: a later version may have more of them, or another order. `at` gets SIZE_MAX where one is missing. */
static void find_columns(struct bench_reader *reader, const json_t *blocks,
                         size_t at[BENCH_BLOCK_COLUMNS]) {
    const json_t *columns = read_array(reader, blocks, "columns");
    for (unsigned i = 0; i < BENCH_BLOCK_COLUMNS; i++) {
        at[i] = SIZE_MAX;
        for (size_t k = 0; k < json_array_size(columns); k++) {
            const char *name = json_string_value(json_array_get(columns, k));
            if (name && strcmp(name, bench_block_column(i)) == 0)
                at[i] = k;
        }
    }
}

/* NaN: null, or no such column; anything but a number is a fault. */
static double read_cell(struct bench_reader *reader, const json_t *row, size_t column) {
    const json_t *cell = column == SIZE_MAX ? NULL : json_array_get(row, column);
    if (!json_is_array(row) || (cell && !json_is_null(cell) && !json_is_number(cell)))
        read_fail(reader, "\"%sblocks.rows\" are not rows of numbers", reader->in);
    return json_is_number(cell) ? json_number_value(cell) : NAN;
}

static uint64_t count_of(double cell) {
    return cell > 0 && cell < 9e15 ? (uint64_t)cell : 0;
}

static void read_blocks(struct bench_reader *reader, const json_t *object,
                        struct rf_load_figures *figures) {
    const json_t *blocks = read_object(reader, object, "blocks");
    const json_t *rows = read_array(reader, blocks, "rows");
    struct rf_load_block *block = take_rows(reader, rows, sizeof *block, &figures->block_count);
    size_t at[BENCH_BLOCK_COLUMNS];
    find_columns(reader, blocks, at);
    for (size_t i = 0; i < figures->block_count && !reader->failed; i++) {
        const json_t *row = json_array_get(rows, i);
        double cell[BENCH_BLOCK_COLUMNS];
        for (unsigned k = 0; k < BENCH_BLOCK_COLUMNS; k++)
            cell[k] = read_cell(reader, row, at[k]);
        block[i] = (struct rf_load_block){.start_s = isnan(cell[0]) ? 0 : cell[0],
                                          .length_s = isnan(cell[1]) ? 0 : cell[1],
                                          .requests = count_of(cell[2]),
                                          .errors = count_of(cell[3]),
                                          .rps = cell[4],
                                          .mean_ns = cell[5],
                                          .p50_ns = cell[6],
                                          .p90_ns = cell[7],
                                          .p99_ns = cell[8],
                                          .error_share = cell[9]};
    }
    figures->block = block;
}

/* ---- a side --------------------------------------------------------------------------------------- */

static const char *const needed[] = {"requests", "errors", "duration_s", "rps", "url"};

struct rf_load_figures *read_figures(struct bench_reader *reader, const json_t *object,
                                     const char *in) {
    const char *before = reader->in;
    reader->in = in;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!json_object_get(object, needed[i]))
            read_fail(reader, "not a result of ringfetch bench: it has no \"%s%s\"", in, needed[i]);
    }
    struct rf_load_figures *figures =
        reader->failed ? NULL : bench_memory_take(reader->memory, 1, sizeof *figures);
    if (!figures) {
        read_out_of_memory(reader);
        return NULL;
    }
    read_server(reader, object, figures);
    read_counts(reader, object, figures);
    read_status(reader, object, figures);
    read_kinds(reader, object, figures);
    read_histograms(reader, object, figures);
    read_entries(reader, object, figures);
    read_series(reader, object, figures);
    read_blocks(reader, object, figures);
    reader->in = before;
    return reader->failed ? NULL : figures;
}
