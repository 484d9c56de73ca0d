/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_compare.c: one side against the other, and thresholds. Every metric has a row with its interval drawn around "no change"; what
 * is too small to count is shaded. A verdict's colour never stands alone: sign and word are beside it. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *sign;
} verdicts[] = {
    [RF_CHANGE_REGRESSED] = {"regressed", "×"},
    [RF_CHANGE_IMPROVED] = {"improved", "✓"},
    [RF_CHANGE_SAME] = {"same", "="},
    [RF_CHANGE_INCONCLUSIVE] = {"inconclusive", "?"},
};

static void put_verdict(FILE *out, const char *name, const char *sign) {
    fprintf(out,
            "<span class=\"sign-box v-%s\"><span class=\"sign\" "
            "aria-hidden=\"true\">%s</span>%s</span>",
            name, sign, name);
}

/* ---- the scale that all rows share --------------------------------------------------------------------- */

/* Changes of 1 / 1.1 and of 1.1 lie equally far from none, so the scale is logarithmic; a difference of shares is put where its
 * ratio would be. */
struct scale {
    double reach; /* the logarithm at either end */
};
enum { REACH_MAX = 8 /* times; beyond it an arrow says so */ };

static double change_log(enum rf_metric metric, double change) {
    return metric == RF_METRIC_ERRORS ? log1p(fmax(change, -0.99)) : log(fmax(change, 1e-3));
}

static double at_percent(const struct scale *scale, double logarithm) {
    return 50 + 50 * fmax(-1, fmin(1, logarithm / scale->reach));
}

static void stretch(struct scale *scale, enum rf_metric metric, double end) {
    bool open = !isfinite(end) || (metric != RF_METRIC_ERRORS && end <= 0);
    if (!open) {
        scale->reach = fmax(scale->reach, fabs(change_log(metric, end)) * 1.08);
    }
}

static struct scale scale_of(const struct bench_run *run) {
    struct scale scale = {.reach = log1p(fmax(run->min_effect, 0.01)) * 1.6};
    for (int i = 0; i < RF_METRICS; i++) {
        if (run->comparison->metric[i].samples) {
            stretch(&scale, (enum rf_metric)i, run->comparison->metric[i].low);
            stretch(&scale, (enum rf_metric)i, run->comparison->metric[i].high);
        }
    }
    scale.reach = fmin(scale.reach, log(REACH_MAX));
    return scale;
}

/* Where a step down lies: less 20% for 20% more, but half for twice. */
static double below(double step) {
    return step < 1 ? 1 - step : 1 / (1 + step);
}

/* The largest step whose labels still stand well inside. */
static double percent_step(const struct scale *scale) {
    static const double steps[] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps &&
           -log(below(steps[i + 1])) <= scale->reach * 0.75) {
        i++;
    }
    return steps[i];
}

static void put_scale(FILE *out, const struct scale *scale) {
    double step = percent_step(scale);
    const double change[] = {below(step), 1, 1 + step};
    fputs("<svg class=\"interval scale\" width=\"100%\" height=\"22\" aria-hidden=\"true\">", out);
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        char text[24];
        snprintf(text, sizeof text, "%s%.3g%%", i ? "+" : "−", fabs(change[i] - 1) * 100);
        fprintf(out, "<text class=\"muted middle\" x=\"%.2f%%\" y=\"14\">%s</text>",
                at_percent(scale, log(change[i])), i == 1 ? "no change" : text);
    }
    fputs("</svg>", out);
}

/* ---- a row ------------------------------------------------------------------------------------------------ */

static void put_guides(FILE *out, const struct bench_run *run, enum rf_metric metric,
                       const struct scale *scale) {
    double finer = metric == RF_METRIC_ERRORS ? RF_ERRORS_FINER : 1;
    double zone = log1p(run->min_effect / finer), step = percent_step(scale);
    const double line[] = {log(below(step)), 0, log1p(step)};
    fprintf(out, "<rect class=\"zone\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"0\" height=\"34\"/>",
            at_percent(scale, -zone), at_percent(scale, zone) - at_percent(scale, -zone));
    for (int i = 0; i < 3; i++) {
        double x = at_percent(scale, line[i]);
        fprintf(out, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"34\"/>",
                i == 1 ? "none-line" : "grid", x, x);
    }
}

