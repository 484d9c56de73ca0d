/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_cache.h: answers by name, positive and negative, until they expire or must make room:
 * the oldest answer goes first. Bound by entries and by bytes. Negative answers have a quarter of
 * either at most, so that a list full of dead names doesn't push the living ones out. One
 * resolver's.
 *
 * Rejected: least recently used. It would touch a list at every hit, and a run asks most names
 * once.
 */
#ifndef NET_RESOLVER_CACHE_H
#define NET_RESOLVER_CACHE_H

#include "base/pool.h"
#include "net/name_table.h"
#include "net/resolver.h"

#define CACHE_FOREVER UINT64_MAX

struct cache {
    struct name_table table;
    struct pool *pool;
    struct cache_share {
        struct link by_age; /* the oldest first */
        size_t count, bytes;
    } positive, negative;
    size_t max, bytes_max;
};

struct cache_entry {
    struct name_node node;
    struct link age;
    uint64_t expires_ns;
    struct address_list *list; /* NULL: `err` is the answer */
    struct err err;
    char name[];
};

/* 0 or -ENOMEM. `pool` outlives the cache. */
int cache_init(struct cache *cache, struct pool *pool, size_t max, size_t bytes_max);
void cache_deinit(struct cache *cache);
/* NULL when there is none or it has expired. Valid until the next cache_put. */
const struct cache_entry *cache_find(struct cache *cache, struct name_key key, uint64_t now_ns);
/* Keeps a reference of its own to `list`; replaces what was there. What would take more
 * than a quarter of the cache isn't kept. */
void cache_put(struct cache *cache, struct name_key key, struct address_list *list, struct err err,
               uint64_t expires_ns);

static inline size_t cache_count(const struct cache *cache) {
    return cache->positive.count + cache->negative.count;
}
/* All that the answers take: entries, names, address lists, and their part of the table. */
static inline size_t cache_bytes(const struct cache *cache) {
    return cache->positive.bytes + cache->negative.bytes;
}

/* RFC 2181's TTLs, kept within 1 s (or a burst would ask again and again) and 1 h. */
uint64_t cache_lifetime_ns(uint32_t ttl_s);

#endif
