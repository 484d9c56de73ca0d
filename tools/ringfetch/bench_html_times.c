/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_times.c: throughput and latency over time. Of long runs several seconds make a point: their throughput is joined, of
 * latencies the worst is kept, because peaks are what the chart is looked at for. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOMENTS_MAX = 600 };
enum { P50, P90, P99, SLOWEST, LATENCIES };

struct moment {
    double start_s, length_s, rps, requests;
    uint64_t errors;
    double latency[LATENCIES]; /* p50, p90, p99, max in ns; NaN: nobody was answered */
};
struct times {
    struct moment moment[RF_SIDES][MOMENTS_MAX];
    size_t count[RF_SIDES], group; /* seconds in a moment */
    double seconds, rps_max, low_ns, high_ns[LATENCIES];
    uint64_t errors;
};
static const char *const latency_name[LATENCIES] = {"p50", "p90", "p99", "max"};

/* ---- joining ------------------------------------------------------------------------------------------- */

/* The median of several seconds can't be told from theirs: it is taken as their mean by requests. */
static void join(struct moment *moment, const struct rf_load_second *second) {
    const uint64_t ns[LATENCIES] = {second->p50_ns, second->p90_ns, second->p99_ns, second->max_ns};
    double requests = (double)second->requests;
    moment->length_s += second->length_s;
    moment->errors += second->errors;
    for (int i = 0; i < LATENCIES; i++) {
        double value = (double)ns[i], *joined = &moment->latency[i];
        if (ns[i] == 0) {
            continue;
        }
        if (isnan(*joined)) {
            *joined = value;
        } else if (i == P50 && moment->requests + requests > 0) {
            *joined =
                (*joined * moment->requests + value * requests) / (moment->requests + requests);
        } else {
            *joined = fmax(*joined, value);
        }
    }
    moment->requests += requests;
    moment->rps = moment->length_s > 0 ? moment->requests / moment->length_s : NAN;
}

static void add_side(struct times *times, unsigned side, const struct rf_load_figures *figures) {
    for (size_t i = 0; i < figures->second_count; i++) {
        struct moment *moment = &times->moment[side][i / times->group];
        if (i % times->group == 0) {
            *moment = (struct moment){.start_s = figures->second[i].start_s,
                                      .latency = {NAN, NAN, NAN, NAN}};
            times->count[side]++;
        }
        join(moment, &figures->second[i]);
    }
}

static void measure(struct times *times, unsigned side) {
    for (size_t i = 0; i < times->count[side]; i++) {
        const struct moment *moment = &times->moment[side][i];
        times->seconds = fmax(times->seconds, moment->start_s + moment->length_s);
        times->rps_max = fmax(times->rps_max, moment->rps);
        times->low_ns = fmin(times->low_ns, moment->latency[0]);
        for (int what = 0; what < LATENCIES; what++) {
            times->high_ns[what] = fmax(times->high_ns[what], moment->latency[what]);
        }
        times->errors += moment->errors;
    }
}

static void fill(const struct bench_html *html, struct times *times) {
    size_t most = 1;
    for (unsigned side = 0; side < html->sides; side++) {
        size_t count = html->side[side].figures->second_count;
        most = count > most ? count : most;
    }
    times->group = (most + MOMENTS_MAX - 1) / MOMENTS_MAX;
    times->low_ns = INFINITY;
    for (unsigned side = 0; side < html->sides; side++) {
        add_side(times, side, html->side[side].figures);
        measure(times, side);
    }
}

static double middle_of(const struct moment *moment) {
    return moment->start_s + moment->length_s / 2;
}

/* ---- tables -------------------------------------------------------------------------------------------- */

/* One side's columns, or both sides', in a row for each point of time. */
struct column {
    char name[48];
    unsigned side;
    int what; /* of latencies which; THROUGHPUT, ERRORS */
};
enum { THROUGHPUT = -1, ERRORS = -2, COLUMNS_MAX = 1 + RF_SIDES * LATENCIES };

static void put_value(FILE *out, const struct moment *moment, int what) {
    char text[HTML_TEXT];
    if (!moment) {
        html_cell(out, "");
    } else if (what == THROUGHPUT) {
        html_cell(out, html_rate(moment->rps, text));
    } else if (what == ERRORS) {
        html_cell(out, html_count(moment->errors, text));
    } else {
        html_cell(out, html_duration(moment->latency[what], text));
    }
}

