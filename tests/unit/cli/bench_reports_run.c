/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_reports_run.c: see bench_reports_run.h.
 */
#include "bench_reports_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS UINT64_C(3600000000000)

enum { HISTOGRAMS_MAX = 32, BLOCKS = 4, ENTRIES = 3 };

struct reports_run sample;
static struct rf_histogram *made[HISTOGRAMS_MAX];
static unsigned made_count;
static struct rf_load_block blocks[RF_SIDES][BLOCKS];
static struct rf_load_entry entries[ENTRIES];

static struct rf_histogram *histogram(void) {
    assert_true(made_count < HISTOGRAMS_MAX);
    made[made_count] = rf_histogram_new(HOUR_NS);
    assert_non_null(made[made_count]);
    return made[made_count++];
}

/* 200 values from `low_us` on in steps of a hundredth of it, each `times` times. */
static struct rf_histogram *spread(unsigned low_us, unsigned times) {
    struct rf_histogram *filled = histogram();
    for (uint64_t i = 0; i < 200 * times; i++) {
        rf_histogram_record(filled, (uint64_t)low_us * 10 * (100 + i / times));
    }
    return filled;
}

static void fill_blocks(enum rf_side side, double scale) {
    static const double off[BLOCKS] = {-1, 0, 1, 0};
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[side][i] = (struct rf_load_block){.start_s = 0.1 * i,
                                                 .length_s = 0.1,
                                                 .requests = 100,
                                                 .rps = (1000 + 10 * off[i]) / scale,
                                                 .mean_ns = (2e6 + 1e5 * off[i]) * scale,
                                                 .p50_ns = (2e6 + 1e5 * off[i]) * scale,
                                                 .p90_ns = (3e6 + 1e5 * off[i]) * scale,
                                                 .p99_ns = NAN};
    }
    sample.side[side].block = blocks[side];
    sample.side[side].block_count = BLOCKS;
}

static void fill_side(enum rf_side side, unsigned low_us) {
    sample.side[side] = (struct rf_load_figures){
        .seconds = 10,
        .requests = 10000,
        .rps = 1e6 / low_us,
        .received_bytes = 3000000,
        .sent_bytes = 900000,
        .latency = spread(low_us, 50),
        .first_byte = spread(low_us / 2, 50),
        .connect = spread(100, 1),
        .connects = 53,
        .connections = 50,
        .connections_max = 50,
        .cpu_user_s = 0.02,
        .cpu_system_s = 0.01,
        .url = side == RF_SIDE_A ? "http://me:secret@127.0.0.1:8080/items?key=secret"
                                 : "http://127.0.0.1:8081/items",
        .server = "nginx/1.22.1",
        .ip = "127.0.0.1",
    };
    sample.side[side].status[200] = 10000;
    fill_blocks(side, low_us / 1000.0);
    sample.run.side[side] = &sample.side[side];
}

void sample_one(void) {
    sample_free();
    sample.run = (struct bench_run){
        .machine = {.worker_cpu = 0.34, .process_cpu = 0.17, .machine_cpu = 0.63, .threads = 1},
        .fingerprint = {.system = "Linux 6.1.0 x86_64",
                        .cpu = "A <fast> CPU",
                        .cores = 2,
                        .tls = "",
                        .version = "0.1.0",
                        .options = "connections=50 pipeline=1",
                        .url = "http://127.0.0.1:8080/items",
                        .host = "runner"},
        .confidence = 0.99,
        .min_effect = 0.05,
        .runs = 1,
        .started_us = 1700000000000000,
    };
    fill_side(RF_SIDE_A, 1000);
}

