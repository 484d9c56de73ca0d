/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_metrics.c: results for two services that keep figures over time and draw them: --gha-benchmark, the list that
 * github-action-benchmark takes as customSmallerIsBetter, and --bmf, Bencher's metric format. Main thread, after the run.
 *
 * Both find a figure again by its name, so names hold neither port nor query, and the sides of an A/B run are told apart by
 * "A: " and "B: ". What was not measured is left out: a latency of 0, for want of answers, would be the best one ever.
 *
 * In a list in which smaller is better throughput can't stand; a second file of the other kind was rejected, as one option writes
 * one file. Of a closed loop its inverse stands there, the time between two answers; in an open loop it is what was asked for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_text.h"
#include "check_escape.h"

static const struct {
    const char *name, *slug;
    double percent; /* negative: the mean */
    int metric;     /* enum rf_metric of the blocks; -1: they don't have it */
} quantiles[] = {
    {"latency mean", "latency", -1, RF_METRIC_MEAN},
    {"latency p50", "latency-p50", 50, RF_METRIC_P50},
    {"latency p90", "latency-p90", 90, RF_METRIC_P90},
    {"latency p99", "latency-p99", 99, RF_METRIC_P99},
    {"latency p99.9", "latency-p99-9", 99.9, -1},
};
enum { QUANTILES = sizeof quantiles / sizeof *quantiles };

static double quantile(const struct rf_histogram *latency, size_t i) {
    if (bench_total(latency) == 0) {
        return NAN;
    }
    return quantiles[i].percent < 0
               ? rf_histogram_mean(latency)
               : (double)rf_histogram_percentile(latency, quantiles[i].percent);
}

/* JSON has neither infinity nor NaN; who calls this has looked. */
static void write_number(FILE *out, double number) {
    fprintf(out, fabs(number) >= 1e6 && fabs(number) < 1e18 ? "%.0f" : "%.6g", number);
}

/* ---- github-action-benchmark ------------------------------------------------------------------------ */

struct list {
    FILE *out;
    const char *between;
    char extra[512]; /* shown where the mouse points */
};

/* The action shows names between back-quotes in a table. */
static void write_name(FILE *out, const char *side, const char *name) {
    char text[BENCH_FULL_NAME_BYTES + 64];
    snprintf(text, sizeof text, "%s%s%s", side, *side ? ": " : "", name);
    for (char *at = text; (at = strpbrk(at, "`|")) != NULL;) {
        *at = *at == '`' ? '\'' : '/';
    }
    escape_json(out, text);
}

/* `deviation` is shown as it is, in the same unit. */
static void write_item(struct list *list, const char *side, const char *name, const char *unit,
                       double value, double deviation) {
    if (!isfinite(value)) {
        return;
    }
    fprintf(list->out, "%s\n  {\"name\": ", list->between);
    write_name(list->out, side, name);
    fprintf(list->out, ", \"unit\": \"%s\", \"value\": ", unit);
    write_number(list->out, value);
    if (isfinite(deviation)) {
        fprintf(list->out, ", \"range\": \"± %.3g\"", deviation);
    }
    fputs(", \"extra\": ", list->out);
    escape_json(list->out, list->extra);
    fputs("}", list->out);
    list->between = ",";
}

static void write_latencies(struct list *list, const char *side, const struct rf_histogram *latency,
                            const struct rf_load_figures *figures) {
    for (size_t i = 0; i < QUANTILES; i++) {
        double deviation = figures && quantiles[i].metric >= 0
                               ? bench_deviation(figures, (enum rf_metric)quantiles[i].metric)
                               : NAN;
        write_item(list, side, quantiles[i].name, "ms", quantile(latency, i) / 1e6,
                   deviation / 1e6);
    }
}

