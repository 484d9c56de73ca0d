/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_threshold.c: placeholder, to be written.
 */
#include "bench.h"

bool bench_threshold_is_valid(const char *text, char *why, size_t why_size) {
    (void)text;
    (void)why;
    (void)why_size;
    return true;
}
void bench_judge(struct bench_run *run) {
    (void)run;
}
int bench_exit(const struct bench_run *run, int rf_exit) {
    (void)run;
    return rf_exit;
}
char *bench_limits(const struct rf_load_machine *machine, char *text, size_t size) {
    (void)machine;
    if (size)
        *text = 0;
    return text;
}
