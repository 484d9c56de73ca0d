/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pattern.h: the bytes of every body that is asked for by size. They are the same in every run, so a
 * test can tell whether a body is right without having seen it: with j = (i + seed) mod 65521, byte
 * i is (131 j + 17 (j div 256)) mod 256. The period is a prime, so a block of bytes in the wrong
 * place shows, whatever the size of somebody's buffers.
 *
 * The pattern is computed once and sent from where it lies; it never changes afterwards, so any
 * number of threads may read it.
 */
#ifndef ORIGIN_PATTERN_H
#define ORIGIN_PATTERN_H

#include <stdint.h>

#include "base/span.h"

enum {
    PATTERN_PERIOD = 65521,
    PATTERN_RUN = 256 * 1024, /* contiguous bytes at any position; it should stay in the cache */
};

/* Once, before the threads. */
void pattern_init(void);

/* The bytes from position `at` (with the seed added): at most PATTERN_RUN, at most `count`. */
struct span pattern_span(uint64_t at, uint64_t count);

#endif
