/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * blocks.h: simulated block values of two servers on one noisy machine, for tests of the verdicts.
 * A block's value is a duration; B's is `factor` times A's. The same seed gives the same blocks.
 */
#ifndef TESTS_STATS_BLOCKS_H
#define TESTS_STATS_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct block_model {
    double factor;   /* what B takes longer */
    double own;      /* standard deviation of each block's own noise, as a share of the value */
    double machine;  /* of the noise that both blocks of a pair have in common */
    double memory;   /* AR(1) coefficient of the latter, from pair to pair */
    double outliers; /* how many of the blocks take twice as long */
    double drift;    /* by how much the machine has become slower at the end */
    bool heavy;      /* own noise of Student's t with 3 degrees of freedom instead of normal */
    bool
        restless; /* the common noise moves on from block to block, so that a pair shares half of it */
};

struct blocks {
    const struct block_model *model;
    struct random random;
    double machine; /* the common noise, in standard deviations */
    size_t pair, pairs;
};

void blocks_begin(struct blocks *blocks, const struct block_model *model, size_t pairs,
                  uint64_t seed);
/* The next pair, its order tossed. */
void blocks_pair(struct blocks *blocks, double *a, double *b);
/* The next block of a server alone: `factor` where `is_b`. Each counts as a pair. */
double blocks_single(struct blocks *blocks, bool is_b);
double blocks_normal(struct random *random);

#endif
