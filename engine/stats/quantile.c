/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * quantile.c: distribution functions by libm's erfc and by the incomplete beta function's continued
 * fraction, and their inverses by bisection. Whoever needs an interval calls it, in any thread.
 *
 * Rejected: rational approximations to the quantiles. They are faster, which nobody notices here,
 * and forty constants are forty places to err.
 */
#include "stats/quantile.h"

#include <math.h>

#include "base/assert.h"

enum { FRACTION_STEPS_MAX = 500, BISECTION_STEPS = 200 };
/* From here on the normal distribution is nearer than what lgamma's differences leave. */
#define NORMAL_FREEDOM 1e7

double normal_below(double z) {
    return erfc(-z * M_SQRT1_2) / 2;
}

/* Lentz's method divides by what may come out as 0. */
static double never_zero(double value) {
    return fabs(value) < 1e-300 ? 1e-300 : value;
}

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), forwards as Lentz does
 * it. It converges fast for x < (a + 1) / (a + b + 2), which the caller sees to. */
static double beta_fraction(double x, double a, double b) {
    double c = 1, d = 1 / never_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m <= FRACTION_STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / never_zero(1 + even * d);
        c = never_zero(1 + even / c);
        value *= c * d;
        d = 1 / never_zero(1 + odd * d);
        c = never_zero(1 + odd / c);
        value *= c * d;
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return value;
}

/* I_x(a, b), the regularised incomplete beta function; x within [0, 1], y = 1 - x. Both are taken,
 * as the difference would lose what matters in the tails. */
static double beta_below(double x, double y, double a, double b) {
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(y, b, a) / b;
}

double student_below(double t, double freedom) {
    CHECK(freedom > 0);
    if (freedom > NORMAL_FREEDOM)
        return normal_below(t);
    double square = t * t, sum = freedom + square;
    double outside = isinf(square) ? 0 : beta_below(freedom / sum, square / sum, freedom / 2, 0.5);
    return t < 0 ? outside / 2 : 1 - outside / 2;
}

/* The z at or above 0 that leaves `tail` above itself. freedom 0 means the normal distribution. */
static double upper_quantile(double tail, double freedom) {
    double low = 0, high = 1;
    for (int step = 0; step < BISECTION_STEPS; step++) {
        double middle = (low + high) / 2;
        double above = freedom > 0 ? student_below(-high, freedom) : normal_below(-high);
        if (above > tail && high < 1e300) { /* not yet bracketed */
            low = high;
            high *= 2;
            continue;
        }
        above = freedom > 0 ? student_below(-middle, freedom) : normal_below(-middle);
        if (above > tail)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static double quantile(double probability, double freedom) {
    CHECK(probability > 0 && probability < 1);
    if (probability < 0.5)
        return -upper_quantile(probability, freedom);
    return upper_quantile(1 - probability, freedom);
}

double normal_quantile(double probability) {
    return quantile(probability, 0);
}

double student_quantile(double probability, double freedom) {
    CHECK(freedom > 0);
    return quantile(probability, freedom);
}
