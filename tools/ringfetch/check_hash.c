/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_hash.c: see check_hash.h. Names follow the paper (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): v0
 * to v3 are the state, a message block is mixed in by one round, and three rounds end each half of the output.
 */
#include "check_hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(struct state *s) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void mix(struct state *s, uint64_t block) {
    s->v3 ^= block;
    sip_round(s);
    s->v0 ^= block;
}

static uint64_t half(struct state *s) {
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static inline uint64_t little_endian(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

struct check_hash check_hash_bytes(struct check_key key, const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    struct state s = {
        .v0 = key.half[0] ^ UINT64_C(0x736f6d6570736575),
        .v1 = key.half[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
        .v2 = key.half[0] ^ UINT64_C(0x6c7967656e657261),
        .v3 = key.half[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t left = count;
    for (; left >= 8; left -= 8, at += 8) {
        mix(&s, little_endian(at));
    }
    unsigned char last[8] = {0};
    if (left) {
        memcpy(last, at, left);
    }
    last[7] = (unsigned char)count;
    mix(&s, little_endian(last));
    struct check_hash hash;
    s.v2 ^= 0xee;
    hash.low = half(&s);
    s.v1 ^= 0xdd;
    hash.high = half(&s);
    return hash;
}

struct check_key check_key_random(void) {
    struct check_key key;
    if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        key.half[0] = (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec;
        key.half[1] = (uint64_t)(uintptr_t)&key;
    }
    return key;
}
