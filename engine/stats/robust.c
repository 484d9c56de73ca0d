/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * robust.c: median, median absolute deviation and Huber's estimate of location (P. J. Huber, Robust
 * estimation of a location parameter, 1964). Samples come sorted, since whoever looks after every
 * pair keeps them so anyway. Any thread.
 *
 * Rejected: trimmed means (how much to trim is one more knob, and a trimmed mean jumps when a value
 * crosses the line) and Hodges-Lehmann (n squared differences, for the same precision).
 */
#include "stats/robust.h"

#include <math.h>

double clip(double value, double limit) {
    if (value > limit)
        return limit;
    return value < -limit ? -limit : value;
}

/* Of two infinities of different sign it is 0 rather than NaN. */
static double middle(double low, double high) {
    return low == -high ? 0 : low / 2 + high / 2;
}

double median_of_sorted(const double *value, size_t count) {
    if (count == 0)
        return 0;
    return middle(value[(count - 1) / 2], value[count / 2]);
}

/* How far the rank-th nearest value is from the centre: values leave from both ends of the sample
 * towards the centre, the farther one first. */
static double distance_at(const double *value, size_t count, double centre, size_t rank) {
    size_t low = 0, high = count - 1;
    for (size_t left = count; left > rank + 1; left--) {
        if (centre - value[low] > value[high] - centre)
            low++;
        else
            high--;
    }
    return fmax(centre - value[low], value[high] - centre);
}

double deviation_of_sorted(const double *value, size_t count) {
    if (count == 0)
        return 0;
    double centre = median_of_sorted(value, count);
    if (isinf(centre))
        return INFINITY;
    double low = distance_at(value, count, centre, (count - 1) / 2);
    double high = distance_at(value, count, centre, count / 2);
    return 1.4826 * middle(low, high);
}

double centre_of_sorted(const double *value, size_t count) {
    double centre = median_of_sorted(value, count);
    double deviation = deviation_of_sorted(value, count);
    if (!(deviation > 0) || isinf(deviation))
        return centre;
    /* Each step is a mean of bounded parts; it converges as the clipped part is less than all. */
    for (int step = 0; step < 100; step++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += clip(value[i] - centre, ROBUST_CLIP * deviation);
        centre += sum / (double)count;
        if (fabs(sum) <= 1e-9 * deviation * (double)count)
            break;
    }
    return centre;
}
