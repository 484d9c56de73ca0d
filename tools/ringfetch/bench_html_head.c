/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_head.c: what the page opens with: the verdict, or what was measured where nobody asked for one; what must be known before
 * the figures are believed; where they are from; and the figures themselves, large. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { URL_BYTES = 500, LINE_BYTES = 600, HEADS_MAX = 2 };

/* ---- verdicts --------------------------------------------------------------------------------------- */

struct head {
    char text[120];
    const char *mark, *sign; /* colour, and what says the same without one */
    unsigned rank;           /* the highest comes first */
};

/* A generator at its limit spoils every verdict but a regression, as it does in the exit status. */
static bool is_spoilt(const struct bench_run *run) {
    return run->machine.limits &&
           !(run->comparison && run->comparison->verdict == RF_CHANGE_REGRESSED);
}

static bool head_of_comparison(const struct bench_run *run, struct head *head) {
    static const struct head heads[] = {
        [RF_CHANGE_REGRESSED] = {"Regressed", "regressed", "×", 6},
        [RF_CHANGE_IMPROVED] = {"Improved", "improved", "✓", 1},
        [RF_CHANGE_SAME] = {"No change that counts", "same", "=", 2},
        [RF_CHANGE_INCONCLUSIVE] = {"Inconclusive", "inconclusive", "?", 4},
    };
    if (!run->comparison && !run->incomparable && !run->machine.limits) {
        return false;
    }
    bool known = run->comparison && !run->incomparable && !is_spoilt(run);
    *head = heads[known ? run->comparison->verdict : RF_CHANGE_INCONCLUSIVE];
    return true;
}

static const char *many(size_t count) {
    return count == 1 ? "" : "s";
}

static bool head_of_thresholds(const struct bench_run *run, struct head *head) {
    size_t count = run->threshold_count, failed = 0, unknown = 0;
    for (size_t i = 0; i < count; i++) {
        failed += run->threshold[i].known && run->threshold[i].failed;
        unknown += !run->threshold[i].known;
    }
    if (failed) {
        *head = (struct head){"", "regressed", "×", 5};
        snprintf(head->text, sizeof head->text, "%zu of %zu threshold%s failed", failed, count,
                 many(count));
    } else if (unknown) {
        *head = (struct head){"", "inconclusive", "?", 3};
        snprintf(head->text, sizeof head->text, "%zu of %zu threshold%s can't be told", unknown,
                 count, many(count));
    } else if (count) {
        *head = (struct head){"", "improved", "✓", 0};
        snprintf(head->text, sizeof head->text,
                 count == 1 ? "The threshold held" : "All %zu thresholds held", count);
    }
    return count > 0;
}

static size_t head_of_figures(const struct bench_html *html, struct head heads[HEADS_MAX]) {
    const struct rf_load_figures *figures = html->run->side[RF_SIDE_A];
    char rate[HTML_TEXT], errors[HTML_TEXT], all[HTML_TEXT];
    size_t count = 0;
    if (figures->requests == 0) {
        heads[0] = (struct head){"Nothing was measured", "inconclusive", "?", 0};
        return 1;
    }
    if (figures->errors >= figures->requests) {
        heads[0] = (struct head){"No request succeeded", "regressed", "×", 0};
        return 1;
    }
    if (bench_outcome(html->run) == BENCH_HAD_ERRORS && figures->errors) {
        heads[count] = (struct head){"", "regressed", "×", 0};
        snprintf(heads[count++].text, sizeof heads->text, "%s of %s requests failed",
                 html_count(figures->errors, errors), html_count(figures->requests, all));
    }
    heads[count] = (struct head){"", "none", NULL, 0};
    snprintf(heads[count++].text, sizeof heads->text, "%s requests a second",
             html_rate(figures->rps, rate));
    return count;
}

