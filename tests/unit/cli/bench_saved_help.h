/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_saved_help.h: runs made by hand, with every member set, for tests of what saves, reads and merges them. Histograms are real
 * ones; nothing is random.
 */
#ifndef TESTS_BENCH_SAVED_HELP_H
#define TESTS_BENCH_SAVED_HELP_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/bench.h"
#include "fake_engine.h"
#include "fake_load.h"

#define HOUR_NS UINT64_C(3600000000000)
enum { MADE_SECONDS = 3, MADE_BLOCKS = 7, MADE_ENTRIES = 2, MADE_HISTOGRAMS = 6 + MADE_ENTRIES };

/* A side and what it points at. */
struct made_side {
    struct rf_load_figures figures;
    struct rf_load_second second[MADE_SECONDS];
    struct rf_load_block block[MADE_BLOCKS];
    struct rf_load_entry entry[MADE_ENTRIES];
    struct rf_histogram *histogram[MADE_HISTOGRAMS];
};

/* `count` values around `typical`, with a tail; another `seed` gives others. */
static inline struct rf_histogram *make_histogram(uint64_t typical, unsigned count, uint64_t seed) {
    struct rf_histogram *made = rf_histogram_new(HOUR_NS);
    uint64_t state = seed * 2 + 1;
    for (unsigned i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t part = state >> 40;
        uint64_t value = typical + typical * part / (UINT64_C(1) << 25);
        rf_histogram_record(made, i % 100 == 99 ? value * 30 + part : value);
    }
    return made;
}

static inline void make_tables(struct made_side *side, uint64_t seed) {
    for (unsigned i = 0; i < MADE_SECONDS; i++) {
        side->second[i] = (struct rf_load_second){
            i, 1, 100 + i + seed, i, 12345 + i, 50, 1000001, 2000002, 3000003, 9000009 + i};
    }
    for (unsigned i = 0; i < MADE_BLOCKS; i++) {
        side->block[i] = (struct rf_load_block){.start_s = i * 0.1,
                                                .length_s = 0.1,
                                                .requests = 10 + i,
                                                .errors = i,
                                                .rps = 100.1 / 3 + i,
                                                .mean_ns = 1234.5 * i,
                                                .p50_ns = i == 3 ? NAN : 1e6 / 7,
                                                .p90_ns = 2e6,
                                                .p99_ns = 3e6,
                                                .error_share = i / 10.0};
    }
    for (unsigned i = 0; i < MADE_ENTRIES; i++) {
        side->entry[i] = (struct rf_load_entry){.name = i ? "GET /two" : "GET /\"one\"\n",
                                                .weight = i + 0.5,
                                                .requests = 500,
                                                .errors = 3,
                                                .bytes = 77777,
                                                .latency = side->histogram[6 + i]};
    }
}

static inline void make_counts(struct rf_load_figures *figures, uint64_t seed) {
    *figures = (struct rf_load_figures){.seconds = 3,
                                        .requests = 1000 + seed,
                                        .errors = 6,
                                        .rps = (1000 + (double)seed) / 3,
                                        .rps_scheduled = 333.25,
                                        .received_bytes = 1000000,
                                        .sent_bytes = 50000,
                                        .body_bytes = 900000,
                                        .first_error = "the connection was \"reset\"",
                                        .connects = 60,
                                        .tls_resumed = 20,
                                        .connections = 50,
                                        .connections_max = 55,
                                        .outstanding_max = 123,
                                        .cpu_user_s = 0.1,
                                        .cpu_system_s = 0.25,
                                        .url = "https://127.0.0.1:8443/x?y=1",
                                        .ip = "127.0.0.1",
                                        .server = "nginx/1.22",
                                        .tls_version = "1.3",
                                        .tls_cipher = "TLS_AES_128_GCM_SHA256"};
    figures->status[200] = 990 + seed;
    figures->status[404] = 4;
    figures->status[999] = 1;
    figures->errors_by_kind[1] = 2;
    figures->errors_by_kind[3] = 4;
}

