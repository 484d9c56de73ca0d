/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_text.c: see bench_text.h. Figures have three significant digits because histograms have no more; printf's %g was
 * rejected, as it drops the zeros that say so and turns to exponents. Nothing here may fail: of what is not known there is a
 * dash.
 */
#include "bench_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_text.h"
#include "text.h"

/* ---- figures ---------------------------------------------------------------------------------------- */

static char *dash(char *text) {
    snprintf(text, BENCH_FIGURE_BYTES / 2, "-");
    return text;
}

/* How many decimals make three digits of it. */
static int decimals(double number) {
    return number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
}

/* A duration that is a whole number of its unit was chosen by somebody: "20 ms" is not "20.0 ms". */
char *bench_duration(double ns, char *text) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    if (!(ns >= 0 && ns < 1e18)) {
        return dash(text);
    }
    unsigned unit = 0;
    while (unit < 3 && ns / units[unit].ns >= 999.5) {
        unit++;
    }
    double number = ns / units[unit].ns;
    bool whole = number == floor(number);
    snprintf(text, 24, "%.*f %s", whole ? 0 : decimals(number), number, units[unit].name);
    return text;
}

char *bench_count(uint64_t count, char *text) {
    return check_text_count(text, 32, count);
}

char *bench_rate(double per_second, char *text) {
    char digits[32];
    if (!(per_second >= 0 && per_second < 1e15)) {
        return dash(text);
    }
    if (per_second < 999.5) {
        bool whole = per_second == floor(per_second);
        snprintf(text, BENCH_FIGURE_BYTES, "%.*f/s", whole ? 0 : decimals(per_second), per_second);
        return text;
    }
    double step = pow(10, floor(log10(per_second)) - 2);
    bench_count((uint64_t)(round(per_second / step) * step + 0.5), digits);
    snprintf(text, BENCH_FIGURE_BYTES, "%s/s", digits);
    return text;
}

char *bench_share(double share, char *text) {
    double percent = 100 * share;
    if (!(percent >= 0 && percent <= 100)) {
        return dash(text);
    }
    const char *bound = percent <= 0     ? "0%"
                        : percent >= 100 ? "100%"
                        : percent > 99.9 ? ">99.9%"
                        : percent < 1e-3 ? "<0.001%"
                                         : NULL;
    int after = percent < 0.00995 ? 4 : percent < 0.0995 ? 3 : decimals(percent);
    if (bound) {
        snprintf(text, BENCH_FIGURE_BYTES, "%s", bound);
    } else {
        snprintf(text, BENCH_FIGURE_BYTES, "%.*f%%", after, percent);
    }
    return text;
}

char *bench_parts(double share, char *text) {
    if (!(fabs(share) < 1e6)) {
        return dash(text);
    }
    snprintf(text, BENCH_FIGURE_BYTES, "%.6g%%", 100 * share);
    return text;
}

char *bench_bytes(double bytes, char *text) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    if (!(bytes >= 0 && bytes < 1e18)) {
        return dash(text);
    }
    for (; bytes >= 999.5 && unit < 5; unit++) {
        bytes /= 1024;
    }
    snprintf(text, BENCH_FIGURE_BYTES, "%.*f %s", unit ? decimals(bytes) : 0, bytes, units[unit]);
    return text;
}

char *bench_value(enum rf_metric metric, double value, char *text) {
    switch (metric) {
    case RF_METRIC_RPS:
        return bench_rate(value, text);
    case RF_METRIC_ERRORS:
        return bench_share(value, text);
    default:
        return bench_duration(value, text);
    }
}

/* With a sign, but none before nothing. */
static char *change_number(enum rf_metric metric, double change, char *text) {
    double percent = metric == RF_METRIC_ERRORS ? 100 * change : 100 * (change - 1);
    int after = fabs(percent) >= 99.95 ? 0 : 1;
    if (fabs(percent) >= 999.5 && fabs(percent) <= 1e9) {
        double step = pow(10, floor(log10(fabs(percent))) - 2);
        percent = round(percent / step) * step;
    }
    if (metric == RF_METRIC_ERRORS && fabs(percent) < 9.995) {
        after = 2;
    }
    if (!isfinite(percent) || fabs(percent) > 1e9) {
        snprintf(text, BENCH_FIGURE_BYTES, "?");
    } else if (fabs(percent) * pow(10, after) < 0.5) {
        snprintf(text, BENCH_FIGURE_BYTES, "%.*f", after, 0.0);
    } else {
        snprintf(text, BENCH_FIGURE_BYTES, "%+.*f", after, percent);
    }
    return text;
}

