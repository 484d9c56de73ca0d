/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rf_histogram.h: the public histogram from inside. The engine, which counts into struct histogram
 * and hands its figures out through the public door, needs no second copy of the counts that way.
 */
#ifndef STATS_RF_HISTOGRAM_H
#define STATS_RF_HISTOGRAM_H

#include <ringfetch/histogram.h>

#include "stats/histogram.h"

struct rf_histogram {
    struct histogram histogram;
};

#endif
