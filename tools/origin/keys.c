/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keys.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

enum { PLACES = 2 * KEYS_MAX }; /* half empty at most, so that a search ends soon */

struct key {
    uint64_t count; /* 0: a free place */
    uint8_t len;
    uint8_t bytes[KEY_BYTES_MAX];
};

struct keys {
    pthread_mutex_t lock;
    uint32_t used;
    struct key places[PLACES];
};

struct keys *keys_open(void) {
    struct keys *keys = calloc(1, sizeof *keys); /* not touched until it is used */
    if (keys)
        pthread_mutex_init(&keys->lock, NULL);
    return keys;
}

void keys_close(struct keys *keys) {
    if (keys)
        pthread_mutex_destroy(&keys->lock);
    free(keys);
}

/* The key's place, or the free one where it belongs. */
static struct key *find(struct keys *keys, struct span key) {
    uint64_t at = hash_bytes(key.at, key.len);
    for (;; at++) {
        struct key *place = &keys->places[at % PLACES];
        if (place->count == 0 ||
            (place->len == key.len && memcmp(place->bytes, key.at, key.len) == 0))
            return place;
    }
}

bool keys_count(struct keys *keys, struct span key, uint64_t *before) {
    if (key.len > KEY_BYTES_MAX)
        return false;
    pthread_mutex_lock(&keys->lock);
    struct key *place = find(keys, key);
    bool has_place = place->count > 0 || keys->used < KEYS_MAX;
    if (place->count == 0 && has_place) {
        keys->used++;
        place->len = (uint8_t)key.len;
        if (key.len)
            memcpy(place->bytes, key.at, key.len);
    }
    *before = place->count;
    if (has_place)
        place->count++;
    pthread_mutex_unlock(&keys->lock);
    return has_place;
}

void keys_clear(struct keys *keys) {
    pthread_mutex_lock(&keys->lock);
    memset(keys->places, 0, sizeof keys->places);
    keys->used = 0;
    pthread_mutex_unlock(&keys->lock);
}