char *bench_change(enum rf_metric metric, double change, char *text) {
    char number[BENCH_FIGURE_BYTES];
    change_number(metric, change, number);
    if (*number == '?') {
        return dash(text);
    }
    snprintf(text, BENCH_FIGURE_BYTES, "%.40s%s", number, metric == RF_METRIC_ERRORS ? " pp" : "%");
    return text;
}

char *bench_interval(enum rf_metric metric, double low, double high, char *text) {
    char from[BENCH_FIGURE_BYTES], to[BENCH_FIGURE_BYTES];
    bool errors = metric == RF_METRIC_ERRORS;
    /* A ratio's open end is 0, a difference's minus infinity. */
    bool open_low = !isfinite(low) || (!errors && low <= 0), open_high = !isfinite(high);
    if (open_low && open_high) {
        return dash(text);
    }
    change_number(metric, low, from);
    change_number(metric, high, to);
    snprintf(text, BENCH_FIGURE_BYTES, "%.16s%s .. %.16s%s", open_low ? "?" : from,
             errors || open_low ? "" : "%", open_high ? "?" : to,
             open_high ? ""
             : errors  ? " pp"
                       : "%");
    return text;
}

/* ---- what was measured ------------------------------------------------------------------------------ */

struct bench_sides bench_sides_measured(const struct bench_run *run) {
    struct bench_sides sides = {.name = {"", "B"}};
    for (unsigned i = 0; i < RF_SIDES; i++) {
        if (run->side[i]) {
            sides.figures[sides.count++] = run->side[i];
        }
    }
    if (sides.count == 2) {
        sides.name[0] = "A";
    }
    return sides;
}

struct bench_sides bench_sides_shown(const struct bench_run *run) {
    struct bench_sides sides = bench_sides_measured(run);
    if (sides.count == 1 && run->baseline) {
        sides = (struct bench_sides){
            .figures = {run->baseline, sides.figures[0]}, .name = {"then", "now"}, .count = 2};
    }
    return sides;
}

uint64_t bench_total(const struct rf_histogram *histogram) {
    return histogram ? rf_histogram_total(histogram) : 0;
}

double bench_cpu_us(const struct rf_load_figures *figures) {
    double seconds = figures->cpu_user_s + figures->cpu_system_s;
    return figures->requests ? seconds * 1e6 / (double)figures->requests : NAN;
}

double bench_error_share(const struct rf_load_figures *figures) {
    return figures->requests ? (double)figures->errors / (double)figures->requests : NAN;
}

const char *bench_error_name(const struct rf_load_figures *figures) {
    return figures->errors ? "first error" : "warm-up error";
}

double bench_seconds(const struct bench_run *run) {
    double seconds = 0;
    for (unsigned i = 0; i < RF_SIDES; i++) {
        if (run->side[i] && run->side[i]->seconds > 0 && run->side[i]->seconds < 1e12) {
            seconds += run->side[i]->seconds;
        }
    }
    return seconds;
}

static double block_value(const struct rf_load_block *block, enum rf_metric metric) {
    const double values[RF_METRICS] = {
        [RF_METRIC_RPS] = block->rps,    [RF_METRIC_MEAN] = block->mean_ns,
        [RF_METRIC_P50] = block->p50_ns, [RF_METRIC_P90] = block->p90_ns,
        [RF_METRIC_P99] = block->p99_ns, [RF_METRIC_ERRORS] = block->error_share,
    };
    return values[metric];
}

/* Welford's way: sums of squares of nanoseconds would lose what is looked for. */
double bench_deviation(const struct rf_load_figures *figures, enum rf_metric metric) {
    double mean = 0, squares = 0;
    size_t count = 0;
    for (size_t i = 0; i < figures->block_count; i++) {
        double value = block_value(&figures->block[i], metric);
        if (!isfinite(value)) {
            continue;
        }
        double off = value - mean;
        mean += off / (double)++count;
        squares += off * (value - mean);
    }
    return count >= 3 ? sqrt(squares / (double)(count - 1)) : NAN;
}

