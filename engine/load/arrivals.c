/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * arrivals.c: a schedule is a function, not a running sum: arrival number n is due when the integral of the rate reaches n, which a
 * division answers for a constant rate and a quadratic equation within a part of a ramp. So nothing adds up over hours, and workers need not
 * talk: of `workers` each takes every `workers`-th number. For Poisson arrivals the numbers are sums of exponentials instead, each worker's
 * own at its share of the rate; independent streams make one together. Pure; one thread for each struct.
 *
 * Rejected: gaps added one to another, which drift by their rounding and can't follow a ramp but in steps.
 */
#include "load/arrivals.h"

#include <math.h>

#include "base/clock.h"

/* Tells the streams of this file from those of the placeholders under the same seed. */
#define STREAM UINT64_C(0x61727269)

/* ---- ramps ------------------------------------------------------------------------------------- */

/* One part as a straight line. */
struct line {
    double from, to, seconds;
};

static struct line line_of(const struct ramp_part *part, unsigned index) {
    return (struct line){.from = part[index ? index - 1 : 0].target,
                         .to = part[index].target,
                         .seconds = part[index].seconds};
}

static double line_at(struct line line, double seconds) {
    return line.from + (line.to - line.from) * (seconds / line.seconds);
}

static double line_sum(struct line line, double seconds) {
    return seconds > 0 ? (line.from + line_at(line, seconds)) / 2 * seconds : 0;
}

/* When the sum has grown to `sum`, which is below that of the whole. This form of the solution keeps its digits for the flattest slopes. */
static double line_when(struct line line, double sum) {
    if (sum <= 0 && line.from > 0)
        return 0;
    double slope = (line.to - line.from) / line.seconds;
    double under = line.from * line.from + 2 * slope * sum;
    double root = line.from + sqrt(under > 0 ? under : 0);
    double seconds = root > 0 ? 2 * sum / root : 0;
    return seconds < line.seconds ? seconds : line.seconds;
}

double ramp_at(const struct ramp_part *part, unsigned count, double seconds) {
    for (unsigned i = 0; i < count; i++) {
        struct line line = line_of(part, i);
        if (seconds < line.seconds)
            return line_at(line, seconds > 0 ? seconds : 0);
        seconds -= line.seconds;
    }
    return count ? part[count - 1].target : 0;
}

double ramp_seconds(const struct ramp_part *part, unsigned count) {
    double seconds = 0;
    for (unsigned i = 0; i < count; i++)
        seconds += part[i].seconds;
    return seconds;
}

double ramp_sum(const struct ramp_part *part, unsigned count, double seconds) {
    double sum = 0;
    for (unsigned i = 0; i < count && seconds > 0; i++) {
        struct line line = line_of(part, i);
        sum += line_sum(line, seconds < line.seconds ? seconds : line.seconds);
        seconds -= line.seconds;
    }
    return seconds > 0 && count ? sum + part[count - 1].target * seconds : sum;
}

/* The last moment at which no more than `sum` are due; negative: none, the ramp ends before more are. */
static double ramp_when(const struct ramp_part *part, unsigned count, double sum) {
    double start = 0;
    for (unsigned i = 0; i < count; i++) {
        struct line line = line_of(part, i);
        double whole = line_sum(line, line.seconds);
        if (sum < whole)
            return start + line_when(line, sum);
        sum -= whole;
        start += line.seconds;
    }
    return -1;
}

/* ---- arrivals ----------------------------------------------------------------------------------- */

void arrivals_init(struct arrivals *arrivals, const struct arrivals_options *options) {
    *arrivals = (struct arrivals){.options = *options};
    random_seed_stream(&arrivals->random, options->seed, STREAM << 32 | options->worker);
    /* The first of a Poisson process isn't due at once. */
    if (options->poisson)
        arrivals->sum = -log(random_unit(&arrivals->random)) * options->workers;
}

/* The next one's number among those of all workers, counted from 0. */
static double take_number(struct arrivals *arrivals) {
    const struct arrivals_options *options = &arrivals->options;
    double number = (double)(arrivals->taken * options->workers + options->worker);
    arrivals->taken++;
    if (options->poisson) {
        number = arrivals->sum;
        arrivals->sum -= log(random_unit(&arrivals->random)) * options->workers;
    }
    return number;
}

uint64_t arrivals_next(struct arrivals *arrivals) {
    const struct arrivals_options *options = &arrivals->options;
    double number = take_number(arrivals), seconds = -1;
    if (options->ramp_count)
        seconds = ramp_when(options->ramp, options->ramp_count, number);
    else if (options->rate > 0)
        seconds = number / options->rate;
    double ns = seconds * (double)NS_PER_S;
    if (seconds < 0 || ns >= 0x1p63)
        return UINT64_MAX;
    /* Where parts of a ramp meet, the two may round differently. */
    if ((uint64_t)ns > arrivals->last_ns)
        arrivals->last_ns = (uint64_t)ns;
    return arrivals->last_ns;
}
