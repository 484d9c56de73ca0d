/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary_bars.c: see bench_summary_bars.h. The edges are round, on a logarithmic scale where the values spread and on a
 * linear one where they don't: people read "200 us .. 300 us", not what a range divided by twelve comes to. The thousandth at
 * either end has one row, or a single slow answer would squeeze all others into the first.
 */
#include "bench_summary_bars.h"

#include <math.h>
#include <string.h>

enum {
    ROWS_WANTED = 12,
    ROWS_LEAST = 6,
    SHARE_COLUMNS = 8,
    COUNT_COLUMNS = 14,
    LABEL_COLUMNS = 22
};

/* ---- edges ------------------------------------------------------------------------------------------ */

/* Steps within a power of ten, from fine to coarse. */
static const struct {
    unsigned count;
    double step[12];
} scales[] = {
    {12, {1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2}},
    {6, {1, 1.5, 2, 3, 5, 7}},
    {3, {1, 2, 5}},
    {1, {1}},
};

/* The edges of one scale from the last at or below `low` to the first at or above `high`; 0: too many. */
static unsigned scale_edges(unsigned scale, double low, double high, double edge[ROWS_WANTED + 1]) {
    unsigned count = 0, steps = scales[scale].count;
    for (int decade = (int)floor(log10(low)); count == 0 || edge[count - 1] < high; decade++) {
        for (unsigned i = 0; i < steps && (count == 0 || edge[count - 1] < high); i++) {
            double at = scales[scale].step[i] * pow(10, decade);
            if (count == 1 && at <= low) {
                count = 0; /* a later one is nearer */
            }
            if (count > ROWS_WANTED) {
                return 0;
            }
            edge[count++] = at;
        }
    }
    return count;
}

/* Steps of 1, 2 or 5 times a power of ten, but not so small that two labels would look alike. */
static unsigned linear_edges(double low, double high, double edge[ROWS_WANTED + 1]) {
    double least = fmax(1, pow(10, floor(log10(high)) - 2));
    double step = fmax(least, pow(10, floor(log10(fmax(high - low, 1) / ROWS_WANTED))));
    static const double factors[] = {1, 2, 5, 10, 20};
    for (unsigned i = 0; i < sizeof factors / sizeof *factors; i++) {
        double by = step * factors[i], first = (ceil(low / by) - 1) * by;
        if (ceil((high - first) / by) > ROWS_WANTED) {
            continue;
        }
        unsigned count = 0;
        do {
            edge[count] = first + by * count;
        } while (edge[count++] < high);
        return count;
    }
    return 0;
}

bool bench_bars_plan(struct bench_bars *bars, const struct bench_sides *sides) {
    double low = INFINITY, high = 0, min = INFINITY, max = 0;
    *bars = (struct bench_bars){0};
    for (unsigned i = 0; i < sides->count; i++) {
        const struct rf_histogram *latency = sides->figures[i]->latency;
        if (bench_total(latency)) {
            low = fmin(low, (double)rf_histogram_percentile(latency, 0.1));
            high = fmax(high, (double)rf_histogram_percentile(latency, 99.9));
            min = fmin(min, (double)rf_histogram_min(latency));
            max = fmax(max, (double)rf_histogram_max(latency));
        }
    }
    if (!(low <= high)) {
        return false;
    }
    low = fmax(low, 1), high = fmax(high, low);
    for (unsigned scale = 0; !bars->edges && scale < sizeof scales / sizeof *scales; scale++) {
        bars->edges = scale_edges(scale, low, high, bars->edge);
    }
    if (bars->edges && bars->edges <= ROWS_LEAST) {
        unsigned edges = linear_edges(low, high, bars->edge);
        bars->edges = edges ? edges : scale_edges(0, low, high, bars->edge);
    }
    if (bars->edges < 2) {
        return false;
    }
    bars->below = min <= bars->edge[0] && min > 0;
    bars->above = max > bars->edge[bars->edges - 1];
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

struct drawing {
    FILE *out;
    const struct bench_sides *sides;
    unsigned columns; /* of a bar */
    bool unicode;
    double longest; /* share of the row that fills a bar */
};

/* Share of what a side counted in (low, high]. */
static uint64_t count_between(const struct rf_histogram *latency, double low, double high) {
    if (bench_total(latency) == 0) {
        return 0;
    }
    uint64_t to =
        high > 1e18 ? rf_histogram_total(latency) : rf_histogram_count_to(latency, (uint64_t)high);
    uint64_t before = low < 0 ? 0 : rf_histogram_count_to(latency, (uint64_t)low);
    return to > before ? to - before : 0;
}

static double share_between(const struct rf_histogram *latency, double low, double high) {
    uint64_t total = bench_total(latency);
    return total ? (double)count_between(latency, low, high) / (double)total : 0;
}

/* What is there, but too little to be drawn, is a dot or the thinnest bar. */
static void draw_bar(const struct drawing *drawing, double share) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double part = drawing->longest > 0 ? share / drawing->longest : 0;
    unsigned units = drawing->unicode ? 8 : 1;
    unsigned filled = (unsigned)lround(part * drawing->columns * units);
    unsigned whole = filled / units, rest = filled % units, used = whole + (rest > 0);
    for (unsigned i = 0; i < whole; i++) {
        fputs(drawing->unicode ? "█" : "#", drawing->out);
    }
    fputs(eighths[rest], drawing->out);
    if (filled == 0 && share > 0) {
        fputs(drawing->unicode ? "▏" : ".", drawing->out);
        used = 1;
    }
    fprintf(drawing->out, "%*s", (int)(drawing->columns - used), "");
}

