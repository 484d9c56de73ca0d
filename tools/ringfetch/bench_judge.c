/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_judge.c: what a run's figures mean for its exit status: thresholds against figures, limits of the generator, verdicts. A
 * threshold that can't be told is neither held nor failed, and the run is then inconclusive: a CI job must not pass because the
 * thing that it asks for was not measured. Main thread; allocates nothing.
 */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "bench_threshold.h"
#include "text.h"

/* ---- figures ------------------------------------------------------------------------------------- */

static const struct rf_histogram *histogram_of(const struct rf_load_figures *figures,
                                               enum threshold_phase phase) {
    switch (phase) {
    case PHASE_CONNECT:
        return figures->connect;
    case PHASE_TLS:
        return figures->tls;
    case PHASE_FIRST_BYTE:
        return figures->first_byte;
    case PHASE_LATENCY:
        break;
    }
    return figures->latency;
}

static double point_of(const struct rf_histogram *histogram, const struct threshold_rule *rule) {
    switch (rule->point) {
    case POINT_MEAN:
        return rf_histogram_mean(histogram);
    case POINT_MIN:
        return (double)rf_histogram_min(histogram);
    case POINT_MAX:
        return (double)rf_histogram_max(histogram);
    case POINT_PERCENTILE:
        break;
    }
    return (double)rf_histogram_percentile(histogram, rule->percent);
}

/* In the rule's unit; NULL, or why there is no such figure. */
static const char *actual_of(const struct rf_load_figures *figures,
                             const struct threshold_rule *rule, double *value) {
    if (rule->kind == THRESHOLD_TIME) {
        static const char *const why[] = {[PHASE_LATENCY] = "no request succeeded",
                                          [PHASE_CONNECT] = "no connection was timed",
                                          [PHASE_TLS] = "no TLS handshake was timed",
                                          [PHASE_FIRST_BYTE] = "no first byte was timed"};
        const struct rf_histogram *histogram = histogram_of(figures, rule->phase);
        if (!histogram || !rf_histogram_total(histogram))
            return why[rule->phase];
        *value = point_of(histogram, rule);
        return NULL;
    }
    if (rule->kind == THRESHOLD_ERRORS && !rule->share) {
        *value = (double)figures->errors;
        return NULL;
    }
    if (!figures->requests)
        return "no request ended";
    double requests = (double)figures->requests;
    if (rule->kind == THRESHOLD_RPS)
        *value = figures->rps;
    else if (rule->kind == THRESHOLD_ERRORS)
        *value = (double)figures->errors / requests;
    else
        *value = (figures->cpu_user_s + figures->cpu_system_s) * 1e9 / requests;
    return isfinite(*value) ? NULL : "it was not measured";
}

static const struct rf_load_figures *judged_side(const struct bench_run *run) {
    return run->side[RF_SIDE_B] ? run->side[RF_SIDE_B] : run->side[RF_SIDE_A];
}

/* What relative thresholds are relative to; NULL: `why` says why there is nothing. */
static const struct rf_load_figures *reference_of(const struct bench_run *run, const char **why) {
    if (run->side[RF_SIDE_B])
        return run->side[RF_SIDE_A];
    *why = run->incomparable ? "the baseline can't be compared" : "there is no baseline";
    return run->incomparable ? NULL : run->baseline;
}

/* ---- thresholds ---------------------------------------------------------------------------------- */

static const char *show(const struct threshold_rule *rule, double value, char text[32]) {
    if (rule->kind == THRESHOLD_ERRORS && rule->share) {
        snprintf(text, 32, "%.3g%%", value * 100);
    } else if (rule->kind == THRESHOLD_RPS || rule->kind == THRESHOLD_ERRORS) {
        bench_count(value > 0 && value < 1e18 ? (uint64_t)llround(value) : 0, text);
    } else {
        bench_duration(value, text);
    }
    return text;
}

static void say(const struct threshold_rule *rule, double reference,
                struct bench_threshold *threshold) {
    char actual[32], limit[32], base[32];
    size_t used =
        text_add(threshold->shown, sizeof threshold->shown, 0, "%s is %s, %s is %s", rule->name,
                 show(rule, threshold->actual, actual), rule->above ? "allowed" : "asked for",
                 show(rule, threshold->limit, limit));
    if (rule->relative) {
        text_add(threshold->shown, sizeof threshold->shown, used, " (%+.3g%% of %s)",
                 rule->value * 100, show(rule, reference, base));
    }
}