static size_t find_heads(const struct bench_html *html, struct head heads[HEADS_MAX]) {
    size_t count = 0;
    count += head_of_comparison(html->run, &heads[count]);
    count += head_of_thresholds(html->run, &heads[count]);
    if (count == 2 && heads[1].rank > heads[0].rank) {
        struct head first = heads[0];
        heads[0] = heads[1];
        heads[1] = first;
    }
    return count ? count : head_of_figures(html, heads);
}

void bench_html_headline(const struct bench_html *html, char *text, size_t size) {
    struct head heads[HEADS_MAX];
    find_heads(html, heads);
    snprintf(text, size, "%s", heads[0].text);
}

static void put_heads(const struct bench_html *html) {
    struct head heads[HEADS_MAX];
    size_t count = find_heads(html, heads);
    for (size_t i = 0; i < count; i++) {
        const char *tag = i == 0 ? "h1" : "p";
        fprintf(html->out, "<%s class=\"headline v-%s\">", tag, heads[i].mark);
        if (heads[i].sign) {
            fprintf(html->out, "<span class=\"sign\" aria-hidden=\"true\">%s</span>",
                    heads[i].sign);
        }
        fprintf(html->out, "<span>%s</span></%s>\n", heads[i].text, tag);
    }
}

/* ---- the sentence below ------------------------------------------------------------------------------- */

static const char *const metric_name[RF_METRICS] = {
    "requests a second", "mean latency", "p50", "p90", "p99", "error share"};

static void put_changes(const struct bench_html *html) {
    const struct rf_comparison *comparison = html->run->comparison;
    bool saved = html->side[0].figures == html->run->baseline;
    const char *comma = "";
    fprintf(html->out, "%s against %s%s: ", html->side[1].name,
            saved ? "the baseline" : html->side[0].name,
            comparison->verdict == RF_CHANGE_INCONCLUSIVE ? ", not decided" : "");
    for (enum rf_metric i = 0; i < RF_METRICS; i++) {
        if (!comparison->metric[i].judged || comparison->metric[i].verdict != comparison->verdict) {
            continue;
        }
        fprintf(html->out, "%s%s", comma, metric_name[i]);
        if (comparison->metric[i].samples) {
            char change[HTML_TEXT], interval[HTML_TEXT];
            fprintf(
                html->out, " <b>%s</b> (%s)", html_change(i, comparison->metric[i].change, change),
                html_interval(i, comparison->metric[i].low, comparison->metric[i].high, interval));
        }
        comma = ", ";
    }
    fputs(*comma ? "." : "no metric says so alone.", html->out);
}

static void put_figures(const struct bench_html *html) {
    const struct rf_load_figures *figures = html->run->side[RF_SIDE_A];
    char p50[HTML_TEXT], p99[HTML_TEXT], count[HTML_TEXT], all[HTML_TEXT], share[HTML_TEXT];
    if (figures->requests == 0) {
        fputs("No request ended in the measured time.", html->out);
        return;
    }
    if (!isnan(html_percentile(figures->latency, 50))) {
        fprintf(html->out, "Half of the requests took at most %s, 99%% at most %s; ",
                html_duration(html_percentile(figures->latency, 50), p50),
                html_duration(html_percentile(figures->latency, 99), p99));
    }
    if (figures->errors == 0) {
        fprintf(html->out, "none of %s failed.", html_count(figures->requests, all));
        return;
    }
    fprintf(html->out, "%s of %s failed (", html_count(figures->errors, count),
            html_count(figures->requests, all));
    html_text(html->out, html_share(bench_error_share(figures), share), HTML_TEXT);
    fputs(").", html->out);
}

static void put_spoilt(const struct bench_html *html) {
    char text[LINE_BYTES];
    bench_limits(&html->run->machine, text, sizeof text);
    fputs("These figures say more of this machine than of the server; ", html->out);
    html_text(html->out, text, sizeof text);
    fputc('.', html->out);
}