void sample_two(void) {
    static const double factor[RF_METRICS] = {1 / 1.1, 1.1, 1.1, 1.1, 1.02, 0};
    static const double value[RF_METRICS] = {1000, 2e6, 2e6, 2.8e6, 2.98e6, 0};
    static const enum rf_change verdict[RF_METRICS] = {RF_CHANGE_REGRESSED, RF_CHANGE_REGRESSED,
                                                       RF_CHANGE_IMPROVED,  RF_CHANGE_SAME,
                                                       RF_CHANGE_REGRESSED, RF_CHANGE_INCONCLUSIVE};
    sample_one();
    fill_side(RF_SIDE_B, 1100);
    sample.comparison = (struct rf_comparison){.verdict = RF_CHANGE_REGRESSED};
    for (unsigned i = 0; i < RF_METRICS; i++) {
        bool errors = i == RF_METRIC_ERRORS;
        sample.comparison.metric[i].judged = i != RF_METRIC_P99;
        sample.comparison.metric[i].a = value[i];
        sample.comparison.metric[i].b = errors ? 0.0012 : value[i] * factor[i];
        sample.comparison.metric[i].change = errors ? 0.0012 : factor[i];
        sample.comparison.metric[i].low = errors ? -INFINITY : factor[i] - 0.012;
        sample.comparison.metric[i].high = errors ? 0.0045 : factor[i] + 0.012;
        sample.comparison.metric[i].verdict = verdict[i];
        sample.comparison.metric[i].samples = 40;
    }
    sample.run.comparison = &sample.comparison;
    sample.run.exit = 5;
}

void sample_open_loop(void) {
    sample.side[RF_SIDE_A].rps_scheduled = 1000;
    sample.side[RF_SIDE_A].rps = 998.4;
    sample.side[RF_SIDE_A].raw = spread(800, 50);
    sample.side[RF_SIDE_A].slip = spread(1, 50);
    sample.side[RF_SIDE_A].outstanding_max = 312;
}

void sample_entries(void) {
    static const char *const names[ENTRIES] = {"GET http://127.0.0.1:8080/a?x=1",
                                               "GET http://127.0.0.1:9090/a?x=2",
                                               "`evil` | <b>\"name\"\033[31m"};
    for (unsigned i = 0; i < ENTRIES; i++) {
        entries[i] = (struct rf_load_entry){.name = names[i],
                                            .weight = 1,
                                            .requests = 1000 * (i + 1),
                                            .errors = i,
                                            .latency = i == 2 ? NULL : spread(1000, 1 + i)};
    }
    sample.side[RF_SIDE_A].entry = entries;
    sample.side[RF_SIDE_A].entry_count = ENTRIES;
}

void sample_nothing(bool empty) {
    sample_one();
    sample.side[RF_SIDE_A] =
        (struct rf_load_figures){.seconds = 10,
                                 .requests = 12345,
                                 .errors = 12345,
                                 .rps = 1234.5,
                                 .latency = empty ? histogram() : NULL,
                                 .connect = empty ? histogram() : NULL,
                                 .first_error = "connect: refused <&> \033[31m",
                                 .url = "http://127.0.0.1:1/"};
    sample.side[RF_SIDE_A].errors_by_kind[1] = 12345;
    sample.run.exit = 1;
}

void sample_thresholds(void) {
    sample.threshold[0] = (struct bench_threshold){
        .text = "p99>20ms", .known = true, .shown = "p99 is 2.97 ms, allowed is 20 ms"};
    sample.threshold[1] =
        (struct bench_threshold){.text = "rps<2000",
                                 .known = true,
                                 .failed = true,
                                 .shown = "rps is 1,000/s, at least 2,000/s is wanted"};
    sample.threshold[2] = (struct bench_threshold){.text = "p50>+5%"};
    sample.run.threshold = sample.threshold;
    sample.run.threshold_count = 3;
    sample.run.exit = 5;
}

void sample_free(void) {
    while (made_count) {
        rf_histogram_free(made[--made_count]);
    }
    memset(&sample, 0, sizeof sample);
}

static char text[1 << 18];

static const char *read_back(FILE *file) {
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

const char *sample_text(bool (*write)(FILE *file, const struct bench_run *run)) {
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(write(file, &sample.run));
    return read_back(file);
}

const char *sample_summary(unsigned width, bool colour) {
    FILE *file = tmpfile();
    assert_non_null(file);
    bench_summary_write(file, &sample.run, width, colour);
    return read_back(file);
}
