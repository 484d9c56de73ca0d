/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/clock.h"

static uint64_t key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void key_draw(void) {
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
        key[0] = clock_now_ns();
        key[1] = (uint64_t)clock_wall_us();
    }
}

static inline uint64_t rotl(uint64_t x, unsigned by) {
    return (x << by) | (x >> (64 - by));
}

struct sip {
    uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *v) {
    v->a += v->b;
    v->b = rotl(v->b, 13) ^ v->a;
    v->a = rotl(v->a, 32);
    v->c += v->d;
    v->d = rotl(v->d, 16) ^ v->c;
    v->a += v->d;
    v->d = rotl(v->d, 21) ^ v->a;
    v->c += v->b;
    v->b = rotl(v->b, 17) ^ v->c;
    v->c = rotl(v->c, 32);
}

uint64_t hash_bytes(const void *bytes, size_t count) {
    pthread_once(&key_once, key_draw);
    struct sip v = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                    key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    const uint8_t *at = bytes;
    uint64_t word;
    for (size_t left = count; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        v.d ^= word;
        sip_round(&v);
        v.a ^= word;
    }
    word = (uint64_t)count << 56;
    for (size_t i = 0; i < (count & 7); i++)
        word |= (uint64_t)at[i] << (8 * i);
    v.d ^= word;
    sip_round(&v);
    v.a ^= word;
    v.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}

uint64_t hash_stable(const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* SplitMix64 spreads a small seed over the whole state. */
void random_seed(struct random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        random->s[i] = z ^ (z >> 31);
    }
}

uint64_t random_next(struct random *random) {
    uint64_t *s = random->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t below) {
    CHECK(below > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % below, value;
    do
        value = random_next(random);
    while (value >= limit);
    return value % below;
}
