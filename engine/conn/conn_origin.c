/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_origin.c: the table of origins (scheme, host, port), each with its idle connections. An origin lives as long as a job or a
 * connection refers to it, so the table is as small as what is going on.
 */
#include "conn/conn_origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

enum { BUCKETS_FIRST = 256, HOST_BYTES_MAX = 1024 };

/* ---- --connect-to ------------------------------------------------------------------------------ */

struct connect_to {
    struct span from_host, to_host;
    bool any_port, same_port;
    unsigned from_port, to_port;
};

/* Takes a host ("[::1]" without its brackets) and the colon behind it from the front of *text. */
static bool take_host(struct span *text, struct span *host) {
    const uint8_t *end;
    if (text->len && text->at[0] == '[') {
        end = memchr(text->at, ']', text->len);
        if (!end || end + 1 == text->at + text->len || end[1] != ':')
            return false;
        *host = span_of(text->at + 1, (size_t)(end - text->at) - 1);
        end++;
    } else {
        end = memchr(text->at, ':', text->len);
        if (!end)
            return false;
        *host = span_of(text->at, (size_t)(end - text->at));
    }
    *text = span_skip(*text, (size_t)(end - text->at) + 1);
    return true;
}

/* An empty port is allowed and means any, or the same. */
static bool take_port(struct span *text, unsigned *port, bool *empty) {
    size_t used = 0;
    *port = 0;
    for (; used < text->len && text->at[used] != ':'; used++) {
        if (text->at[used] < '0' || text->at[used] > '9' || used == 5)
            return false;
        *port = *port * 10 + (unsigned)(text->at[used] - '0');
    }
    *empty = used == 0;
    *text = span_skip(*text, used < text->len ? used + 1 : used);
    return *port <= 65535;
}

static bool connect_to_parse(struct connect_to *entry, const char *text) {
    struct span rest = span_text(text);
    return take_host(&rest, &entry->from_host) &&
           take_port(&rest, &entry->from_port, &entry->any_port) &&
           take_host(&rest, &entry->to_host) &&
           take_port(&rest, &entry->to_port, &entry->same_port) && rest.len == 0 &&
           entry->to_host.len <= HOST_BYTES_MAX;
}

int origin_check_connect_to(const char *const *entries, char *why, size_t why_size) {
    struct connect_to entry;
    for (; entries && *entries; entries++) {
        if (!connect_to_parse(&entry, *entries)) {
            snprintf(why, why_size, "bad --connect-to \"%s\": HOST1:PORT1:HOST2:PORT2 is wanted",
                     *entries);
            return -EINVAL;
        }
    }
    return 0;
}

static bool same_host(struct span a, struct span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

/* The first entry that fits says where to connect; empty parts mean any host or port, or the same. `to` without a length:
 * the host itself. */
static void find_dial(const struct conn_pool *pool, const struct url *url, struct span host,
                      struct span *to, uint16_t *port) {
    *to = (struct span){0};
    *port = url->port;
    for (const char *const *at = pool->options.connect_to; at && *at; at++) {
        struct connect_to entry;
        if (!connect_to_parse(&entry, *at))
            continue;
        bool host_fits = !entry.from_host.len || same_host(entry.from_host, host);
        if (!host_fits || (!entry.any_port && entry.from_port != url->port))
            continue;
        *to = entry.to_host;
        if (!entry.same_port)
            *port = (uint16_t)entry.to_port;
        return;
    }
}

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
    struct span to;
    uint16_t dial_port;
    find_dial(pool, url, host, &to, &dial_port);
    struct origin *origin = pool_acquire_zeroed(pool->pool, origin_bytes(host.len, to.len));
    origin->references = 1;
    origin->port = url->port;
    origin->dial_port = dial_port;
    origin->scheme = url->scheme;
    origin->host_len = (uint16_t)host.len;
    origin->dial_len = (uint16_t)to.len;
    memcpy(origin->host, host.at, host.len);
    if (to.len)
        memcpy(origin->host + host.len + 1, to.at, to.len);
    list_init(&origin->idle);
    return origin;
}

struct origin *origin_acquire(struct conn_pool *pool, const struct url *url) {
    struct span host = url_host_bare(url);
    uint32_t hash = origin_hash(url, host);
    if (pool->origin_count >= pool->bucket_count)
        grow(pool);
    struct origin **bucket = &pool->buckets[hash & (pool->bucket_count - 1)];
    for (struct origin *origin = *bucket; origin; origin = origin->next) {
        if (origin->hash == hash && origin->port == url->port && origin->scheme == url->scheme &&
            origin->host_len == host.len && memcmp(origin->host, host.at, host.len) == 0) {
            origin->references++;
            return origin;
        }
    }
    struct origin *origin = origin_new(pool, url, host);
    origin->hash = hash;
    origin->next = *bucket;
    *bucket = origin;
    pool->origin_count++;
    return origin;
}

void origin_drop(struct conn_pool *pool, struct origin *origin) {
    if (--origin->references)
        return;
    struct origin **at = &pool->buckets[origin->hash & (pool->bucket_count - 1)];
    while (*at != origin)
        at = &(*at)->next;
    *at = origin->next;
    pool->origin_count--;
    pool_release(pool->pool, origin, origin_bytes(origin->host_len, origin->dial_len));
}
