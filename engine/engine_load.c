/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load.c: placeholder, to be written.
 */
#include <ringfetch/load.h>

const char *rf_metric_name(enum rf_metric metric) {
    static const char *const names[RF_METRICS] = {"rps", "mean", "p50", "p90", "p99", "errors"};
    return (unsigned)metric < RF_METRICS ? names[metric] : "";
}
const char *rf_change_name(enum rf_change change) {
    static const char *const names[] = {"regressed", "improved", "same", "inconclusive"};
    return (unsigned)change < 4 ? names[change] : "";
}