static inline void make_side(struct made_side *side, uint64_t seed) {
    *side = (struct made_side){0};
    for (unsigned i = 0; i < MADE_HISTOGRAMS; i++)
        side->histogram[i] = make_histogram(5000 * (i + 1), 1000 + i, seed + i);
    make_counts(&side->figures, seed);
    make_tables(side, seed);
    struct rf_load_figures *figures = &side->figures;
    figures->latency = side->histogram[0];
    figures->raw = side->histogram[1];
    figures->slip = side->histogram[2];
    figures->first_byte = side->histogram[3];
    figures->connect = side->histogram[4];
    figures->tls = side->histogram[5];
    figures->second = side->second;
    figures->second_count = MADE_SECONDS;
    figures->block = side->block;
    figures->block_count = MADE_BLOCKS;
    figures->entry = side->entry;
    figures->entry_count = MADE_ENTRIES;
}

static inline void drop_side(struct made_side *side) {
    for (unsigned i = 0; i < MADE_HISTOGRAMS; i++)
        rf_histogram_free(side->histogram[i]);
}

static inline char *literal(const char *text) {
    return (char *)(uintptr_t)text;
}

static inline struct rf_comparison make_comparison(void) {
    struct rf_comparison comparison = {.verdict = RF_CHANGE_REGRESSED, .reason = "for \"tests\""};
    for (unsigned i = 0; i < RF_METRICS; i++) {
        comparison.metric[i].judged = i % 2;
        comparison.metric[i].a = 1000.5 + i;
        comparison.metric[i].b = 1100.25 + i;
        comparison.metric[i].change = 1.1;
        comparison.metric[i].low = i == 2 ? -INFINITY : 1.05;
        comparison.metric[i].high = i == 2 ? INFINITY : 1.15;
        comparison.metric[i].verdict = (enum rf_change)(i % 4);
        comparison.metric[i].samples = 100 + i;
    }
    return comparison;
}

/* Texts are literals: nothing to deinit. `b` may be NULL. */
static inline struct bench_run make_run(const struct made_side *a, const struct made_side *b) {
    return (struct bench_run){
        .side = {&a->figures, b ? &b->figures : NULL},
        .machine = {.limits = RF_LIMIT_CPU | RF_LIMIT_MEMORY,
                    .worker_cpu = 0.96,
                    .process_cpu = 0.5,
                    .machine_cpu = 0.75,
                    .threads = 2},
        .fingerprint = {.system = literal("Linux 6.1.0 x86_64"),
                        .cpu = literal("Some CPU @ 3 GHz"),
                        .cores = 4,
                        .tls = literal("1.3 TLS_AES_128_GCM_SHA256"),
                        .version = literal("0.1.0"),
                        .options = literal("connections=50 pipeline=1"),
                        .url = literal("https://127.0.0.1:8443/x"),
                        .host = literal("box")},
        .confidence = 0.99,
        .min_effect = 0.05,
        .runs = 1,
        .exit = 5,
        .started_us = INT64_C(1767323045678901),
    };
}

/* Writes it into a fresh file and returns that file's name; unlink and free it. */
static inline char *save_text(const char *text, size_t count) {
    char *path = strdup("/tmp/ringfetch-bench-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, count), count);
    close(fd);
    return path;
}

static inline char *write_run(const struct bench_run *run) {
    char *text = NULL;
    size_t count = 0;
    FILE *file = open_memstream(&text, &count);
    assert_true(bench_json_write(file, run));
    fclose(file);
    return text;
}

static inline char *save_run(const struct bench_run *run) {
    char *text = write_run(run);
    char *path = save_text(text, strlen(text));
    free(text);
    return path;
}

static inline void forget(char *path) {
    unlink(path);
    free(path);
}

static inline void assert_same_histogram(const struct rf_histogram *a,
                                         const struct rf_histogram *b) {
    struct rf_bucket one, other;
    uint32_t at = 0, other_at = 0;
    assert_int_equal(!a, !b);
    if (!a)
        return;
    assert_int_equal(rf_histogram_highest(a), rf_histogram_highest(b));
    while (rf_histogram_next(a, &at, &one)) {
        assert_true(rf_histogram_next(b, &other_at, &other));
        assert_memory_equal(&one, &other, sizeof one);
    }
    assert_false(rf_histogram_next(b, &other_at, &other));
    assert_int_equal(rf_histogram_min(a), rf_histogram_min(b));
    assert_int_equal(rf_histogram_max(a), rf_histogram_max(b));
    assert_true(rf_histogram_mean(a) == rf_histogram_mean(b)); /* exactly */
}

#endif
