/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pattern.h"

static uint8_t pattern[PATTERN_PERIOD + PATTERN_RUN];

void pattern_init(void) {
    for (uint32_t i = 0; i < sizeof pattern; i++) {
        uint32_t j = i % PATTERN_PERIOD;
        pattern[i] = (uint8_t)(j * 131 + (j >> 8) * 17);
    }
}

struct span pattern_span(uint64_t at, uint64_t count) {
    return span_of(pattern + at % PATTERN_PERIOD, count < PATTERN_RUN ? count : PATTERN_RUN);
}
