/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_histogram.c: how many requests took how long: bars over a logarithmic scale of durations, of one side upwards, of two
 * up and down, so that no colour is needed to tell them apart. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

enum { BINS_MAX = 64 };
/* Narrower bins would show the histogram's own steps, one part in a thousand. */
static const double narrowest = 1.008;
/* Of the drawing's units: so high is the bar of a single request at least. */
static const double least_bar = 2;

struct bins {
    double edge[BINS_MAX + 1];
    unsigned count;
    double share[RF_SIDES][BINS_MAX], requests[RF_SIDES][BINS_MAX];
    double highest; /* share */
};

static const struct rf_histogram *latency(const struct bench_html *html, unsigned side) {
    const struct rf_histogram *histogram = html->side[side].figures->latency;
    return histogram && rf_histogram_total(histogram) ? histogram : NULL;
}

/* ---- counting ------------------------------------------------------------------------------------------- */

static void set_edges(struct bins *bins, double low, double high) {
    double span = log(high / low);
    bins->count = (unsigned)fmax(1, fmin(BINS_MAX, floor(span / log(narrowest))));
    for (unsigned i = 0; i <= bins->count; i++) {
        bins->edge[i] = low * exp(span * i / bins->count);
    }
}

/* A bucket that lies across edges is shared out, or bars would be jagged where bins hold few buckets. */
static void share_out(struct bins *bins, unsigned side, const struct rf_bucket *bucket) {
    double low = (double)bucket->low, wide = (double)bucket->high + 1 - low;
    double count = (double)bucket->count, given = 0;
    unsigned last = 0;
    for (unsigned i = 0; i < bins->count; i++) {
        double from = fmax(low, bins->edge[i]), to = fmin(low + wide, bins->edge[i + 1]);
        if (to > from) {
            bins->requests[side][i] += count * (to - from) / wide;
            given += count * (to - from) / wide;
        }
        last = bins->edge[i] <= low ? i : last;
    }
    bins->requests[side][last] += count - given;
}

static void count_side(struct bins *bins, unsigned side, const struct rf_histogram *histogram) {
    struct rf_bucket bucket;
    uint32_t at = 0;
    while (rf_histogram_next(histogram, &at, &bucket)) {
        share_out(bins, side, &bucket);
    }
    for (unsigned i = 0; i < bins->count; i++) {
        bins->share[side][i] = bins->requests[side][i] / (double)rf_histogram_total(histogram);
        bins->highest = fmax(bins->highest, bins->share[side][i]);
    }
}

static bool count_all(const struct bench_html *html, struct bins *bins) {
    double low = INFINITY, high = 0;
    memset(bins, 0, sizeof *bins);
    for (unsigned side = 0; side < html->sides; side++) {
        const struct rf_histogram *histogram = latency(html, side);
        if (histogram) {
            low = fmin(low, (double)rf_histogram_min(histogram));
            high = fmax(high, (double)rf_histogram_max(histogram));
        }
    }
    if (isinf(low)) {
        return false;
    }
    low = fmax(low, 1);
    set_edges(bins, low, fmax(high + 1, low * narrowest));
    for (unsigned side = 0; side < html->sides; side++) {
        if (latency(html, side)) {
            count_side(bins, side, latency(html, side));
        }
    }
    return true;
}

/* ---- drawing -------------------------------------------------------------------------------------------- */

static void put_bars(const struct bench_html *html, const struct html_plot *plot,
                     const struct bins *bins, unsigned side) {
    double base = (1 - html_axis_at(&plot->y, 0)) * HTML_PLOT_HEIGHT;
    fprintf(html->out, "<path class=\"bar %s\" d=\"", html->side[side].mark);
    for (unsigned i = 0; i < bins->count; i++) {
        if (bins->requests[side][i] < 0.5) {
            continue;
        }
        double x = html_axis_at(&plot->x, bins->edge[i]) * HTML_PLOT_WIDTH;
        double wide = html_axis_at(&plot->x, bins->edge[i + 1]) * HTML_PLOT_WIDTH - x;
        double high = bins->share[side][i] / (plot->y.high - plot->y.low) * HTML_PLOT_HEIGHT;
        high = fmax(high, least_bar);
        double gap = wide > 6 ? 1.5 : wide * 0.2;
        fprintf(html->out, "M%.1f %.1fh%.1fv%.1fh%.1fz", x, base, wide - gap, side ? high : -high,
                gap - wide);
    }
    fputs("\"/>\n", html->out);
}

