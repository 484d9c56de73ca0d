/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * arrivals.h: when requests are due in open loop. Pure: a start and a rate, or a ramp of rates, become a sequence of times; each worker takes its
 * share of them, so that together they keep the rate to the last request whatever the number of workers. One thread at a time.
 */
#ifndef LOAD_ARRIVALS_H
#define LOAD_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "load/template.h"

struct ramp_part {
    double seconds, target;
};

/* The target at a time: the first part holds its own, each later one leads from the last one's target to its own in a straight line. The last
 * target after the end. */
double ramp_at(const struct ramp_part *part, unsigned count, double seconds);
double ramp_seconds(const struct ramp_part *part, unsigned count);
/* The integral from 0: how many requests are due until then. */
double ramp_sum(const struct ramp_part *part, unsigned count, double seconds);

struct arrivals_options {
    double rate; /* of all workers; or */
    const struct ramp_part *ramp;
    unsigned ramp_count;
    bool poisson;
    unsigned worker, workers;
    uint64_t seed;
};

struct arrivals {
    struct arrivals_options options;
    struct random random;
    double sum; /* Poisson: how many of all were due before */
    uint64_t taken, last_ns;
};
void arrivals_init(struct arrivals *arrivals, const struct arrivals_options *options);
/* Nanoseconds after the start at which the next is due, never falling; UINT64_MAX after a ramp's end. No rounding error adds up over hours. */
uint64_t arrivals_next(struct arrivals *arrivals);

#endif
