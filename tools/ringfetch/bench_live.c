/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_live.c: see bench_live.h. Drawing costs some microseconds of the thread that waits for the workers, none of theirs.
 */
#include "bench_live.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "console.h"
#include "text.h"

enum {
    DRAW_MS = 95,   /* a sample comes every 100 ms, sometimes a little early */
    LINE_MS = 1000, /* JSON objects, and a line that is no terminal's */
    PART_BYTES = 160
};
enum { PACE_SAMPLES = 5 }; /* ten samples a second: the last second counts nine tenths */

static const char *const phases[] = {"connecting", "warm-up", "measuring", "finishing"};

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void bench_pace_update(struct bench_pace *pace, const struct rf_load_sample *sample) {
    enum rf_side side = sample->side;
    unsigned count = pace->samples[side] + 1;
    /* Young averages are plain: the first second would otherwise seem slow. */
    pace->rps[side] +=
        (sample->rps - pace->rps[side]) / (count < PACE_SAMPLES ? count : PACE_SAMPLES);
    pace->p99_ns[side] = sample->p99_ns;
    pace->samples[side] = count;
}

/* ---- the line ------------------------------------------------------------------------------------- */

/* Appends a part if all of it fits into the columns. */
static void add_part(char *out, size_t size, unsigned columns, const char *part) {
    size_t used = strlen(out), count = strlen(part), gap = used ? 2 : 0;
    if (used + gap + count <= columns && used + gap + count < size) {
        snprintf(out + used, size - used, "%s%s", gap ? "  " : "", part);
    }
}

static void part_phase(char *part, const struct rf_load_sample *sample) {
    char elapsed[24], expected[24];
    const char *phase = phases[sample->phase];
    /* Each of many blocks has an end to wait for. */
    bool between = sample->phase == RF_PHASE_DRAIN && sample->elapsed_s < sample->expected_s;
    if (sample->phase != RF_PHASE_MEASURE && !between) {
        snprintf(part, PART_BYTES, "%s", phase);
    } else if (sample->expected_s > 0) {
        snprintf(part, PART_BYTES, "%s/%s",
                 text_clock(elapsed, sizeof elapsed, floor(sample->elapsed_s)),
                 text_clock(expected, sizeof expected, ceil(sample->expected_s)));
    } else {
        snprintf(part, PART_BYTES, "%s",
                 text_clock(elapsed, sizeof elapsed, floor(sample->elapsed_s)));
    }
}

/* Of two sides both are shown, or whoever looks sees a line that flickers. */
static void part_rate(char *part, const struct rf_load_sample *sample,
                      const struct bench_pace *pace) {
    char a[24], b[24];
    text_count(a, sizeof a, pace->rps[RF_SIDE_A]);
    text_count(b, sizeof b, pace->rps[RF_SIDE_B]);
    if (pace->samples[RF_SIDE_B]) {
        bool known = pace->samples[RF_SIDE_A]; /* B may come first */
        snprintf(part, PART_BYTES, "A %s%s  B %s/s", known ? a : "-", known ? "/s" : "", b);
    } else {
        snprintf(part, PART_BYTES, "%s%s/s", sample->comparison ? "A " : "", a);
    }
}

/* "throughput -3.1% (-4.0..-2.2%), 56 pairs". */
static void part_comparison(char *part, const struct rf_comparison *comparison) {
    size_t pairs = comparison->metric[RF_METRIC_RPS].samples;
    double change = 100 * (comparison->metric[RF_METRIC_RPS].change - 1),
           low = 100 * (comparison->metric[RF_METRIC_RPS].low - 1),
           high = 100 * (comparison->metric[RF_METRIC_RPS].high - 1);
    if (!isfinite(change) || !isfinite(low) || !isfinite(high)) {
        snprintf(part, PART_BYTES, "%zu pair%s", pairs, pairs == 1 ? "" : "s");
        return;
    }
    snprintf(part, PART_BYTES, "throughput %+.1f%% (%+.1f..%+.1f%%), %zu pairs", change, low, high,
             pairs);
}

static void part_latency(char *part, const struct rf_load_sample *sample,
                         const struct bench_pace *pace) {
    char p50[24], p99[24];
    if (pace->samples[RF_SIDE_B]) {
        snprintf(
            part, PART_BYTES, "p99 A %s  B %s",
            bench_duration(pace->samples[RF_SIDE_A] ? (double)pace->p99_ns[RF_SIDE_A] : NAN, p50),
            bench_duration((double)pace->p99_ns[RF_SIDE_B], p99));
        return;
    }
    snprintf(part, PART_BYTES, "p50 %s  p99 %s", bench_duration((double)sample->p50_ns, p50),
             bench_duration((double)sample->p99_ns, p99));
}

