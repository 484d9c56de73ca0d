/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_percentiles.c: the distribution of latencies as a curve over percentiles, each nine as wide as the one before, as
 * HdrHistogram's plots have it; and the table of durations. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

enum { CURVES_MAX = 4, POINTS_PER_DECADE = 40, DECADES_MAX = 7 };

struct curve {
    char name[64], css[24];
    const struct rf_histogram *histogram;
    double decades; /* up to where it knows something: one request in ten to the power of so many */
};
struct curves {
    struct curve curve[CURVES_MAX];
    size_t count;
};

/* ---- which curves --------------------------------------------------------------------------------------- */

static void add_curve(struct curves *curves, const struct html_side *side, const char *what,
                      const char *css, const struct rf_histogram *histogram) {
    if (!histogram || rf_histogram_total(histogram) == 0 || curves->count == CURVES_MAX) {
        return;
    }
    struct curve *curve = &curves->curve[curves->count++];
    snprintf(curve->name, sizeof curve->name, "%s%s", side->name, what);
    snprintf(curve->css, sizeof curve->css, "%s %s", side->mark, css);
    curve->histogram = histogram;
    curve->decades = fmin(fmax(log10((double)rf_histogram_total(histogram)), 1), DECADES_MAX);
}

static void find_curves(const struct bench_html *html, struct curves *curves) {
    curves->count = 0;
    for (unsigned i = 0; i < html->sides; i++) {
        const struct html_side *side = &html->side[i];
        bool open_loop = side->figures->raw != NULL;
        add_curve(curves, side, open_loop ? ", since it was due" : "", "", side->figures->latency);
        add_curve(curves, side, ", since it was sent", "thin", side->figures->raw);
    }
}

/* ---- drawing --------------------------------------------------------------------------------------------- */

static double percent_at(double decades) {
    return 100 - 100 / pow(10, decades);
}

static void draw_curve(FILE *out, const struct html_plot *plot, const struct curve *curve) {
    struct html_pen pen;
    html_line_begin(&pen, out, plot, curve->css);
    for (int i = 0; i < (int)(curve->decades * POINTS_PER_DECADE); i++) {
        double x = (double)i / POINTS_PER_DECADE;
        html_line_to(&pen, x, html_percentile(curve->histogram, percent_at(x)));
    }
    html_line_to(&pen, curve->decades, html_percentile(curve->histogram, 100));
    html_line_end(&pen);
}

/* 0%, 10%, ... 90%, 91%, ... 99%, 99.1%: what people would ask for. */
static void put_rows(FILE *out, const struct html_plot *plot, const struct curves *curves,
                     double decades) {
    static const double left[] = {10, 9, 8, 7, 6, 5, 4, 3, 2.5, 2, 1.5};
    enum { STEPS = sizeof left / sizeof *left };
    for (int i = 0; i <= (int)ceil(decades) * STEPS; i++) {
        int decade = i / STEPS;
        double x = decade + 1 - log10(left[i % STEPS]);
        if (x > decades + 1e-9) {
            break;
        }
        char name[24], text[HTML_TEXT];
        snprintf(name, sizeof name, "%.8g%%", percent_at(x));
        html_row_begin(out, html_axis_at(&plot->x, x), name);
        for (size_t k = 0; k < curves->count; k++) {
            html_cell(out, html_duration(html_percentile(curves->curve[k].histogram, percent_at(x)),
                                         text));
        }
        fputs("</tr>\n", out);
    }
}

static void put_table(FILE *out, const struct html_plot *plot, const struct curves *curves,
                      double decades) {
    const char *column[CURVES_MAX + 1] = {"Share"};
    for (size_t i = 0; i < curves->count; i++) {
        column[i + 1] = curves->curve[i].name;
    }
    html_table_begin(out, "Latency by percentile", true);
    html_table_head(out, column, curves->count + 1);
    put_rows(out, plot, curves, decades);
    html_table_end(out, true);
}

static void put_legend(FILE *out, const struct curves *curves) {
    struct html_key key[CURVES_MAX];
    for (size_t i = 0; i < curves->count; i++) {
        memcpy(key[i].css, curves->curve[i].css, sizeof key[i].css);
        memcpy(key[i].text, curves->curve[i].name, sizeof key[i].text);
    }
    if (curves->count > 1) {
        html_legend(out, key, curves->count);
    }
}

static void describe(const struct curves *curves, char *label, size_t size) {
    size_t used = (size_t)snprintf(label, size, "Latency by percentile.");
    for (size_t i = 0; i < curves->count && used < size; i++) {
        const struct rf_histogram *histogram = curves->curve[i].histogram;
        char p50[HTML_TEXT], p99[HTML_TEXT], max[HTML_TEXT];
        used += (size_t)snprintf(
            label + used, size - used, " %s: half within %s, 99%% within %s, all within %s.",
            curves->curve[i].name, html_duration(html_percentile(histogram, 50), p50),
            html_duration(html_percentile(histogram, 99), p99),
            html_duration((double)rf_histogram_max(histogram), max));
    }
}

void bench_html_percentiles(const struct bench_html *html) {
    struct curves curves;
    find_curves(html, &curves);
    if (curves.count == 0) {
        return;
    }
    double low = INFINITY, high = 0, decades = 1;
    for (size_t i = 0; i < curves.count; i++) {
        low = fmin(low, (double)rf_histogram_min(curves.curve[i].histogram));
        high = fmax(high, (double)rf_histogram_max(curves.curve[i].histogram));
        decades = fmax(decades, curves.curve[i].decades);
    }
    char label[1000];
    struct html_plot plot = {.title = "Latency by percentile", .label = label};
    describe(&curves, label, sizeof label);
    html_axis_percent(&plot.x, decades);
    html_axis_latency(&plot.y, low, high);
    plot.note = plot.y.log
                    ? "So many of the requests took at most so long. Both scales are logarithmic."
                    : "So many of the requests took at most so long. The scale of percentiles is "
                      "logarithmic.";
    html_plot_begin(html->out, &plot);
    for (size_t i = 0; i < curves.count; i++) {
        draw_curve(html->out, &plot, &curves.curve[i]);
    }
    html_plot_end(html->out);
    put_legend(html->out, &curves);
    put_table(html->out, &plot, &curves, decades);
    html_plot_close(html->out);
}
