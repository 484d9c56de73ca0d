/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_cache.c: see resolver_cache.h.
 */
#include "net/resolver_cache.h"

#include "base/clock.h"

enum { TTL_MIN_S = 1, TTL_MAX_S = 3600 };

int cache_init(struct cache *cache, struct pool *pool, unsigned max) {
    cache->pool = pool;
    cache->max = max ? max : 1;
    list_init(&cache->by_age);
    return name_table_init(&cache->table);
}

static void evict(struct cache *cache, struct cache_entry *entry) {
    name_table_remove(&cache->table, &entry->node);
    list_remove(&entry->age);
    address_list_drop(entry->list);
    pool_release(cache->pool, entry, sizeof *entry + entry->node.key.name.len);
}

static struct cache_entry *oldest(struct cache *cache) {
    struct link *link = list_first(&cache->by_age);
    return link ? LIST_ENTRY(link, struct cache_entry, age) : NULL;
}

void cache_deinit(struct cache *cache) {
    if (!cache->table.buckets)
        return;
    for (struct cache_entry *entry; (entry = oldest(cache));)
        evict(cache, entry);
    name_table_deinit(&cache->table);
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
    while (cache->table.count >= cache->max)
        evict(cache, oldest(cache));
    entry = pool_acquire(cache->pool, sizeof *entry + key.name.len);
    memcpy(entry->name, key.name.at, key.name.len);
    entry->node.key.name = span_of(entry->name, key.name.len);
    entry->node.key.hash = key.hash;
    entry->expires_ns = expires_ns;
    entry->list = list ? address_list_keep(list) : NULL;
    entry->err = err;
    name_table_insert(&cache->table, &entry->node);
    list_push_back(&cache->by_age, &entry->age);
}

uint64_t cache_lifetime_ns(uint32_t ttl_s) {
    if (ttl_s < TTL_MIN_S)
        ttl_s = TTL_MIN_S;
    return (ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s) * NS_PER_S;
}