static void name_moment(const struct times *times, const struct moment *moment, char *name,
                        size_t size) {
    char from[HTML_TEXT], to[HTML_TEXT];
    html_seconds(moment->start_s, from);
    html_seconds(moment->start_s + moment->length_s, to);
    if (times->seconds < 120) {
        snprintf(name, size, "%.1f to %.1f s", moment->start_s, moment->start_s + moment->length_s);
    } else {
        snprintf(name, size, "%s to %s", from, to);
    }
}

static void put_table(const struct bench_html *html, const struct html_plot *plot,
                      const struct times *times, const struct column *column, size_t count) {
    const char *name[COLUMNS_MAX] = {"Time"};
    for (size_t i = 0; i < count; i++) {
        name[i + 1] = column[i].name;
    }
    html_table_begin(html->out, plot->title, true);
    html_table_head(html->out, name, count + 1);
    for (size_t i = 0; i < MOMENTS_MAX; i++) {
        const struct moment *at[RF_SIDES] = {0}, *any = NULL;
        for (unsigned side = html->sides; side-- > 0;) {
            at[side] = i < times->count[side] ? &times->moment[side][i] : NULL;
            any = at[side] ? at[side] : any;
        }
        if (!any) {
            break;
        }
        char when[3 * HTML_TEXT];
        name_moment(times, any, when, sizeof when);
        html_row_begin(html->out, html_axis_at(&plot->x, middle_of(any)), when);
        for (size_t k = 0; k < count; k++) {
            put_value(html->out, at[column[k].side], column[k].what);
        }
        fputs("</tr>\n", html->out);
    }
    html_table_end(html->out, true);
}

static void name_column(const struct bench_html *html, struct column *column, unsigned side,
                        int what, const char *name) {
    bool named = html->sides > 1;
    *column = (struct column){.side = side, .what = what};
    snprintf(column->name, sizeof column->name, "%s%s%s", named ? html->side[side].name : "",
             named && *name ? " " : "", named || *name ? name : "Requests a second");
}

/* ---- throughput ----------------------------------------------------------------------------------------- */

/* Seconds with errors: marks at the foot, whose height is the share of errors. */
static void put_errors(FILE *out, const struct html_plot *plot, const struct times *times,
                       unsigned sides) {
    fputs("<path class=\"bar bad\" d=\"", out);
    for (unsigned side = 0; side < sides; side++) {
        for (size_t i = 0; i < times->count[side]; i++) {
            const struct moment *moment = &times->moment[side][i];
            if (moment->errors == 0) {
                continue;
            }
            double x = html_axis_at(&plot->x, moment->start_s) * HTML_PLOT_WIDTH;
            double to =
                html_axis_at(&plot->x, moment->start_s + moment->length_s) * HTML_PLOT_WIDTH;
            double rate = moment->length_s > 0 ? (double)moment->errors / moment->length_s : 0;
            double high = fmax(html_axis_at(&plot->y, rate) * HTML_PLOT_HEIGHT, 4);
            fprintf(out, "M%.1f %dh%.1fv%.1fh%.1fz", x, HTML_PLOT_HEIGHT, fmax(to - x, 1.5), -high,
                    -fmax(to - x, 1.5));
        }
    }
    fputs("\"/>\n", out);
}

static void put_throughput_lines(const struct bench_html *html, const struct html_plot *plot,
                                 const struct times *times) {
    if (times->errors) {
        put_errors(html->out, plot, times, html->sides);
    }
    for (unsigned side = 0; side < html->sides; side++) {
        struct html_pen pen;
        html_line_begin(&pen, html->out, plot, html->side[side].mark);
        for (size_t i = 0; i < times->count[side]; i++) {
            const struct moment *moment = &times->moment[side][i];
            html_line_to(&pen, middle_of(moment), moment->rps);
        }
        html_line_end(&pen);
    }
}

static void put_throughput_words(const struct bench_html *html, const struct html_plot *plot,
                                 const struct times *times) {
    struct html_key key[RF_SIDES + 1];
    struct column column[COLUMNS_MAX];
    size_t keys = 0, columns = 0;
    for (unsigned side = 0; side < html->sides; side++) {
        memset(&key[keys], 0, sizeof key[keys]);
        snprintf(key[keys].css, sizeof key[keys].css, "%s", html->side[side].mark);
        snprintf(key[keys++].text, sizeof key[0].text, "%s",
                 html->sides > 1 ? html->side[side].name : "Requests");
        name_column(html, &column[columns++], side, THROUGHPUT, "");
    }
    for (unsigned side = 0; times->errors && side < html->sides; side++) {
        name_column(html, &column[columns++], side, ERRORS, html->sides > 1 ? "errors" : "Errors");
    }
    if (times->errors) {
        key[keys++] = (struct html_key){"block bad", "Errors"};
    }
    if (keys > 1) {
        html_legend(html->out, key, keys);
    }
    put_table(html, plot, times, column, columns);
}