static void put_lead(const struct bench_html *html) {
    const struct bench_run *run = html->run;
    const struct rf_comparison *comparison = run->comparison;
    fprintf(html->out, "<p class=\"%s\">", is_spoilt(run) ? "notice" : "lead");
    if (is_spoilt(run)) {
        put_spoilt(html);
    } else if (run->incomparable) {
        fputs("The baseline can't be compared with: ", html->out);
        html_text(html->out, run->incomparable, LINE_BYTES);
        fputc('.', html->out);
    } else if (comparison && comparison->verdict == RF_CHANGE_INCONCLUSIVE && comparison->reason) {
        html_text(html->out, comparison->reason, LINE_BYTES);
        fputc('.', html->out);
    } else if (comparison && html->sides > 1) {
        put_changes(html);
    } else {
        put_figures(html);
    }
    fputs("</p>\n", html->out);
}

/* ---- warnings ------------------------------------------------------------------------------------------ */

static void warn(FILE *out, const char *intro, const char *text) {
    fprintf(out, "<p class=\"notice\" role=\"note\">%s", intro);
    html_text(out, text, LINE_BYTES);
    fputs("</p>\n", out);
}

static void put_warnings(const struct bench_html *html) {
    const struct bench_run *run = html->run;
    char text[LINE_BYTES];
    if (run->machine.limits && !is_spoilt(run)) {
        bench_limits(&run->machine, text, sizeof text);
        warn(html->out, "These figures say more of this machine than of the server; ", text);
    }
    if (run->interrupted) {
        warn(html->out, "", "The run was interrupted: the figures go as far as it got.");
    }
    for (unsigned i = 0; i < html->sides; i++) {
        const char *error = html->side[i].figures->first_error;
        if (error) {
            snprintf(text, sizeof text, "%s%s%s: ", html->sides > 1 ? html->side[i].name : "",
                     html->sides > 1 ? ", " : "", bench_error_name(html->side[i].figures));
            text[0] = (char)toupper(text[0]);
            warn(html->out, text, error);
        }
    }
}

/* ---- where and when -------------------------------------------------------------------------------------- */

static void put_urls(const struct bench_html *html) {
    char url[URL_BYTES];
    fputs("<p class=\"urls\">", html->out);
    for (unsigned i = 0; i < html->sides; i++) {
        const struct html_side *side = &html->side[i];
        fputs("<span class=\"url\">", html->out);
        if (html->sides > 1) {
            fprintf(html->out, "<b class=\"tag %s\">%s</b> ", side->mark, side->name);
        }
        fputs("<code>", html->out);
        html_text(html->out, bench_url(side->figures->url, url, sizeof url), sizeof url);
        fputs("</code></span>", html->out);
    }
    fputs("</p>\n", html->out);
}

static void put_fact(FILE *out, const char *name, const char *text) {
    if (text && *text) {
        fprintf(out, "<div><dt>%s</dt><dd>", name);
        html_text(out, text, LINE_BYTES);
        fputs("</dd></div>\n", out);
    }
}

static void put_facts(const struct bench_html *html) {
    const struct bench_run *run = html->run;
    const struct bench_fingerprint *where = &run->fingerprint;
    time_t second = (time_t)(run->started_us / 1000000);
    struct tm tm;
    char text[LINE_BYTES], took[HTML_TEXT];
    fputs("<dl class=\"facts\">\n", html->out);
    if (run->started_us > 0 && gmtime_r(&second, &tm) &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm)) {
        put_fact(html->out, "Begun", text);
    }
    put_fact(html->out, "Measured",
             html_seconds(html->side[html->sides - 1].figures->seconds, took));
    snprintf(text, sizeof text, "%u", run->runs);
    put_fact(html->out, "Runs joined", run->runs > 1 ? text : "");
    put_fact(html->out, "On", where->host);
    put_fact(html->out, "System", where->system);
    snprintf(text, sizeof text, "%.400s, %u core%s", where->cpu ? where->cpu : "", where->cores,
             many(where->cores));
    put_fact(html->out, "CPU", where->cores ? text : where->cpu);
    put_fact(html->out, "TLS", where->tls);
    put_fact(html->out, "Baseline", run->baseline_path);
    snprintf(text, sizeof text, "%d", run->exit);
    put_fact(html->out, "Exit status", text);
    fputs("</dl>\n", html->out);
}