char *bench_live_line(char *out, size_t size, unsigned columns, const struct rf_load_sample *sample,
                      const struct bench_pace *pace) {
    char part[PART_BYTES], number[32];
    out[0] = '\0';
    part_phase(part, sample);
    add_part(out, size, columns, part);
    if (sample->phase != RF_PHASE_CONNECT) {
        part_rate(part, sample, pace);
        add_part(out, size, columns, part);
    }
    if (sample->errors) {
        snprintf(part, sizeof part, "%s error%s", bench_count(sample->errors, number),
                 sample->errors == 1 ? "" : "s");
        add_part(out, size, columns, part);
    }
    if (sample->comparison) {
        part_comparison(part, sample->comparison);
        add_part(out, size, columns, part);
    }
    if (sample->p99_ns) {
        part_latency(part, sample, pace);
        add_part(out, size, columns, part);
    }
    snprintf(part, sizeof part, "%u connections", sample->connections);
    add_part(out, size, columns, part);
    if (sample->outstanding > sample->connections) {
        snprintf(part, sizeof part, "%s outstanding", bench_count(sample->outstanding, number));
        add_part(out, size, columns, part);
    }
    return out;
}

/* ---- JSON ------------------------------------------------------------------------------------------- */

/* A number, or null for what is none. */
static size_t add_number(char *out, size_t size, size_t used, const char *name, double number) {
    return isfinite(number) ? text_add(out, size, used, ",\"%s\":%.6g", name, number)
                            : text_add(out, size, used, ",\"%s\":null", name);
}

char *bench_live_json(char *out, size_t size, const struct rf_load_sample *sample,
                      const struct bench_pace *pace) {
    size_t used = text_add(out, size, 0, "{\"v\":1,\"phase\":\"%s\",\"elapsed_s\":%.3f",
                           phases[sample->phase], sample->elapsed_s);
    used = add_number(out, size, used, "expected_s",
                      sample->expected_s > 0 ? sample->expected_s : (double)NAN);
    used = add_number(out, size, used, "rps", pace->rps[RF_SIDE_A]);
    if (pace->samples[RF_SIDE_B]) {
        used = add_number(out, size, used, "rps_b", pace->rps[RF_SIDE_B]);
    }
    used = text_add(out, size, used,
                    ",\"p50_us\":%.3f,\"p99_us\":%.3f,\"requests\":%llu,\"errors\":%llu,"
                    "\"connections\":%u,\"outstanding\":%llu",
                    (double)sample->p50_ns / 1e3, (double)sample->p99_ns / 1e3,
                    (unsigned long long)sample->requests, (unsigned long long)sample->errors,
                    sample->connections, (unsigned long long)sample->outstanding);
    if (sample->comparison) {
        const struct rf_comparison *comparison = sample->comparison;
        used = text_add(out, size, used, ",\"verdict\":\"%s\",\"pairs\":%zu",
                        rf_change_name(comparison->verdict),
                        comparison->metric[RF_METRIC_RPS].samples);
        used = add_number(out, size, used, "rps_ratio", comparison->metric[RF_METRIC_RPS].change);
        used = add_number(out, size, used, "rps_ratio_low", comparison->metric[RF_METRIC_RPS].low);
        used =
            add_number(out, size, used, "rps_ratio_high", comparison->metric[RF_METRIC_RPS].high);
    }
    text_add(out, size, used, "}");
    return out;
}

/* ---- drawing ------------------------------------------------------------------------------------------ */

void bench_live_begin(struct bench_live *live, enum progress_mode mode) {
    *live = (struct bench_live){.mode = mode};
}

void bench_live_note(struct bench_live *live, const char *text) {
    if (live->mode == PROGRESS_BAR && console_is_terminal()) {
        console_bar(text);
    }
}

static void show(const struct bench_live *live, const struct rf_load_sample *sample) {
    char line[1024];
    if (live->mode == PROGRESS_JSON) {
        console_line("%s", bench_live_json(line, sizeof line, sample, &live->pace));
    } else {
        /* One column stays free: a terminal may wrap at the last. */
        console_bar(bench_live_line(line, sizeof line, console_columns() - 1, sample, &live->pace));
    }
}

void bench_live_sample(struct bench_live *live, const struct rf_load_sample *sample) {
    if (live->mode != PROGRESS_BAR && live->mode != PROGRESS_JSON) {
        return;
    }
    bool often = live->mode == PROGRESS_BAR && console_is_terminal();
    uint64_t now = now_ms();
    bench_pace_update(&live->pace, sample);
    live->last = *sample;
    live->last.comparison = NULL;
    live->has_last = true;
    if (live->shown_ms && now - live->shown_ms < (often ? DRAW_MS : LINE_MS)) {
        return;
    }
    live->shown_ms = now;
    show(live, sample);
}

void bench_live_end(struct bench_live *live) {
    if (live->mode == PROGRESS_JSON && live->has_last) {
        show(live, &live->last);
    } else if (live->mode == PROGRESS_BAR && console_is_terminal()) {
        console_bar(NULL);
    }
    live->mode = PROGRESS_NONE;
}
