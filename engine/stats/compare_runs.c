/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * compare_runs.c: a run against a saved one. Nothing pairs their blocks, and neighbouring blocks of
 * one run resemble each other, so each run is cut into ten batches in the order of time, long enough
 * that batches hardly do (batch means, as simulation studies use them), and Welch's interval is
 * taken between the batches' medians. Drift and slow noise make batches differ and the interval wide,
 * as they should. Asked once, at the end of a run; any thread.
 *
 * Rejected: the block bootstrap and long-run variances from autocorrelations. With a hundred blocks
 * both understate what slow noise does, and neither has a degree of freedom to say so.
 */
#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "stats/compare.h"
#include "stats/quantile.h"
#include "stats/robust.h"

enum { BATCHES = 10 };

/* Welch and Satterthwaite. What is known beforehand brings variance, but no doubt about it. */
struct compare_welch compare_welch(struct compare_mean a, struct compare_mean b, double extra,
                                   double confidence) {
    CHECK(a.count >= 2 && b.count >= 2);
    double of_a = a.variance / (double)a.count, of_b = b.variance / (double)b.count;
    double sum = of_a + of_b + extra;
    double doubt = of_a * of_a / (double)(a.count - 1) + of_b * of_b / (double)(b.count - 1);
    /* Both all equal: a tiny number would do as well, as the interval has no width. */
    double freedom = doubt > 0 ? sum * sum / doubt : 1e9;
    double half = student_quantile(0.5 + confidence / 2, fmin(freedom, 1e9)) * sqrt(sum);
    double difference = b.mean - a.mean;
    return (struct compare_welch){difference, difference - half, difference + half, freedom};
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* What a batch counts as: the median, but of differences the mean, as errors are rare. */
static double centre_of_batch(enum compare_scale scale, double *value, size_t count) {
    double sum = 0;
    if (scale == COMPARE_RATIO) {
        qsort(value, count, sizeof *value, by_value);
        return log(median_of_sorted(value, count));
    }
    for (size_t i = 0; i < count; i++)
        sum += value[i];
    return sum / (double)count;
}

static size_t usable_blocks(enum compare_scale scale, struct compare_blocks blocks, double *value) {
    size_t count = 0;
    for (size_t i = 0; i < blocks.count; i++)
        if (isfinite(blocks.value[i]) && (scale == COMPARE_DIFFERENCE || blocks.value[i] >= 0))
            value[count++] = blocks.value[i];
    return count;
}

/* False: too few blocks, or batches without any answer, which have no logarithm. */
static bool batch_mean(enum compare_scale scale, double *value, size_t count,
                       struct compare_mean *result) {
    double centre[BATCHES], sum = 0, squares = 0;
    if (count < COMPARE_RUN_BLOCKS_MIN)
        return false;
    for (size_t i = 0; i < BATCHES; i++) {
        size_t from = count * i / BATCHES, to = count * (i + 1) / BATCHES;
        centre[i] = centre_of_batch(scale, value + from, to - from);
        sum += centre[i];
    }
    for (size_t i = 0; i < BATCHES; i++)
        squares += (centre[i] - sum / BATCHES) * (centre[i] - sum / BATCHES);
    *result = (struct compare_mean){sum / BATCHES, squares / (BATCHES - 1), BATCHES};
    return isfinite(squares);
}

/* The standard deviation between runs on the inner scale, as a variance of two runs' difference. */
static double variance_between(const struct compare_settings *settings, double between) {
    double deviation = settings->scale == COMPARE_RATIO ? log1p(between) : between;
    return 2 * deviation * deviation;
}

bool compare_runs(const struct compare_settings *settings, double between, struct compare_blocks a,
                  struct compare_blocks b, struct compare_result *result) {
    CHECK(settings->confidence >= 0.5 && settings->confidence < 1);
    CHECK(settings->min_effect >= 0 && settings->family >= 1 && between >= 0);
    struct compare_mean of_a, of_b;
    double *value = calloc(a.count + b.count + 1, sizeof *value);
    if (!value)
        return false;
    size_t a_count = usable_blocks(settings->scale, a, value);
    size_t b_count = usable_blocks(settings->scale, b, value + a_count);
    if (batch_mean(settings->scale, value, a_count, &of_a) &&
        batch_mean(settings->scale, value + a_count, b_count, &of_b)) {
        double alpha = (1 - settings->confidence) / settings->family;
        struct compare_welch welch =
            compare_welch(of_a, of_b, variance_between(settings, between), 1 - alpha);
        *result = compare_conclude(settings, welch.difference, welch.low, welch.high, 2 * BATCHES);
    } else {
        *result = compare_conclude(settings, 0, -INFINITY, INFINITY, 0);
    }
    free(value);
    return true;
}
