/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read.c: placeholder, to be written.
 */
#include "bench.h"

bool bench_json_read(const char *path, struct bench_saved *saved, char *why, size_t why_size) {
    (void)saved;
    snprintf(why, why_size, "%s: not supported yet", path);
    return false;
}
void bench_saved_deinit(struct bench_saved *saved) {
    (void)saved;
}
