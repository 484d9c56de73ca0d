/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_axis.c: scales and their ticks: steps of 1, 2 and 5, of minutes and hours where time passes, decades where the scale is
 * logarithmic. See bench_html.h. Pure; any thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

#include "text.h"

typedef void label_fn(double value, char label[24]);

double html_axis_at(const struct html_axis *axis, double value) {
    double at = axis->log ? log(value / axis->low) / log(axis->high / axis->low)
                          : (value - axis->low) / (axis->high - axis->low);
    /* Written so that NaN becomes 0. */
    return at > 0 ? fmin(at, 1) : 0;
}

static void add_tick(struct html_axis *axis, double value, unsigned rank, label_fn *label) {
    double slack = axis->log ? 0 : (axis->high - axis->low) * 1e-9;
    if (axis->count == HTML_TICKS_MAX || value < axis->low - slack || value > axis->high + slack) {
        return;
    }
    struct html_tick *tick = &axis->tick[axis->count++];
    tick->at = html_axis_at(axis, value);
    tick->rank = rank;
    tick->seen = HTML_ALWAYS;
    label(value, tick->label);
}

/* ---- labels ----------------------------------------------------------------------------------------- */

static void label_duration(double ns, char label[24]) {
    static const char *const unit[] = {"ns", "µs", "ms", "s"};
    unsigned at = 0;
    while (ns >= 999.9995 && at < 3) {
        ns /= 1000;
        at++;
    }
    snprintf(label, 24, ns == 0 ? "0" : "%.6g %s", ns, unit[at]);
}

static void label_rate(double rate, char label[24]) {
    static const char *const unit[] = {"", "k", "M", "G"};
    unsigned at = 0;
    while (rate >= 999.9995 && at < 3) {
        rate /= 1000;
        at++;
    }
    snprintf(label, 24, "%.6g%s", rate, unit[at]);
}

static void label_share(double share, char label[24]) {
    snprintf(label, 24, "%.6g%%", fabs(share) * 100);
}

static void label_seconds(double seconds, char label[24]) {
    snprintf(label, 24, seconds == 0 ? "0" : "%.6g s", seconds);
}

static void label_minutes(double seconds, char label[24]) {
    snprintf(label, 24, seconds == 0 ? "0" : "%.6g min", seconds / 60);
}

static void label_hours(double seconds, char label[24]) {
    snprintf(label, 24, seconds == 0 ? "0" : "%.6g h", seconds / 3600);
}

/* ---- linear ------------------------------------------------------------------------------------------ */

/* The step of 1, 2 or 5 that parts `span` into at most `most`. */
static double step_of(double span, double most) {
    double step = pow(10, floor(log10(span / most)));
    static const double factor[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof factor / sizeof *factor; i++) {
        if (span / (step * factor[i]) <= most * (1 + 1e-9)) {
            return step * factor[i];
        }
    }
    return step * 10;
}

static void linear_ticks(struct html_axis *axis, double step, label_fn *label) {
    axis->count = 0;
    long long first = (long long)ceil(axis->low / step - 1e-9);
    long long last = (long long)floor(axis->high / step * (1 + 1e-9));
    for (long long n = first; n <= last && axis->count < HTML_TICKS_MAX; n++) {
        add_tick(axis, (double)n * step, n % 2 ? 1 : 0, label);
    }
}

/* From 0 to the first step at or above `high`, or a little less where that would waste room. */
static void from_zero(struct html_axis *axis, double high, label_fn *label) {
    if (!(high > 0) || !isfinite(high)) {
        high = 1;
    }
    double step = step_of(high, 5);
    *axis = (struct html_axis){.low = 0, .high = fmax(high * 1.06, step)};
    linear_ticks(axis, step, label);
}

void html_axis_rate(struct html_axis *axis, double high) {
    from_zero(axis, high, label_rate);
}

void html_axis_share(struct html_axis *axis, double high) {
    from_zero(axis, high, label_share);
}

void html_axis_seconds(struct html_axis *axis, double seconds) {
    static const double steps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                   600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800};
    double step = step_of(fmax(seconds, 1e-3), 10);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && seconds > 10; i++) {
        step = steps[i];
        if (seconds / step <= 10) {
            break;
        }
    }
    step = fmax(step, seconds / (HTML_TICKS_MAX - 1));
    *axis = (struct html_axis){.low = 0, .high = fmax(seconds, 1e-3)};
    linear_ticks(axis, step, step < 60 ? label_seconds : step < 3600 ? label_minutes : label_hours);
}