char *bench_url(const char *url, char *text, size_t size) {
    const char *origin = url ? strstr(url, "://") : NULL;
    if (!origin) {
        snprintf(text, size, "%.*s", url ? (int)strcspn(url, "?#") : 0, url ? url : "");
        return text;
    }
    origin += 3;
    int authority = (int)strcspn(origin, "/?#"), rest = (int)strcspn(origin + authority, "?#");
    const char *host = memrchr(origin, '@', (size_t)authority);
    host = host ? host + 1 : origin;
    snprintf(text, size, "%.*s%.*s%.*s", (int)(origin - url), url, authority - (int)(host - origin),
             host, rest, origin + authority);
    return text;
}

char *bench_entry_name(const struct rf_load_entry *entry, char *text, size_t size) {
    const char *name = entry->name ? entry->name : "", *origin = strstr(name, "://");
    const char *method_end = strchr(name, ' ');
    if (!origin || !method_end || method_end > origin) {
        snprintf(text, size, "%s", name);
        return text;
    }
    const char *path = origin + 3 + strcspn(origin + 3, "/?#");
    size_t path_bytes = *path == '/' ? strcspn(path, "?#") : 0;
    snprintf(text, size, "%.*s %.*s", (int)(method_end - name), name,
             path_bytes ? (int)path_bytes : 1, path_bytes ? path : "/");
    return text;
}

