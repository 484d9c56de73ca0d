/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hash.h: hashing and pseudo-random numbers. Keys of hash tables come from strangers (host names), so the hash is
 * keyed per process; the random numbers serve jitter and tests, never secrets.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3 under a key drawn once per process. Same bytes, same process: same value. */
uint64_t hash_bytes(const void *bytes, size_t count);

/* FNV-1a, 64 bits: the same in every process and on every machine, for --shard. */
uint64_t hash_stable(const void *bytes, size_t count);

/* xoshiro256**, seeded; one a thread or a test. */
struct random {
    uint64_t s[4];
};
void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Evenly from 0 to below - 1; below must not be 0. */
uint64_t random_below(struct random *random, uint64_t below);

#endif