static void put_middle(FILE *out, const struct html_plot *plot) {
    double y = (1 - html_axis_at(&plot->y, 0)) * HTML_PLOT_HEIGHT;
    fprintf(out, "<path class=\"middle\" d=\"M0 %.1fH%d\"/>\n", y, HTML_PLOT_WIDTH);
}

static void put_table(const struct bench_html *html, const struct html_plot *plot,
                      const struct bins *bins) {
    const char *column[1 + RF_SIDES] = {"Latency"};
    for (unsigned side = 0; side < html->sides; side++) {
        column[1 + side] = html->sides > 1 ? html->side[side].name : "Requests";
    }
    html_table_begin(html->out, "Histogram of latencies", true);
    html_table_head(html->out, column, 1 + html->sides);
    for (unsigned i = 0; i < bins->count; i++) {
        double middle = sqrt(bins->edge[i] * bins->edge[i + 1]);
        char from[HTML_TEXT], to[HTML_TEXT], name[3 * HTML_TEXT];
        snprintf(name, sizeof name, "%s to %s", html_duration(bins->edge[i], from),
                 html_duration(bins->edge[i + 1], to));
        html_row_begin(html->out, html_axis_at(&plot->x, middle), name);
        for (unsigned side = 0; side < html->sides; side++) {
            char count[HTML_TEXT], share[HTML_TEXT], cell[3 * HTML_TEXT];
            snprintf(cell, sizeof cell, "%s (%s)",
                     html_count((uint64_t)(bins->requests[side][i] + 0.5), count),
                     html_share(bins->share[side][i], share));
            html_cell(html->out, cell);
        }
        fputs("</tr>\n", html->out);
    }
    html_table_end(html->out, true);
}

static void describe(const struct bench_html *html, const struct bins *bins, char *label,
                     size_t size) {
    size_t used = (size_t)snprintf(label, size, "Histogram of latencies.");
    for (unsigned side = 0; side < html->sides && used < size; side++) {
        unsigned most = 0;
        for (unsigned i = 1; i < bins->count; i++) {
            most = bins->share[side][i] > bins->share[side][most] ? i : most;
        }
        char from[HTML_TEXT], to[HTML_TEXT];
        used += (size_t)snprintf(label + used, size - used, " %s: most often from %s to %s.",
                                 html->side[side].name, html_duration(bins->edge[most], from),
                                 html_duration(bins->edge[most + 1], to));
    }
}

/* Two sides: the upper half's scale, and its mirror image. */
static void mirror(struct html_axis *axis) {
    unsigned count = axis->count;
    axis->low = -axis->high;
    for (unsigned i = 0; i < count; i++) {
        struct html_tick *tick = &axis->tick[i];
        if (tick->at > 0 && axis->count < HTML_TICKS_MAX) {
            axis->tick[axis->count] = *tick;
            axis->tick[axis->count++].at = 0.5 - tick->at / 2;
        }
        tick->at = 0.5 + tick->at / 2;
    }
}

void bench_html_histogram(const struct bench_html *html) {
    struct bins bins;
    if (!count_all(html, &bins)) {
        return;
    }
    char label[600];
    struct html_plot plot = {.title = "Histogram of latencies", .label = label};
    plot.note =
        html->sides > 1
            ? "Share of the requests that took so long, one side up, the other down; the scale of "
              "durations is logarithmic."
            : "Share of the requests that took so long; the scale of durations is logarithmic.";
    describe(html, &bins, label, sizeof label);
    html_axis_duration(&plot.x, bins.edge[0], bins.edge[bins.count]);
    html_axis_fit(&plot.x);
    html_axis_share(&plot.y, bins.highest);
    if (html->sides > 1) {
        mirror(&plot.y);
    }
    html_plot_begin(html->out, &plot);
    struct html_key key[RF_SIDES];
    for (unsigned side = 0; side < html->sides; side++) {
        put_bars(html, &plot, &bins, side);
        snprintf(key[side].css, sizeof key[side].css, "block %s", html->side[side].mark);
        snprintf(key[side].text, sizeof key[side].text, "%s, %s", html->side[side].name,
                 side ? "down" : "up");
    }
    put_middle(html->out, &plot);
    html_plot_end(html->out);
    if (html->sides > 1) {
        html_legend(html->out, key, html->sides);
    }
    put_table(html, &plot, &bins);
    html_plot_close(html->out);
}