static bool is_taken(const struct bench_names *names, const char *text) {
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->text[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Two requests that differ in what is left out of a name get a number each. */
static void add_name(struct bench_names *names, const char *name, const char *side) {
    char suffix[16] = "", full[BENCH_FULL_NAME_BYTES];
    for (unsigned number = 2;; number++) {
        snprintf(full, sizeof full, "%s%s%s%s", side, *side ? ": " : "", *name ? name : "request",
                 suffix);
        if (!is_taken(names, full)) {
            break;
        }
        snprintf(suffix, sizeof suffix, " #%u", number);
    }
    memcpy(names->text[names->count++], full, sizeof full);
}

bool bench_names_init(struct bench_names *names, const struct rf_load_figures *figures,
                      const char *side) {
    size_t count = figures->entry_count <= BENCH_NAMES_MAX ? figures->entry_count : 0;
    *names = (struct bench_names){.text = calloc(count + 1, sizeof *names->text)};
    if (!names->text) {
        return false;
    }
    add_name(names, "all requests", side);
    for (size_t i = 0; i < count; i++) {
        char name[BENCH_NAME_BYTES];
        add_name(names, bench_entry_name(&figures->entry[i], name, sizeof name), side);
    }
    return true;
}

void bench_names_deinit(struct bench_names *names) {
    free(names->text);
}

/* ---- what it came to -------------------------------------------------------------------------------- */

enum bench_outcome bench_outcome(const struct bench_run *run) {
    if (run->interrupted || run->exit == RF_INTERRUPTED || run->exit == RF_TERMINATED) {
        return BENCH_INTERRUPTED;
    }
    switch (run->exit) {
    case 0:
        return BENCH_PASSED;
    case 5:
        return BENCH_FAILED;
    case 6:
        return BENCH_INCONCLUSIVE;
    default:
        return BENCH_HAD_ERRORS;
    }
}

const char *bench_threshold_words(const struct bench_threshold *threshold) {
    if (*threshold->shown) {
        return threshold->shown;
    }
    return !threshold->known   ? "there is nothing to compare it with"
           : threshold->failed ? "it failed"
                               : "it held";
}

/* "p99 +12.3%, rps -4.6%" of those judged metrics that ended so; without `figures` their names alone. */
static size_t add_metrics(char *text, size_t size, size_t used, const struct bench_run *run,
                          enum rf_change verdict, bool figures) {
    const char *between = "";
    char change[BENCH_FIGURE_BYTES];
    for (enum rf_metric i = 0; i < RF_METRICS; i++) {
        if (!run->comparison->metric[i].judged || run->comparison->metric[i].verdict != verdict) {
            continue;
        }
        bench_change(i, run->comparison->metric[i].change, change);
        used = text_add(text, size, used, "%s%s%s%s", between, rf_metric_name(i),
                        figures ? " " : "", figures ? change : "");
        between = ", ";
    }
    return used;
}

static size_t add_thresholds(char *text, size_t size, size_t used, const struct bench_run *run) {
    size_t failed = 0, count = run->threshold_count;
    for (size_t i = 0; i < count; i++) {
        failed += run->threshold[i].failed;
    }
    if (!count) {
        return used;
    }
    const char *between = used ? "; " : "";
    if (failed == count || failed == 0) {
        return text_add(text, size, used, "%s%s%zu threshold%s %s", between,
                        count == 1 ? "" : "all ", count, count == 1 ? "" : "s",
                        failed ? "failed" : "held");
    }
    return text_add(text, size, used, "%s%zu of %zu thresholds failed", between, failed, count);
}

static void say_failed(char *text, size_t size, const struct bench_run *run) {
    size_t used = 0;
    if (run->comparison && run->comparison->verdict == RF_CHANGE_REGRESSED) {
        used = text_add(text, size, used, "regressed: ");
        used = add_metrics(text, size, used, run, RF_CHANGE_REGRESSED, true);
    }
    add_thresholds(text, size, used, run);
}

static void say_inconclusive(char *text, size_t size, const struct bench_run *run) {
    size_t used = text_add(text, size, 0, "inconclusive: ");
    char limits[BENCH_HEADLINE_BYTES / 2];
    if (*bench_limits(&run->machine, limits, sizeof limits)) {
        text_add(text, size, used, "%s", limits);
    } else if (run->incomparable) {
        text_add(text, size, used, "the baseline can't be compared: %s", run->incomparable);
    } else if (run->comparison && run->comparison->reason) {
        text_add(text, size, used, "%s", run->comparison->reason);
    } else if (run->comparison && run->comparison->verdict == RF_CHANGE_INCONCLUSIVE) {
        used = text_add(text, size, used, "the data don't decide about ");
        add_metrics(text, size, used, run, RF_CHANGE_INCONCLUSIVE, false);
    } else {
        text_add(text, size, used, "a threshold can't be told");
    }
}

static size_t add_errors(char *text, size_t size, size_t used, const struct bench_run *run) {
    struct bench_sides sides = bench_sides_measured(run);
    char errors[32], requests[32];
    const char *between = "";
    for (unsigned i = 0; i < sides.count; i++) {
        if (!sides.figures[i]->errors) {
            continue;
        }
        used = text_add(text, size, used, "%s%s of %s requests%s%s failed", between,
                        bench_count(sides.figures[i]->errors, errors),
                        bench_count(sides.figures[i]->requests, requests),
                        sides.count > 1 ? " to " : "", sides.name[i]);
        between = ", ";
    }
    return used;
}

static size_t add_same(char *text, size_t size, size_t used, const struct bench_run *run) {
    char effect[BENCH_FIGURE_BYTES], confidence[BENCH_FIGURE_BYTES];
    used = text_add(text, size, used, "same: no change of %s or more in ",
                    bench_parts(run->min_effect, effect));
    used = add_metrics(text, size, used, run, RF_CHANGE_SAME, false);
    return text_add(text, size, used, " (%s confidence)", bench_parts(run->confidence, confidence));
}

static void say_passed(char *text, size_t size, const struct bench_run *run) {
    char rate[BENCH_FIGURE_BYTES], p99[24];
    size_t used = 0;
    if (run->comparison && run->comparison->verdict == RF_CHANGE_IMPROVED) {
        used = text_add(text, size, used, "improved: ");
        used = add_metrics(text, size, used, run, RF_CHANGE_IMPROVED, true);
    } else if (run->comparison && run->comparison->verdict == RF_CHANGE_SAME) {
        used = add_same(text, size, used, run);
    }
    used = add_thresholds(text, size, used, run);
    const struct rf_load_figures *figures = run->side[RF_SIDE_A];
    if (!used && figures) {
        used = text_add(text, size, used, "%s", bench_rate(figures->rps, rate));
        if (bench_total(figures->latency)) {
            text_add(text, size, used, ", p99 %s",
                     bench_duration((double)rf_histogram_percentile(figures->latency, 99), p99));
        }
    }
}

char *bench_headline(const struct bench_run *run, char *text, size_t size) {
    text[0] = '\0';
    switch (bench_outcome(run)) {
    case BENCH_PASSED:
        say_passed(text, size, run);
        break;
    case BENCH_FAILED:
        say_failed(text, size, run);
        break;
    case BENCH_INCONCLUSIVE:
        say_inconclusive(text, size, run);
        break;
    case BENCH_INTERRUPTED:
        text_add(text, size, 0, "interrupted: these are the figures so far");
        break;
    case BENCH_HAD_ERRORS:
        if (!add_errors(text, size, 0, run)) {
            text_add(text, size, 0, "the run failed");
        }
        break;
    }
    return text;
}
