/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * compare.h: is server B worse than server A? Both were measured in short blocks that alternate in
 * one time window, and a pair of neighbouring blocks, one of each, is one sample; or B alone was
 * measured, and A in a run that was saved (compare_runs). Method, figures and what was rejected:
 * docs/decisions/0011-ab-statistics.md. One thread at a time; nothing here knows servers or clocks.
 *
 * Which of a pair's blocks comes first must be an independent toss of a fair coin for each pair: the
 * error rate rests on that and on nothing that the machine does. Blocks of 100 ms are right where
 * a hundred requests fit into one; see the page.
 */
#ifndef STATS_COMPARE_H
#define STATS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

enum compare_verdict { COMPARE_REGRESSED, COMPARE_IMPROVED, COMPARE_SAME, COMPARE_INCONCLUSIVE };
/* `regressed`, `improved`, `same`, `inconclusive`. */
const char *compare_verdict_name(enum compare_verdict verdict);

enum compare_scale {
    COMPARE_RATIO,      /* B / A: throughput and durations */
    COMPARE_DIFFERENCE, /* B - A: shares that are 0 as a rule, such as errors of all requests */
};

struct compare_settings {
    enum compare_scale scale;
    bool higher_is_worse; /* durations, errors; throughput not */
    /* How often, at least, a run in which A and B are the same ends without `regressed` and
     * `improved` however often it was looked at: 0.5 and up, below 1. */
    double confidence;
    /* In how many metrics of this run a verdict of that kind would count (1 and up). The run as a
     * whole keeps `confidence` when each is given their number. */
    unsigned family;
    /* A change of less does not count; 0.05 is a factor of 1.05 up or down, so that exchanging A and
     * B exchanges the verdicts, and with COMPARE_DIFFERENCE it is 0.05 more or less. With 0
     * nothing is ever the same. */
    double min_effect;
};

struct compare_result {
    /* B / A or B - A, and the interval that holds it. Where the samples are too few to say anything
     * the interval is from 0 (or minus infinity) to infinity. */
    double change, low, high;
    enum compare_verdict verdict;
    size_t samples; /* pairs; of two runs the batches of both */
};

/* One metric's pairs. */
struct compare {
    struct compare_settings settings;
    size_t count, room;
    double *change; /* of each pair, in the order of time: log(B / A) or B - A */
    double *scale;  /* of the pairs before each; 0 where they were too few, or all the same */
    double *sorted; /* `change` in rising order */
    double squares; /* sum of `change` squared */
};

/* Room for so many pairs, at least 1. False when memory is out. */
bool compare_init(struct compare *compare, const struct compare_settings *settings, size_t room);
void compare_deinit(struct compare *compare);
/* A pair's two values. False, and nothing changes: it is full, or the pair says nothing (NaN, or with
 * COMPARE_RATIO both 0 or one negative). */
bool compare_add(struct compare *compare, double a, double b);
/* After any pair, and as often as one likes; the run may end as soon as the verdict is another than
 * inconclusive. What is said at the end is the last call's answer. A few hundred passes over the
 * pairs. */
struct compare_result compare_judge(const struct compare *compare);

/* The same question where A's blocks come from an earlier run. Asked once, at the end: nothing here
 * allows for looking again. `between` is by how much two runs of one and the same server differ
 * beyond what is seen within them, as a standard deviation in the unit of min_effect; of one run
 * nobody can tell. False when memory is out. */
#define COMPARE_BETWEEN_RUNS 0.02
enum { COMPARE_RUN_BLOCKS_MIN = 40 }; /* of each run; of fewer nothing can be told */
struct compare_blocks {
    const double *value; /* in the order of time, NaN where a block says nothing */
    size_t count;
};
bool compare_runs(const struct compare_settings *settings, double between, struct compare_blocks a,
                  struct compare_blocks b, struct compare_result *result);

/* For compare_runs, and to be tested by itself: Welch's interval for the difference of two means. */
struct compare_mean {
    double mean, variance; /* of the sample */
    size_t count;          /* at least 2 */
};
struct compare_welch {
    double difference, low, high; /* b - a */
    double freedom;
};
/* `extra` is variance of the difference that is known beforehand. */
struct compare_welch compare_welch(struct compare_mean a, struct compare_mean b, double extra,
                                   double confidence);

/* For both ways: an interval on the inner scale (logarithms of ratios) becomes the answer. */
struct compare_result compare_conclude(const struct compare_settings *settings, double change,
                                       double low, double high, size_t samples);
/* min_effect on the inner scale. */
double compare_margin(const struct compare_settings *settings);

#endif
