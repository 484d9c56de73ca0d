/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_origin.c: the table of origins (scheme, host, port), each with its idle connections. An origin lives as long as a job or a
 * connection refers to it, so the table is as small as what is going on.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "conn/conn.h"
#include "net/connect_to.h"

enum { BUCKETS_FIRST = 256 };

/* ---- the table ------------------------------------------------------------------------------------- */

static size_t origin_bytes(size_t host_len, size_t dial_len) {
    return offsetof(struct origin, host) + host_len + 1 + (dial_len ? dial_len + 1 : 0);
}

static uint32_t origin_hash(const struct url *url, struct span host) {
    uint64_t hash = hash_bytes(host.at, host.len) ^
                    ((uint64_t)url->port << 1 | url->scheme) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)hash;
}

static void grow(struct conn_pool *pool) {
    size_t count = pool->bucket_count ? pool->bucket_count * 2 : BUCKETS_FIRST;
    struct origin **buckets = calloc(count, sizeof *buckets);
    CHECK(buckets);
    for (size_t i = 0; i < pool->bucket_count; i++) {
        for (struct origin *origin = pool->buckets[i], *next; origin; origin = next) {
            next = origin->next;
            origin->next = buckets[origin->hash & (count - 1)];
            buckets[origin->hash & (count - 1)] = origin;
        }
    }
    free(pool->buckets);
    pool->buckets = buckets;
    pool->bucket_count = count;
}

static struct origin *origin_new(struct conn_pool *pool, const struct url *url, struct span host) {
    struct connect_to dial = connect_to_find(pool->options.connect_to, host, url->port);
    struct span to = dial.host.at == host.at ? (struct span){0} : dial.host;
    struct origin *origin = pool_acquire_zeroed(pool->pool, origin_bytes(host.len, to.len));
    origin->port = url->port;
    origin->dial_port = dial.port;
    origin->scheme = url->scheme;
    origin->host_len = (uint16_t)host.len;
    origin->dial_len = (uint16_t)to.len;
    memcpy(origin->host, host.at, host.len);
    if (to.len)
        memcpy(origin->host + host.len + 1, to.at, to.len);
    list_init(&origin->idle);
    return origin;
}

static bool origin_is(const struct origin *origin, const struct url *url, struct span host) {
    return origin->port == url->port && origin->scheme == url->scheme &&
           origin->host_len == host.len && memcmp(origin->host, host.at, host.len) == 0;
}

static struct origin *origin_find(struct conn_pool *pool, const struct url *url, struct span host) {
    uint32_t hash = origin_hash(url, host);
    if (pool->origin_count >= pool->bucket_count)
        grow(pool);
    struct origin **bucket = &pool->buckets[hash & (pool->bucket_count - 1)];
    for (struct origin *origin = *bucket; origin; origin = origin->next) {
        if (origin->hash == hash && origin_is(origin, url, host))
            return origin;
    }
    struct origin *origin = origin_new(pool, url, host);
    origin->hash = hash;
    origin->next = *bucket;
    *bucket = origin;
    pool->origin_count++;
    return origin;
}

struct origin *origin_acquire(struct conn_pool *pool, const struct url *url) {
    struct span host = url_host_bare(url);
    if (!pool->latest || !origin_is(pool->latest, url, host)) /* requests come in runs of one */
        pool->latest = origin_find(pool, url, host);
    pool->latest->references++;
    return pool->latest;
}

void origin_drop(struct conn_pool *pool, struct origin *origin) {
    if (--origin->references)
        return;
    if (pool->latest == origin)
        pool->latest = NULL;
    struct origin **at = &pool->buckets[origin->hash & (pool->bucket_count - 1)];
    while (*at != origin)
        at = &(*at)->next;
    *at = origin->next;
    pool->origin_count--;
    pool_release(pool->pool, origin, origin_bytes(origin->host_len, origin->dial_len));
}