/* `joined` says what became of the seconds that a point joins. */
static const char *say(const struct times *times, const char *what, const char *joined, char *note,
                       size_t size) {
    char text[HTML_TEXT];
    if (times->group > 1) {
        snprintf(note, size, "%s A point joins %s%s", what,
                 html_seconds((double)times->group, text), joined);
    } else {
        snprintf(note, size, "%s", what);
    }
    return note;
}

static void put_throughput(const struct bench_html *html, const struct times *times) {
    char note[200], label[200], rate[HTML_TEXT], took[HTML_TEXT];
    snprintf(label, sizeof label, "Requests a second over %s; at most %s.",
             html_seconds(times->seconds, took), html_rate(times->rps_max, rate));
    struct html_plot plot = {.title = "Throughput over time", .label = label};
    plot.note = say(times, "Requests a second.", ".", note, sizeof note);
    html_axis_seconds(&plot.x, times->seconds);
    html_axis_fit(&plot.x);
    html_axis_rate(&plot.y, times->rps_max);
    html_plot_begin(html->out, &plot);
    put_throughput_lines(html, &plot, times);
    html_plot_end(html->out);
    put_throughput_words(html, &plot, times);
    html_plot_close(html->out);
}

/* ---- latency --------------------------------------------------------------------------------------------- */

/* Of two sides only p50 and p99: more lines could not be told apart. */
static bool is_drawn(const struct bench_html *html, int what) {
    return html->sides == 1 || what == P50 || what == P99;
}

static void put_latency_line(const struct bench_html *html, const struct html_plot *plot,
                             const struct times *times, unsigned side, int what,
                             struct html_key *key) {
    struct html_pen pen;
    snprintf(key->css, sizeof key->css, "%s%s %s", html->side[side].mark,
             html->sides == 1 ? " solo" : "", latency_name[what]);
    snprintf(key->text, sizeof key->text, "%s%s%s", html->sides > 1 ? html->side[side].name : "",
             html->sides > 1 ? " " : "", latency_name[what]);
    html_line_begin(&pen, html->out, plot, key->css);
    for (size_t i = 0; i < times->count[side]; i++) {
        const struct moment *moment = &times->moment[side][i];
        html_line_to(&pen, middle_of(moment), moment->latency[what]);
    }
    html_line_end(&pen);
}

static void put_latency(const struct bench_html *html, const struct times *times) {
    char note[300], label[200], low[HTML_TEXT], high[HTML_TEXT];
    snprintf(label, sizeof label, "Latency over time: medians from %s up, the slowest request %s.",
             html_duration(times->low_ns, low), html_duration(times->high_ns[SLOWEST], high));
    struct html_plot plot = {.title = "Latency over time", .label = label};
    html_axis_seconds(&plot.x, times->seconds);
    html_axis_fit(&plot.x);
    html_axis_latency(&plot.y, times->low_ns, times->high_ns[html->sides > 1 ? P99 : SLOWEST]);
    plot.note = say(times,
                    plot.y.log ? "Percentiles of each second, on a logarithmic scale."
                               : "Percentiles of each second.",
                    ": the mean of their p50, of all else the worst.", note, sizeof note);
    struct html_key key[RF_SIDES * LATENCIES];
    struct column column[COLUMNS_MAX];
    size_t count = 0;
    memset(key, 0, sizeof key);
    html_plot_begin(html->out, &plot);
    for (unsigned side = 0; side < html->sides; side++) {
        for (int what = LATENCIES; what-- > 0;) {
            if (is_drawn(html, what)) {
                name_column(html, &column[count], side, what, latency_name[what]);
                put_latency_line(html, &plot, times, side, what, &key[count++]);
            }
        }
    }
    html_plot_end(html->out);
    html_legend(html->out, key, count);
    put_table(html, &plot, times, column, count);
    html_plot_close(html->out);
}

bool bench_html_times(const struct bench_html *html) {
    struct times *times = calloc(1, sizeof *times);
    if (!times) {
        return false;
    }
    fill(html, times);
    if (times->count[0] || times->count[1]) {
        put_throughput(html, times);
    }
    if (times->high_ns[0] > 0) {
        put_latency(html, times);
    }
    free(times);
    return true;
}
