/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_judge.c: what blocks say of two sides, metric by metric: while a run of two sides goes on, from its
 * pairs, and afterwards of two runs, from their blocks. The statistics are engine/stats/compare.h's. Pure; the conductor's, and
 * rf_compare_blocks any thread's.
 */
#include <math.h>
#include <stdlib.h>

#include "engine_load.h"
#include "stats/robust.h"

/* ---- names ------------------------------------------------------------------------------------------ */

const char *rf_metric_name(enum rf_metric metric) {
    static const char *const names[RF_METRICS] = {"rps", "mean", "p50", "p90", "p99", "errors"};
    return (unsigned)metric < RF_METRICS ? names[metric] : "";
}

const char *rf_change_name(enum rf_change change) {
    static const char *const names[] = {"regressed", "improved", "same", "inconclusive"};
    return (unsigned)change < sizeof names / sizeof *names ? names[change] : "";
}

/* ---- metrics ---------------------------------------------------------------------------------------- */

static double value_of(const struct rf_load_block *block, enum rf_metric metric) {
    const double values[RF_METRICS] = {block->rps,    block->mean_ns, block->p50_ns,
                                       block->p90_ns, block->p99_ns,  block->error_share};
    return values[metric];
}

static unsigned judged_of(const struct rf_load_settings *settings) {
    unsigned all = (1U << RF_METRICS) - 1;
    return settings->judged & all ? settings->judged & all : all;
}

/* What is a small difference of errors is so in other terms than of time. */
static unsigned finer(enum rf_metric metric) {
    return metric == RF_METRIC_ERRORS ? RF_ERRORS_FINER : 1;
}

static struct compare_settings settings_of(const struct rf_load_settings *settings,
                                           enum rf_metric metric) {
    return (struct compare_settings){
        .scale = metric == RF_METRIC_ERRORS ? COMPARE_DIFFERENCE : COMPARE_RATIO,
        .higher_is_worse = metric != RF_METRIC_RPS,
        .confidence = settings->confidence,
        .family = (unsigned)__builtin_popcount(judged_of(settings)),
        .min_effect = settings->min_effect / finer(metric),
    };
}

