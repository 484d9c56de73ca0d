/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * robust.h: where a sample lies and how wide it is, when some of its values are wrong: a quarter of
 * a second in which another program had the processor says nothing about the server. All take a
 * sample in rising order that may hold infinities but no NaN. Pure functions, any thread.
 */
#ifndef STATS_ROBUST_H
#define STATS_ROBUST_H

#include <stddef.h>

/* Values beyond so many scales from the centre count as no farther than that (Huber's k): 1.5 keeps
 * 96 % of the mean's precision where nothing is wrong. */
#define ROBUST_CLIP 1.5

double clip(double value, double limit);
/* 0 of an empty sample. */
double median_of_sorted(const double *value, size_t count);
/* The median absolute deviation from the median times 1.4826, which makes it the standard deviation
 * of a normal sample. Infinite where more than half of the values are. */
double deviation_of_sorted(const double *value, size_t count);
/* Huber's M-estimate of location with k = ROBUST_CLIP on that deviation: the mean of what is near,
 * and of the rest its side only. The median where the deviation is 0 or infinite. */
double centre_of_sorted(const double *value, size_t count);

#endif