static bool write_list(struct list *list, const struct rf_load_figures *figures, const char *side) {
    struct bench_names names;
    char requests[32], errors[32], seconds[24];
    snprintf(list->extra, sizeof list->extra, "%s requests in %s, %s failed",
             bench_count(figures->requests, requests),
             bench_duration(figures->seconds * 1e9, seconds), bench_count(figures->errors, errors));
    write_latencies(list, side, figures->latency, figures);
    if (figures->rps_scheduled <= 0 && figures->rps > 0 && figures->errors < figures->requests) {
        write_item(list, side, "time between answers", "us", 1e6 / figures->rps, NAN);
    }
    write_item(list, side, "client CPU a request", "us", bench_cpu_us(figures), NAN);
    write_item(list, side, "errors", "%", 100 * bench_error_share(figures), NAN);
    if (!bench_names_init(&names, figures, side)) {
        return false;
    }
    for (size_t i = 1; names.count > 2 && i < names.count; i++) {
        write_latencies(list, names.text[i], figures->entry[i - 1].latency, NULL);
    }
    bench_names_deinit(&names);
    return true;
}

bool bench_gha_write(FILE *file, const struct bench_run *run) {
    struct bench_sides sides = bench_sides_measured(run);
    struct list list = {.out = file, .between = ""};
    bool whole = true;
    fputc('[', file);
    for (unsigned i = 0; i < sides.count; i++) {
        whole &= write_list(&list, sides.figures[i], sides.name[i]);
    }
    fputs("\n]\n", file);
    return fflush(file) == 0 && !ferror(file) && whole;
}

/* ---- Bencher ---------------------------------------------------------------------------------------- */

struct benchmark {
    FILE *out;
    const char *between;
};

static void write_measure(struct benchmark *benchmark, const char *slug, double value,
                          double deviation) {
    if (!isfinite(value)) {
        return;
    }
    fprintf(benchmark->out, "%s\n    \"%s\": {\"value\": ", benchmark->between, slug);
    write_number(benchmark->out, value);
    if (isfinite(deviation)) {
        fputs(", \"lower_value\": ", benchmark->out);
        write_number(benchmark->out, fmax(value - deviation, 0));
        fputs(", \"upper_value\": ", benchmark->out);
        write_number(benchmark->out, value + deviation);
    }
    fputc('}', benchmark->out);
    benchmark->between = ",";
}

/* An object for each benchmark, the comma before it included; `figures` NULL: of an entry. */
static void write_benchmark(FILE *out, bool first, const char *name,
                            const struct rf_load_figures *figures,
                            const struct rf_load_entry *entry) {
    struct benchmark benchmark = {.out = out, .between = ""};
    const struct rf_histogram *latency = figures ? figures->latency : entry->latency;
    fputs(first ? "\n  " : ",\n  ", out);
    escape_json(out, name);
    fputs(": {", out);
    for (size_t i = 0; i < QUANTILES; i++) {
        double deviation = figures && quantiles[i].metric >= 0
                               ? bench_deviation(figures, (enum rf_metric)quantiles[i].metric)
                               : NAN;
        write_measure(&benchmark, quantiles[i].slug, quantile(latency, i), deviation);
    }
    if (figures) {
        write_measure(&benchmark, "throughput",
                      figures->errors < figures->requests ? figures->rps : NAN,
                      bench_deviation(figures, RF_METRIC_RPS));
        write_measure(&benchmark, "error-rate", bench_error_share(figures), NAN);
        write_measure(&benchmark, "client-cpu", bench_cpu_us(figures) * 1000, NAN);
    } else if (entry->requests) {
        write_measure(&benchmark, "error-rate", (double)entry->errors / (double)entry->requests,
                      NAN);
    }
    fputs("\n  }", out);
}

/* The one request there is gives the benchmark its name; of several each has one besides. */
static bool write_benchmarks(FILE *file, bool first, const struct rf_load_figures *figures,
                             const char *side) {
    struct bench_names names;
    if (!bench_names_init(&names, figures, side)) {
        return false;
    }
    write_benchmark(file, first, names.text[names.count == 2 ? 1 : 0], figures, NULL);
    for (size_t i = 1; names.count > 2 && i < names.count; i++) {
        write_benchmark(file, false, names.text[i], NULL, &figures->entry[i - 1]);
    }
    bench_names_deinit(&names);
    return true;
}

bool bench_bmf_write(FILE *file, const struct bench_run *run) {
    struct bench_sides sides = bench_sides_measured(run);
    bool whole = true;
    fputc('{', file);
    for (unsigned i = 0; i < sides.count; i++) {
        whole &= write_benchmarks(file, i == 0, sides.figures[i], sides.name[i]);
    }
    fputs("\n}\n", file);
    return fflush(file) == 0 && !ferror(file) && whole;
}
