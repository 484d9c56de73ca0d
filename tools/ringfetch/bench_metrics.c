/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_metrics.c: placeholder, to be written.
 */
#include "bench.h"

bool bench_gha_write(FILE *file, const struct bench_run *run) {
    (void)file;
    (void)run;
    return true;
}
bool bench_bmf_write(FILE *file, const struct bench_run *run) {
    (void)file;
    (void)run;
    return true;
}
