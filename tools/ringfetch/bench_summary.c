/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary.c: placeholder, to be written.
 */
#include "bench.h"

void bench_summary_write(FILE *file, const struct bench_run *run, unsigned width, bool colour) {
    (void)file;
    (void)run;
    (void)width;
    (void)colour;
}
char *bench_duration(double ns, char *text) {
    snprintf(text, 24, "%g ns", ns);
    return text;
}
char *bench_count(uint64_t count, char *text) {
    snprintf(text, 32, "%llu", (unsigned long long)count);
    return text;
}