/* Errors are rare, and five percent more than none is none: theirs is a difference of shares. */
static double limit_of(const struct threshold_rule *rule, double reference) {
    if (!rule->relative)
        return rule->value;
    return rule->kind == THRESHOLD_ERRORS ? reference + rule->value : reference * (1 + rule->value);
}

static bool exceeds(const struct threshold_rule *rule, double actual, double limit) {
    if (rule->equal)
        return rule->above ? actual >= limit : actual <= limit;
    return rule->above ? actual > limit : actual < limit;
}

static void judge_one(const struct bench_run *run, struct bench_threshold *threshold) {
    struct threshold_rule rule;
    char complaint[256];
    double reference = 0;
    *threshold = (struct bench_threshold){.text = threshold->text};
    if (!threshold_parse(threshold->text, &rule, complaint, sizeof complaint)) {
        text_add(threshold->shown, sizeof threshold->shown, 0, "not understood: %s", complaint);
        return;
    }
    const char *why = actual_of(judged_side(run), &rule, &threshold->actual);
    if (!why && rule.relative) {
        const struct rf_load_figures *to = reference_of(run, &why);
        why = to ? actual_of(to, &rule, &reference) : why;
    }
    if (why) {
        text_add(threshold->shown, sizeof threshold->shown, 0, "%s can't be told: %s", rule.name,
                 why);
        return;
    }
    threshold->known = true;
    threshold->limit = limit_of(&rule, reference);
    threshold->failed = exceeds(&rule, threshold->actual, threshold->limit);
    say(&rule, reference, threshold);
}

void bench_judge(struct bench_run *run) {
    for (size_t i = 0; i < run->threshold_count; i++)
        judge_one(run, &run->threshold[i]);
}

/* ---- the exit status ----------------------------------------------------------------------------- */

static bool any_failed(const struct bench_run *run) {
    for (size_t i = 0; i < run->threshold_count; i++) {
        if (run->threshold[i].failed)
            return true;
    }
    return run->comparison && run->comparison->verdict == RF_CHANGE_REGRESSED;
}

static bool any_undecided(const struct bench_run *run) {
    for (size_t i = 0; i < run->threshold_count; i++) {
        if (!run->threshold[i].known)
            return true;
    }
    return run->machine.limits || run->incomparable ||
           (run->comparison && run->comparison->verdict == RF_CHANGE_INCONCLUSIVE);
}

bool bench_errors_judged(const struct bench_run *run) {
    for (size_t i = 0; i < run->threshold_count; i++) {
        struct threshold_rule rule;
        char why[256];
        if (threshold_parse(run->threshold[i].text, &rule, why, sizeof why) &&
            rule.kind == THRESHOLD_ERRORS)
            return true;
    }
    return false;
}

int bench_exit(const struct bench_run *run, int rf_exit) {
    enum { REGRESSED = 5, INCONCLUSIVE = 6 };
    if (rf_exit != RF_OK)
        return rf_exit;
    if (any_failed(run))
        return REGRESSED;
    if (any_undecided(run))
        return INCONCLUSIVE;
    for (size_t i = 0; i < RF_SIDES; i++) {
        if (run->side[i] && run->side[i]->errors && !bench_errors_judged(run))
            return RF_SOME_FAILED;
    }
    return RF_OK;
}

char *bench_limits(const struct rf_load_machine *machine, char *text, size_t size) {
    char cpu[64];
    snprintf(cpu, sizeof cpu, "a worker used %.0f%% of its core", machine->worker_cpu * 100);
    const struct {
        unsigned limit;
        const char *what;
    } rows[] = {
        {RF_LIMIT_CPU, cpu},
        {RF_LIMIT_SCHEDULE, "requests left later than scheduled"},
        {RF_LIMIT_PORTS, "no local port was free"},
        {RF_LIMIT_DESCRIPTORS, "no descriptor was free"},
        {RF_LIMIT_OUTSTANDING, "as many requests were outstanding as --max-outstanding allows"},
        {RF_LIMIT_MEMORY, "memory was out"},
    };
    size_t used = 0;
    if (size)
        text[0] = '\0';
    for (size_t i = 0; size && i < sizeof rows / sizeof *rows; i++) {
        if (machine->limits & rows[i].limit) {
            used = text_add(text, size, used, "%s%s",
                            used ? "; " : "the generator was the limit: ", rows[i].what);
        }
    }
    return text;
}