/* ---- figures, large --------------------------------------------------------------------------------------- */

enum tile {
    TILE_RPS,
    TILE_P50,
    TILE_P90,
    TILE_P99,
    TILE_P999,
    TILE_MAX,
    TILE_ERRORS,
    TILE_CPU,
    TILES
};

static char *figure_of(const struct rf_load_figures *figures, enum tile tile,
                       char text[HTML_TEXT]) {
    const struct rf_histogram *latency = figures->latency;
    switch (tile) {
    case TILE_RPS:
        return html_rate(figures->rps, text);
    case TILE_P50:
        return html_duration(html_percentile(latency, 50), text);
    case TILE_P90:
        return html_duration(html_percentile(latency, 90), text);
    case TILE_P99:
        return html_duration(html_percentile(latency, 99), text);
    case TILE_P999:
        return html_duration(html_percentile(latency, 99.9), text);
    case TILE_MAX:
        return html_duration(html_percentile(latency, 100), text);
    case TILE_ERRORS:
        return html_share(bench_error_share(figures), text);
    default:
        return html_duration(bench_cpu_us(figures) * 1000, text);
    }
}

static void put_tile(const struct bench_html *html, enum tile tile, const char *name,
                     const char *meaning) {
    bool errors = false;
    for (unsigned i = 0; i < html->sides; i++) {
        errors = errors || html->side[i].figures->errors;
    }
    fprintf(html->out, "<div class=\"tile%s\"><dt>%s</dt>",
            tile == TILE_ERRORS && errors ? " v-regressed" : "", name);
    for (unsigned i = 0; i < html->sides; i++) {
        char text[HTML_TEXT];
        fputs("<dd>", html->out);
        if (html->sides > 1) {
            fprintf(html->out, "<span class=\"tag %s\">%s</span> ", html->side[i].mark,
                    html->side[i].brief);
        }
        fputs("<b>", html->out);
        html_text(html->out, figure_of(html->side[i].figures, tile, text), HTML_TEXT);
        fputs("</b></dd>", html->out);
    }
    fprintf(html->out, "<dd class=\"small\">%s</dd></div>\n", meaning);
}

static void put_tiles(const struct bench_html *html) {
    fprintf(
        html->out,
        "<section aria-labelledby=\"figures-title\">\n"
        "<h2 id=\"figures-title\" class=\"visually-hidden\">Figures</h2>\n<dl class=\"tiles%s\">\n",
        html->sides > 1 ? " two" : "");
    put_tile(html, TILE_RPS, "Throughput", "requests a second");
    put_tile(html, TILE_P50, "p50", "latency of half");
    put_tile(html, TILE_P90, "p90", "of 90%");
    put_tile(html, TILE_P99, "p99", "of 99%");
    put_tile(html, TILE_P999, "p99.9", "of 99.9%");
    put_tile(html, TILE_MAX, "Maximum", "the slowest");
    put_tile(html, TILE_ERRORS, "Errors", "share of all requests");
    put_tile(html, TILE_CPU, "CPU a request", "of this machine");
    fputs("</dl></section>\n", html->out);
}

void bench_html_head(const struct bench_html *html) {
    fputs("<header>\n<p class=\"brand\">ringfetch bench</p>\n", html->out);
    put_heads(html);
    put_lead(html);
    put_urls(html);
    put_warnings(html);
    put_facts(html);
    fputs("</header>\n<main>\n", html->out);
    put_tiles(html);
}