static void put_interval(FILE *out, const struct bench_run *run, enum rf_metric metric,
                         const struct scale *scale, bool known) {
    double low = change_log(metric, run->comparison->metric[metric].low);
    double high = change_log(metric, run->comparison->metric[metric].high);
    double change = change_log(metric, run->comparison->metric[metric].change);
    fputs("<svg class=\"interval\" width=\"100%\" height=\"34\" aria-hidden=\"true\">", out);
    put_guides(out, run, metric, scale);
    if (known) {
        double from = at_percent(scale, low), to = at_percent(scale, high);
        fprintf(
            out,
            "<rect class=\"span\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"11\" height=\"12\" rx=\"3\"/>",
            from, fmax(to - from, 0.4));
        fprintf(out, "<circle class=\"best\" cx=\"%.2f%%\" cy=\"17\" r=\"5.5\"/>",
                at_percent(scale, change));
        if (low < -scale->reach * 1.0001) {
            fputs("<text class=\"muted\" x=\"0\" y=\"9\">◂</text>", out);
        }
        if (high > scale->reach * 1.0001) {
            fputs("<text class=\"muted end\" x=\"100%\" y=\"9\">▸</text>", out);
        }
    }
    fputs("</svg>", out);
}

static char *value_of(enum rf_metric metric, double value, char text[HTML_TEXT]) {
    switch (metric) {
    case RF_METRIC_RPS:
        return html_rate(value, text);
    case RF_METRIC_ERRORS:
        return html_share(value, text);
    default:
        return html_duration(value, text);
    }
}

static void put_change(FILE *out, const struct bench_run *run, enum rf_metric metric, bool known) {
    char change[HTML_TEXT], interval[HTML_TEXT];
    if (!known) {
        fputs("<td role=\"cell\" class=\"c-change\">not known</td>", out);
        return;
    }
    fprintf(out, "<td role=\"cell\" class=\"c-change\"><b>%s</b><small>%s</small></td>",
            html_change(metric, run->comparison->metric[metric].change, change),
            html_interval(metric, run->comparison->metric[metric].low,
                          run->comparison->metric[metric].high, interval));
}

static void put_metric(const struct bench_html *html, enum rf_metric metric,
                       const struct scale *scale) {
    static const char *const name[RF_METRICS] = {"Requests a second", "Mean latency", "p50 latency",
                                                 "p90 latency",       "p99 latency",  "Errors"};
    const struct bench_run *run = html->run;
    bool known =
        run->comparison->metric[metric].samples && isfinite(run->comparison->metric[metric].change);
    enum rf_change verdict = run->comparison->metric[metric].verdict;
    const double value[] = {run->comparison->metric[metric].a, run->comparison->metric[metric].b};
    bool judged = run->comparison->metric[metric].judged;
    fprintf(html->out,
            "<tr role=\"row\" class=\"v-%s\"><th role=\"rowheader\" scope=\"row\" "
            "class=\"c-metric\">%s</th>",
            verdicts[verdict].name, name[metric]);
    for (int i = 0; i < 2; i++) {
        char text[HTML_TEXT];
        fprintf(html->out, "<td role=\"cell\" class=\"c-value\"><span class=\"tag %s\">%s</span> ",
                html->side[i].mark, html->side[i].name);
        html_text(html->out, value_of(metric, value[i], text), HTML_TEXT);
        fputs("</td>", html->out);
    }
    put_change(html->out, run, metric, known);
    fputs("<td role=\"cell\" class=\"c-interval\">", html->out);
    put_interval(html->out, run, metric, scale, known);
    fputs("</td><td role=\"cell\" class=\"c-verdict\">", html->out);
    put_verdict(html->out, verdicts[verdict].name, verdicts[verdict].sign);
    fprintf(html->out, "%s</td></tr>\n", judged ? "" : "<small>does not decide</small>");
}

