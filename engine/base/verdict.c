/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ringfetch/ringfetch.h>

const char *rf_verdict_name(enum rf_verdict verdict) {
    static const char *const names[RF_VERDICTS] = {"",        "ok",           "dead",   "flaky",
                                                   "blocked", "inconclusive", "skipped"};
    return (unsigned)verdict < RF_VERDICTS ? names[verdict] : "";
}
