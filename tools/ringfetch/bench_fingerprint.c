/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_fingerprint.c: placeholder, to be written.
 */
#include "bench.h"

bool bench_fingerprint_read(struct bench_fingerprint *fingerprint) {
    (void)fingerprint;
    return true;
}
void bench_fingerprint_deinit(struct bench_fingerprint *fingerprint) {
    (void)fingerprint;
}
const char *bench_fingerprint_differs(const struct bench_fingerprint *then,
                                      const struct bench_fingerprint *now, char *text,
                                      size_t size) {
    (void)then;
    (void)now;
    (void)text;
    (void)size;
    return NULL;
}