static void draw_row(const struct drawing *drawing, const char *label, double low, double high) {
    char share[BENCH_FIGURE_BYTES], count[32];
    fprintf(drawing->out, "%*s  ", LABEL_COLUMNS - 2, label);
    for (unsigned i = 0; i < drawing->sides->count; i++) {
        const struct rf_histogram *latency = drawing->sides->figures[i]->latency;
        double part = share_between(latency, low, high);
        draw_bar(drawing, part);
        fprintf(drawing->out, "%*s", SHARE_COLUMNS, bench_share(part, share));
        if (drawing->sides->count == 1) {
            fprintf(drawing->out, "%*s", COUNT_COLUMNS,
                    bench_count(count_between(latency, low, high), count));
        } else if (i == 0) {
            fputs("  ", drawing->out);
        }
    }
    fputc('\n', drawing->out);
}

/* An edge is exact: "1.5 ms", not "1.50 ms". */
static char *edge_text(double ns, char *text) {
    bench_duration(ns, text);
    char *unit = strchr(text, ' '), *end = unit;
    if (unit && memchr(text, '.', (size_t)(unit - text))) {
        while (end[-1] == '0') {
            end--;
        }
        end -= end[-1] == '.';
        memmove(end, unit, strlen(unit) + 1);
    }
    return text;
}

/* All rows; `draw` false: only how long the longest is. */
static void each_row(struct drawing *drawing, const struct bench_bars *bars, bool draw) {
    for (unsigned i = bars->below ? 0 : 1; i < bars->edges + bars->above; i++) {
        double low = i == 0 ? -1 : bars->edge[i - 1];
        double high = i == bars->edges ? INFINITY : bars->edge[i];
        char label[64], from[24], to[24];
        edge_text(low, from);
        edge_text(high, to);
        if (i == 0) {
            snprintf(label, sizeof label, "up to %s", to);
        } else if (i == bars->edges) {
            snprintf(label, sizeof label, "above %s", from);
        } else {
            snprintf(label, sizeof label, "%s .. %s", from, to);
        }
        for (unsigned k = 0; !draw && k < drawing->sides->count; k++) {
            double share = share_between(drawing->sides->figures[k]->latency, low, high);
            drawing->longest = fmax(drawing->longest, share);
        }
        if (draw) {
            draw_row(drawing, label, low, high);
        }
    }
}

void bench_bars_write(FILE *file, const struct bench_sides *sides, unsigned width, bool unicode) {
    struct bench_bars bars;
    if (!bench_bars_plan(&bars, sides)) {
        return;
    }
    unsigned taken =
        LABEL_COLUMNS + (sides->count == 1 ? SHARE_COLUMNS + COUNT_COLUMNS : 2 * SHARE_COLUMNS + 2);
    unsigned left = (width < 60 ? 60 : width > 120 ? 120 : width) - taken;
    struct drawing drawing = {
        .out = file, .sides = sides, .columns = left / sides->count, .unicode = unicode};
    if (sides->count > 1) {
        fprintf(file, "%*s%-*s%s\n", LABEL_COLUMNS, "", (int)(drawing.columns + SHARE_COLUMNS + 2),
                sides->name[0], sides->name[1]);
    }
    each_row(&drawing, &bars, false);
    each_row(&drawing, &bars, true);
}
