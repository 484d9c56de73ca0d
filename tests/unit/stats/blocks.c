/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * blocks.c: the machine that the verdicts are tried on. Multiplicative noise, as one percent of a
 * processor lost is one percent of everything. One test at a time.
 */
#include "blocks.h"

#include <math.h>

static double uniform(struct random *random) {
    return ((double)(random_next(random) >> 11) + 0.5) * 0x1p-53;
}

/* Box and Muller; the other half is thrown away, so that nothing needs to be kept. */
double blocks_normal(struct random *random) {
    double radius = sqrt(-2 * log(uniform(random)));
    return radius * cos(2 * M_PI * uniform(random));
}

/* Of variance 1: t with 3 degrees of freedom has variance 3. */
static double own_noise(struct blocks *blocks) {
    double normal = blocks_normal(&blocks->random), squares = 0;
    if (!blocks->model->heavy)
        return normal;
    for (int i = 0; i < 3; i++) {
        double other = blocks_normal(&blocks->random);
        squares += other * other;
    }
    return normal / sqrt(squares / 3) / sqrt(3);
}

static void move_on(struct blocks *blocks, double memory) {
    blocks->machine =
        memory * blocks->machine + sqrt(1 - memory * memory) * blocks_normal(&blocks->random);
}

void blocks_begin(struct blocks *blocks, const struct block_model *model, size_t pairs,
                  uint64_t seed) {
    *blocks = (struct blocks){.model = model, .pairs = pairs};
    random_seed(&blocks->random, seed);
    blocks->machine = blocks_normal(&blocks->random);
}

static double block(struct blocks *blocks, double time, bool is_b) {
    const struct block_model *model = blocks->model;
    double value = exp(model->machine * blocks->machine + model->own * own_noise(blocks));
    value *= 1 + model->drift * time / (double)blocks->pairs;
    if (uniform(&blocks->random) < model->outliers)
        value *= 2;
    return is_b ? value * model->factor : value;
}

void blocks_pair(struct blocks *blocks, double *a, double *b) {
    const struct block_model *model = blocks->model;
    bool b_first = random_next(&blocks->random) >> 63;
    double *first = b_first ? b : a, *second = b_first ? a : b;
    double time = (double)blocks->pair++;
    /* From block to block the memory is the root, so that pairs resemble each other as much. */
    move_on(blocks, model->restless ? sqrt(model->memory) : model->memory);
    *first = block(blocks, time, b_first);
    if (model->restless)
        move_on(blocks, sqrt(model->memory));
    *second = block(blocks, time + 0.5, !b_first);
}

double blocks_single(struct blocks *blocks, bool is_b) {
    move_on(blocks, blocks->model->memory);
    return block(blocks, (double)blocks->pair++, is_b);
}
