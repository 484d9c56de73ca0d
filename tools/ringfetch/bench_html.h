/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html.h: what the parts of the bench report's page share. Charts are SVG written here, in C: they are there with scripts off, on
 * paper and in mail. Places along them are percents and text is not scaled, so that one drawing serves all widths; drawing
 * by script in the browser, as the check report does, was rejected for that reason. Main thread.
 */
#ifndef TOOLS_BENCH_HTML_H
#define TOOLS_BENCH_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench.h"
#include "bench_text.h"

/* ---- the report ------------------------------------------------------------------------------------ */

struct html_side {
    const char *name;  /* "A", "Baseline", "This run" */
    const char *brief; /* where there is little room */
    const char *mark;  /* of its colour, in class names */
    const struct rf_load_figures *figures;
};
struct bench_html {
    FILE *out; /* remembers errors */
    const struct bench_run *run;
    struct html_side
        side[RF_SIDES]; /* as they stand in the comparison: [1] is judged against [0] */
    unsigned sides;
};

/* The parts of the page, in its order; each writes nothing where it has nothing to say. False: memory is out. */
void bench_html_head(const struct bench_html *html);
void bench_html_headline(const struct bench_html *html, char *text, size_t size); /* plain text */
void bench_html_compare(const struct bench_html *html);
void bench_html_thresholds(const struct bench_html *html);
void bench_html_percentiles(const struct bench_html *html);
void bench_html_histogram(const struct bench_html *html);
bool bench_html_times(const struct bench_html *html);
void bench_html_tables(const struct bench_html *html);
bool bench_html_entries(const struct bench_html *html);

/* ---- text: bench_html_text.c ------------------------------------------------------------------------- */

enum { HTML_TEXT = 96 }; /* bytes that any of these need */

/* Writes what strangers wrote: markup becomes text, and what hides or reorders becomes visible. At most `max` bytes of it;
 * what is cut ends in "...". NULL is "". */
void html_text(FILE *out, const char *text, size_t max);
/* As bench_text.h has them, in a page's letters; a dash where nothing is known. Each returns text. */
char *html_duration(double ns, char text[HTML_TEXT]);
char *html_seconds(double seconds, char text[HTML_TEXT]); /* "10 s", "10 min", "2 h 5 min" */
char *html_count(uint64_t count, char text[HTML_TEXT]);
char *html_rate(double rate, char text[HTML_TEXT]); /* without "/s" */
char *html_bytes(double bytes, char text[HTML_TEXT]);
char *html_share(double share, char text[HTML_TEXT]);
char *html_change(enum rf_metric metric, double change, char text[HTML_TEXT]);
char *html_interval(enum rf_metric metric, double low, double high, char text[HTML_TEXT]);
/* NaN where there is no histogram, or nothing in it. */
double html_percentile(const struct rf_histogram *histogram, double percent);
double html_mean(const struct rf_histogram *histogram);

/* ---- axes: bench_html_axis.c --------------------------------------------------------------------------- */

enum { HTML_TICKS_MAX = 40 };

/* A label that would run into another on a narrow screen is shown on wide ones, or nowhere; its line is always drawn. */
enum html_seen { HTML_ALWAYS, HTML_WIDE, HTML_NEVER };
struct html_tick {
    double at; /* 0 to 1 */
    char label[24];
    unsigned rank; /* 0: the last that may go without a label */
    enum html_seen seen;
};
struct html_axis {
    double low, high;
    bool log;
    unsigned count;
    struct html_tick tick[HTML_TICKS_MAX];
};
/* Where a value lies, 0 to 1; what lies outside is moved to the edge. */
double html_axis_at(const struct html_axis *axis, double value);
void html_axis_rate(struct html_axis *axis, double high); /* from 0 */
void html_axis_share(struct html_axis *axis,
                     double high); /* from 0, or from -high if that is more */
void html_axis_seconds(struct html_axis *axis, double seconds);           /* from 0 */
void html_axis_duration(struct html_axis *axis, double low, double high); /* logarithmic, in ns */
/* From 0 ns where the values lie so close together that a logarithm would hide what they have in common, else logarithmic. */
void html_axis_latency(struct html_axis *axis, double low, double high);
/* 0%, 90%, 99%, ...: the value is the logarithm of 1 / (1 - share). */
void html_axis_percent(struct html_axis *axis, double decades);
/* For a horizontal axis: which labels fit. */
void html_axis_fit(struct html_axis *axis);

/* ---- charts: bench_html_plot.c --------------------------------------------------------------------------- */

enum { HTML_PLOT_HEIGHT = 240, HTML_PLOT_WIDTH = 1000 };

struct html_plot {
    const char *title, *note,
        *label; /* `label`: the chart in a sentence, for those who can't see it */
    struct html_axis x, y;
};
/* Opens figure and drawing, and draws the axes; then come lines and shapes; then html_plot_end, a legend, a table, and html_plot_close. */
void html_plot_begin(FILE *out, const struct html_plot *plot);
void html_plot_end(FILE *out);
void html_plot_close(FILE *out);

/* A line that is interrupted where a value is not known. A point alone is a dash. */
struct html_pen {
    FILE *out;
    const struct html_plot *plot;
    bool down, dot;
};
void html_line_begin(struct html_pen *pen, FILE *out, const struct html_plot *plot,
                     const char *css);
void html_line_to(struct html_pen *pen, double x, double y); /* values; NaN lifts the pen */
void html_line_end(struct html_pen *pen);

/* A sample of the line and what it is. */
struct html_key {
    char css[24], text[64];
};
void html_legend(FILE *out, const struct html_key *key, size_t count);

/* The table that a chart hides: its rows are what is read out under the pointer. Cells are written between begin and end. */
void html_table_begin(FILE *out, const char *caption, bool folded);
void html_table_head(FILE *out, const char *const *column, size_t count); /* plain text */
void html_table_end(FILE *out, bool folded);
void html_row_begin(FILE *out, double at, const char *name); /* NaN: not read out */
void html_cell(FILE *out, const char *text);                 /* plain text */

/* ---- the page's files: bench_html_page.c ------------------------------------------------------------------- */

extern const char bench_page_html[] __attribute__((visibility("hidden")));
extern const char bench_page_css[] __attribute__((visibility("hidden")));
extern const char bench_page_js[] __attribute__((visibility("hidden")));

#endif