/* ---- logarithmic -------------------------------------------------------------------------------------- */

enum { DECADES_WITH_STEPS = 4 }; /* in more than these only whole decades get a tick */

static void log_ticks(struct html_axis *axis, label_fn *label) {
    double decades = log10(axis->high / axis->low);
    int last = (int)floor(log10(axis->high));
    for (int decade = (int)floor(log10(axis->low)); decade <= last; decade++) {
        add_tick(axis, pow(10, decade), 0, label);
        if (decades <= DECADES_WITH_STEPS) {
            add_tick(axis, 2 * pow(10, decade), 2, label);
            add_tick(axis, 5 * pow(10, decade), 1, label);
        }
    }
    /* Within a few steps equal distances say more. */
    if (axis->count < 4) {
        linear_ticks(axis, step_of(axis->high - axis->low, 6), label);
    }
}

/* From a nanosecond to eleven days: what lies beyond is no duration that anybody waited for. */
static double within(double ns) {
    return ns > 1 ? fmin(ns, 1e15) : 1;
}

static void order(double *low, double *high) {
    *low = within(*low);
    *high = fmax(within(*high), *low);
}

void html_axis_duration(struct html_axis *axis, double low, double high) {
    order(&low, &high);
    /* All alike: something to stand in the middle of. */
    double room = fmax(pow(high / low, 0.04), low * 1.02 > high ? 1.2 : 1.005);
    *axis = (struct html_axis){.low = low / room, .high = high * room, .log = true};
    log_ticks(axis, label_duration);
}

enum { LINEAR_UP_TO = 8 }; /* times the least */

void html_axis_latency(struct html_axis *axis, double low, double high) {
    order(&low, &high);
    if (high <= low * LINEAR_UP_TO) {
        from_zero(axis, high, label_duration);
        return;
    }
    html_axis_duration(axis, low, high);
}

static void label_percent(double decades, char label[24]) {
    double percent = 100 - 100 / pow(10, decades);
    snprintf(label, 24, "%.*f%%", decades > 2.5 ? (int)(decades - 1.5) : 0, percent);
}

void html_axis_percent(struct html_axis *axis, double decades) {
    *axis = (struct html_axis){.low = 0, .high = fmax(decades, 1)};
    add_tick(axis, 0, 2, label_percent);
    add_tick(axis, log10(2), 1, label_percent);
    if (axis->high < 4) {
        add_tick(axis, log10(4), 3, label_percent);
    }
    int last = (int)(axis->high + 1e-9);
    for (int decade = 1; decade <= last; decade++) {
        add_tick(axis, decade, 0, label_percent);
    }
    html_axis_fit(axis);
}

/* ---- which labels fit ---------------------------------------------------------------------------------- */

/* Of the drawing's width in pixels what a phone and what a column of the page leave. */
enum { NARROW_PX = 250, WIDE_PX = 400, CHARACTER_PX = 7, GAP_PX = 8, RANKS = 4 };

static double reach(const struct html_tick *tick) {
    return (double)strlen(tick->label) * CHARACTER_PX + GAP_PX;
}

static bool fits(const struct html_axis *axis, unsigned at, double width, enum html_seen seen) {
    const struct html_tick *tick = &axis->tick[at];
    for (unsigned i = 0; i < axis->count; i++) {
        const struct html_tick *other = &axis->tick[i];
        double apart = fabs(other->at - tick->at) * width;
        if (i != at && other->seen <= seen && apart < (reach(tick) + reach(other)) / 2) {
            return false;
        }
    }
    return true;
}

static void fit_into(struct html_axis *axis, double width, enum html_seen seen) {
    for (unsigned rank = 0; rank < RANKS; rank++) {
        for (unsigned i = 0; i < axis->count; i++) {
            struct html_tick *tick = &axis->tick[i];
            if (tick->rank == rank && tick->seen == HTML_NEVER && fits(axis, i, width, seen)) {
                tick->seen = seen;
            }
        }
    }
}

void html_axis_fit(struct html_axis *axis) {
    for (unsigned i = 0; i < axis->count; i++) {
        axis->tick[i].seen = HTML_NEVER;
    }
    fit_into(axis, NARROW_PX, HTML_ALWAYS);
    fit_into(axis, WIDE_PX, HTML_WIDE);
}