/* ---- the table -------------------------------------------------------------------------------------------- */

static void put_note(const struct bench_html *html) {
    const struct bench_run *run = html->run;
    size_t samples = 0;
    for (int i = 0; i < RF_METRICS; i++) {
        size_t of = run->comparison->metric[i].samples;
        samples = of > samples ? of : samples;
    }
    fputs("<p class=\"note\">Medians of blocks", html->out);
    if (samples) {
        fprintf(html->out, ", from %zu %s", samples,
                run->side[RF_SIDE_B] ? "pairs of blocks" : "batches");
    }
    fprintf(
        html->out,
        ". The bar is the interval that holds the true change with a confidence of %.4g%%, the "
        "dot its likeliest value; between −%.3g%% and +%.3g%%, where it is shaded, a change is too "
        "small to count; of errors, between −%.3g and +%.3g points.</p>\n",
        run->confidence * 100, (1 - 1 / (1 + run->min_effect)) * 100, run->min_effect * 100,
        run->min_effect * 100 / RF_ERRORS_FINER, run->min_effect * 100 / RF_ERRORS_FINER);
}

void bench_html_compare(const struct bench_html *html) {
    const struct bench_run *run = html->run;
    if (!run->comparison || html->sides < 2) {
        return;
    }
    struct scale scale = scale_of(run);
    bool saved = html->side[0].figures == run->baseline;
    fprintf(html->out,
            "<section aria-labelledby=\"compare-title\">\n<h2 id=\"compare-title\">%s</h2>\n",
            saved ? "This run against the baseline" : "B against A");
    put_note(html);
    fputs("<div class=\"card\"><table class=\"compare\" role=\"table\" "
          "aria-labelledby=\"compare-title\">\n"
          "<thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" "
          "scope=\"col\">Metric</th>",
          html->out);
    for (int i = 0; i < 2; i++) {
        fprintf(html->out, "<th role=\"columnheader\" scope=\"col\">%s</th>", html->side[i].name);
    }
    fputs("<th role=\"columnheader\" scope=\"col\">Change</th><th role=\"columnheader\" "
          "scope=\"col\" class=\"c-interval\">"
          "<span class=\"visually-hidden\">Interval</span>",
          html->out);
    put_scale(html->out, &scale);
    fputs("</th><th role=\"columnheader\" scope=\"col\">Verdict</th></tr></thead>\n<tbody "
          "role=\"rowgroup\">\n",
          html->out);
    for (int i = 0; i < RF_METRICS; i++) {
        put_metric(html, (enum rf_metric)i, &scale);
    }
    fputs("</tbody></table></div></section>\n", html->out);
}

/* ---- thresholds -------------------------------------------------------------------------------------------- */

void bench_html_thresholds(const struct bench_html *html) {
    static const char *const column[] = {"Threshold", "Result", "Measured"};
    const struct bench_run *run = html->run;
    if (run->threshold_count == 0) {
        return;
    }
    fputs("<section aria-labelledby=\"thresholds-title\">\n<h2 "
          "id=\"thresholds-title\">Thresholds</h2>\n"
          "<div class=\"card thresholds\">",
          html->out);
    html_table_begin(html->out, "Thresholds", false);
    html_table_head(html->out, column, 3);
    for (size_t i = 0; i < run->threshold_count; i++) {
        const struct bench_threshold *threshold = &run->threshold[i];
        fputs("<tr><th scope=\"row\"><code>", html->out);
        html_text(html->out, threshold->text, 300);
        fputs("</code></th><td>", html->out);
        put_verdict(html->out,
                    !threshold->known   ? "unknown"
                    : threshold->failed ? "failed"
                                        : "held",
                    !threshold->known   ? "?"
                    : threshold->failed ? "×"
                                        : "✓");
        fputs("</td><td>", html->out);
        html_text(html->out, bench_threshold_words(threshold), sizeof threshold->shown);
        fputs("</td></tr>\n", html->out);
    }
    html_table_end(html->out, false);
    fputs("</div></section>\n", html->out);
}