static enum rf_change verdict_of(enum compare_verdict verdict) {
    static const enum rf_change changes[] = {
        [COMPARE_REGRESSED] = RF_CHANGE_REGRESSED,
        [COMPARE_IMPROVED] = RF_CHANGE_IMPROVED,
        [COMPARE_SAME] = RF_CHANGE_SAME,
        [COMPARE_INCONCLUSIVE] = RF_CHANGE_INCONCLUSIVE,
    };
    return changes[verdict];
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Of the blocks that say anything; NaN where none does. */
static double median(struct load_series_of blocks, enum rf_metric metric, double *scratch) {
    size_t count = 0;
    for (size_t i = 0; i < blocks.count; i++) {
        double value = value_of(&blocks.block[i], metric);
        if (!isnan(value))
            scratch[count++] = value;
    }
    qsort(scratch, count, sizeof *scratch, by_value);
    return count ? median_of_sorted(scratch, count) : NAN;
}

static double error_share(struct load_series_of blocks) {
    uint64_t errors = 0, requests = 0;
    for (size_t i = 0; i < blocks.count; i++) {
        errors += blocks.block[i].errors;
        requests += blocks.block[i].requests;
    }
    return requests ? (double)errors / (double)requests : NAN;
}

static double level(struct load_series_of blocks, enum rf_metric metric, double *scratch) {
    return metric == RF_METRIC_ERRORS ? error_share(blocks) : median(blocks, metric, scratch);
}

/* ---- the verdict on all ------------------------------------------------------------------------------- */

static bool any_judged(const struct rf_comparison *comparison, enum rf_change verdict) {
    for (unsigned i = 0; i < RF_METRICS; i++)
        if (comparison->metric[i].judged && comparison->metric[i].verdict == verdict)
            return true;
    return false;
}

static enum rf_change conclude(const struct rf_comparison *comparison) {
    static const enum rf_change order[] = {RF_CHANGE_REGRESSED, RF_CHANGE_INCONCLUSIVE,
                                           RF_CHANGE_IMPROVED};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (any_judged(comparison, order[i]))
            return order[i];
    return RF_CHANGE_SAME;
}

/* What it takes for anything to be told, and how that is said. */
struct enough {
    size_t blocks;
    const char *too_few;
};
static const struct enough of_pairs = {LOAD_PAIRS_MIN,
                                       "there are too few blocks: measure for longer"};
static const struct enough of_runs = {
    COMPARE_RUN_BLOCKS_MIN,
    "two runs are compared from 40 blocks of each on: measure both for 4 s or longer"};
_Static_assert(COMPARE_RUN_BLOCKS_MIN == 40 && 40 * LOAD_BLOCK_NS == 4 * NS_PER_S,
               "the sentence says so");

/* Why an inconclusive one is, where more of the same would not have helped. */
static const char *reason_of(const struct rf_comparison *comparison, struct load_series_of a,
                             struct load_series_of b, const struct enough *enough) {
    bool says_nothing = false;
    if (comparison->verdict != RF_CHANGE_INCONCLUSIVE)
        return NULL;
    if (a.count == 0 || b.count == 0)
        return "nothing was measured of one of the two";
    for (unsigned i = 0; i < RF_METRICS; i++) {
        if (!comparison->metric[i].judged ||
            comparison->metric[i].verdict != RF_CHANGE_INCONCLUSIVE)
            continue;
        if (isnan(comparison->metric[i].a) || isnan(comparison->metric[i].b))
            return "no request to one of the two was a success";
        says_nothing = says_nothing || comparison->metric[i].samples == 0;
    }
    if (a.count < enough->blocks || b.count < enough->blocks)
        return enough->too_few;
    return says_nothing ? "most of the time one of the two gave no good answer" : NULL;
}

static double change_of_levels(const struct rf_comparison *comparison, enum rf_metric metric) {
    double a = comparison->metric[metric].a, b = comparison->metric[metric].b;
    if (metric == RF_METRIC_ERRORS)
        return b - a;
    return a > 0 ? b / a : NAN;
}

/* After the levels: without samples they are all that is known of a change, and its interval is open. */
static void set_metric(struct rf_comparison *comparison, enum rf_metric metric,
                       const struct compare_result *result) {
    comparison->metric[metric].change =
        result->samples ? result->change : change_of_levels(comparison, metric);
    comparison->metric[metric].low = result->low;
    comparison->metric[metric].high = result->high;
    comparison->metric[metric].samples = result->samples;
    comparison->metric[metric].verdict = verdict_of(result->verdict);
}

static void set_levels(struct rf_comparison *comparison, unsigned judged, struct load_series_of a,
                       struct load_series_of b, double *scratch) {
    for (unsigned i = 0; i < RF_METRICS; i++) {
        comparison->metric[i].judged = judged & 1U << i;
        comparison->metric[i].a = level(a, (enum rf_metric)i, scratch);
        comparison->metric[i].b = level(b, (enum rf_metric)i, scratch);
    }
}

/* ---- a run of two sides ------------------------------------------------------------------------------- */

bool load_compare_init(struct load_compare *judge, const struct rf_load_settings *settings,
                       size_t pairs_max, size_t blocks_room) {
    *judge = (struct load_compare){.judged = judged_of(settings), .room = blocks_room};
    judge->scratch = malloc(blocks_room * sizeof *judge->scratch);
    bool well = judge->scratch;
    for (unsigned i = 0; i < RF_METRICS; i++) {
        struct compare_settings own = settings_of(settings, (enum rf_metric)i);
        well = compare_init(&judge->metric[i], &own, pairs_max) && well;
    }
    judge->comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    judge->comparison.reason = "nothing was measured of one of the two";
    return well;
}

void load_compare_deinit(struct load_compare *judge) {
    for (unsigned i = 0; i < RF_METRICS; i++)
        compare_deinit(&judge->metric[i]);
    free(judge->scratch);
    *judge = (struct load_compare){0};
}

void load_compare_add(struct load_compare *judge, const struct rf_load_block *a,
                      const struct rf_load_block *b) {
    judge->pairs++;
    for (unsigned i = 0; i < RF_METRICS; i++)
        compare_add(&judge->metric[i], value_of(a, (enum rf_metric)i),
                    value_of(b, (enum rf_metric)i));
}

void load_compare_look(struct load_compare *judge, struct load_series_of a,
                       struct load_series_of b) {
    struct rf_comparison *comparison = &judge->comparison;
    CHECK(a.count <= judge->room && b.count <= judge->room);
    set_levels(comparison, judge->judged, a, b, judge->scratch);
    for (unsigned i = 0; i < RF_METRICS; i++) {
        struct compare_result result = compare_judge(&judge->metric[i]);
        set_metric(comparison, (enum rf_metric)i, &result);
    }
    comparison->verdict = conclude(comparison);
    comparison->reason = reason_of(comparison, a, b, &of_pairs);
}

/* One that regressed decides it, whatever becomes of the others. */
bool load_compare_is_decided(const struct load_compare *judge) {
    return judge->pairs > 0 && judge->comparison.verdict != RF_CHANGE_INCONCLUSIVE;
}

/* ---- two runs ----------------------------------------------------------------------------------------- */

static struct compare_blocks column(struct load_series_of blocks, enum rf_metric metric,
                                    double *values) {
    for (size_t i = 0; i < blocks.count; i++)
        values[i] = value_of(&blocks.block[i], metric);
    return (struct compare_blocks){.value = values, .count = blocks.count};
}

bool rf_compare_blocks(const struct rf_load_block *a, size_t a_count, const struct rf_load_block *b,
                       size_t b_count, const struct rf_load_settings *settings,
                       struct rf_comparison *comparison) {
    struct load_series_of left = {a, a_count}, right = {b, b_count};
    double *values = malloc((a_count + b_count + 1) * sizeof *values);
    bool well = values;
    *comparison = (struct rf_comparison){.verdict = RF_CHANGE_INCONCLUSIVE};
    if (well)
        set_levels(comparison, judged_of(settings), left, right, values);
    for (unsigned i = 0; well && i < RF_METRICS; i++) {
        struct compare_settings own = settings_of(settings, (enum rf_metric)i);
        struct compare_result result;
        well = compare_runs(&own, COMPARE_BETWEEN_RUNS / finer((enum rf_metric)i),
                            column(left, (enum rf_metric)i, values),
                            column(right, (enum rf_metric)i, values + a_count), &result);
        if (well)
            set_metric(comparison, (enum rf_metric)i, &result);
    }
    free(values);
    if (well) {
        comparison->verdict = conclude(comparison);
        comparison->reason = reason_of(comparison, left, right, &of_runs);
    }
    return well;
}
