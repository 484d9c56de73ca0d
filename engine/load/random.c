/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * random.c: what a load needs of random numbers beyond base/hash.h: a unit interval for exponentials, and a stream for each worker from
 * the one seed that a run has, so that a run can be repeated. The caller's thread.
 *
 * Rejected: the seed plus the worker's number. Seeds are spread by SplitMix64, whose states are multiples of one constant apart; two
 * that lie such a multiple apart share words of state. Hence a number of the seed's own generator and another constant.
 */
#include "load/template.h"

double random_unit(struct random *random) {
    return (double)((random_next(random) >> 11) + 1) * 0x1p-53;
}

void random_seed_stream(struct random *random, uint64_t seed, uint64_t stream) {
    random_seed(random, seed);
    uint64_t spread = random_next(random);
    random_seed(random, spread ^ (stream + 1) * UINT64_C(0xd1342543de82ef95));
}
