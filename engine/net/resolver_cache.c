/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_cache.c: see resolver_cache.h.
 */
#include "net/resolver_cache.h"

#include "base/clock.h"

enum { TTL_MIN_S = 1, TTL_MAX_S = 3600 };

enum { NEGATIVE_PART = 4, MALLOC_BYTES = 16, BUCKETS_BYTES = 2 * sizeof(struct name_node *) };

int cache_init(struct cache *cache, struct pool *pool, size_t max, size_t bytes_max) {
    cache->pool = pool;
    cache->max = max ? max : 1;
    cache->bytes_max = bytes_max;
    cache->positive = cache->negative = (struct cache_share){0};
    list_init(&cache->positive.by_age);
    list_init(&cache->negative.by_age);
    return name_table_init(&cache->table);
}

/* As the pool and malloc round it, or a little more. */
static size_t bytes_of(size_t name_bytes, const struct address_list *list) {
    size_t entry = sizeof(struct cache_entry) + name_bytes;
    size_t step = entry > 256 ? 128 : 64;
    size_t bytes = BUCKETS_BYTES + (entry + step - 1) / step * step;
    if (list)
        bytes += MALLOC_BYTES + sizeof *list + list->count * sizeof *list->address;
    return bytes;
}

static struct cache_share *share_of(struct cache *cache, const struct address_list *list) {
    return list ? &cache->positive : &cache->negative;
}

static void evict(struct cache *cache, struct cache_entry *entry) {
    struct cache_share *share = share_of(cache, entry->list);
    share->count--;
    share->bytes -= bytes_of(entry->node.key.name.len, entry->list);
    name_table_remove(&cache->table, &entry->node);
    list_remove(&entry->age);
    address_list_drop(entry->list);
    pool_release(cache->pool, entry, sizeof *entry + entry->node.key.name.len);
}

static bool evict_oldest(struct cache *cache, const struct cache_share *share) {
    struct link *link = list_first(&share->by_age);
    if (link)
        evict(cache, LIST_ENTRY(link, struct cache_entry, age));
    return link != NULL;
}

void cache_deinit(struct cache *cache) {
    if (!cache->table.buckets)
        return;
    while (evict_oldest(cache, &cache->positive) || evict_oldest(cache, &cache->negative))
        continue;
    name_table_deinit(&cache->table);
}

/* The negative ones' part is as much of the entries as of the bytes. */
static bool make_room(struct cache *cache, const struct cache_share *share, size_t bytes) {
    if (bytes > cache->bytes_max / NEGATIVE_PART)
        return false;
    if (share == &cache->negative)
        while (share->count * NEGATIVE_PART >= cache->max ||
               share->bytes + bytes > cache->bytes_max / NEGATIVE_PART)
            if (!evict_oldest(cache, share))
                break;
    while (cache_count(cache) >= cache->max || cache_bytes(cache) + bytes > cache->bytes_max)
        if (!evict_oldest(cache, &cache->positive))
            evict_oldest(cache, &cache->negative);
    return true;
}

static struct cache_entry *entry_of(struct cache *cache, struct name_key key) {
    struct name_node *node = name_table_find(&cache->table, key);
    return node ? CONTAINER_OF(node, struct cache_entry, node) : NULL;
}

const struct cache_entry *cache_find(struct cache *cache, struct name_key key, uint64_t now_ns) {
    struct cache_entry *entry = entry_of(cache, key);
    if (entry && entry->expires_ns <= now_ns) {
        evict(cache, entry);
        return NULL;
    }
    return entry;
}

void cache_put(struct cache *cache, struct name_key key, struct address_list *list, struct err err,
               uint64_t expires_ns) {
    struct cache_entry *entry = entry_of(cache, key);
    if (entry)
        evict(cache, entry);
    const size_t bytes = bytes_of(key.name.len, list);
    struct cache_share *share = share_of(cache, list);
    if (!make_room(cache, share, bytes))
        return;
    entry = pool_acquire(cache->pool, sizeof *entry + key.name.len);
    memcpy(entry->name, key.name.at, key.name.len);
    entry->node.key.name = span_of(entry->name, key.name.len);
    entry->node.key.hash = key.hash;
    entry->expires_ns = expires_ns;
    entry->list = list ? address_list_keep(list) : NULL;
    entry->err = err;
    name_table_insert(&cache->table, &entry->node);
    list_push_back(&share->by_age, &entry->age);
    share->count++;
    share->bytes += bytes;
}

uint64_t cache_lifetime_ns(uint32_t ttl_s) {
    if (ttl_s < TTL_MIN_S)
        ttl_s = TTL_MIN_S;
    return (ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s) * NS_PER_S;
}
