/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * quantile.h: the normal and Student's distribution, as far as intervals need them. Good to about
 * twelve digits (eight where the degrees of freedom are millions). Slow (the quantiles search), as
 * each is asked once a report. Pure functions, any thread.
 */
#ifndef STATS_QUANTILE_H
#define STATS_QUANTILE_H

/* P(Z <= z) of the standard normal distribution. */
double normal_below(double z);
/* The z below which `probability` (within 0 and 1, neither of them) lies. */
double normal_quantile(double probability);

/* P(T <= t) of Student's distribution; `freedom` above 0 and not necessarily whole. */
double student_below(double t, double freedom);
double student_quantile(double probability, double freedom);

#endif
