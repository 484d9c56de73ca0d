/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache.c: see check_cache.h. Called on all workers' threads at once. A page of the file belongs to one of 64 locks, by the low
 * bits of the hash, so that a worker whose page has to come from the disk holds up one in 64 others; growing takes all of
 * them. Rejected: one lock, for that reason; and atomics, since an entry is four words and the mapping itself changes when
 * the file grows.
 *
 * What this run has written does not count in it: whether a URL that is listed twice is asked twice must not depend on which of
 * the two was faster.
 */
#include "check_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_cache_file.h"
#include "text.h"

enum {
    STRIPES = CACHE_PAGES_MIN,
    FUTURE_S = 60 /* clocks are set back by seconds; what is later than that is not believed */
};

struct check_cache_settings check_cache_settings;

struct cache {
    struct cache_file file; /* its `used` is stale while the run goes on: see below */
    struct check_cache_settings settings;
    struct check_key key;
    uint16_t run;
    atomic_uint_fast64_t used, room; /* entries: not empty, and how many before it grows */
    atomic_int fault;                /* errno of the growing that failed; no second attempt */
    /* Each on a cache line of its own. */
    struct {
        _Alignas(64) pthread_mutex_t lock;
    } stripe[STRIPES];
};

/* What is remembered of a request between prepare and record. */
struct request {
    struct check_hash hash;
    bool is_hashed;
};

static uint64_t now_s(void) {
    time_t now = time(NULL);
    return now > 0 ? (uint64_t)now : 0;
}

static uint64_t oldest_s(const struct cache *cache, uint64_t now) {
    return now > cache->settings.max_age_s ? now - cache->settings.max_age_s : 0;
}

static bool is_fresh(const struct cache *cache, const struct cache_entry *entry) {
    uint64_t now = now_s();
    return entry->run != cache->run && entry->checked_s >= oldest_s(cache, now) &&
           entry->checked_s <= now + FUTURE_S;
}

/* Of the URL under the run's settings. */
static struct check_hash hash_of(const struct cache *cache, const char *url) {
    struct check_key key = cache->key;
    key.half[0] ^= cache->settings.fingerprint;
    return check_hash_bytes(key, url, strlen(url));
}

static struct check_hash request_hash(const struct cache *cache, struct rf_stream *stream) {
    struct request *request = stream->state;
    if (!request->is_hashed) {
        request->hash = hash_of(cache, stream->url);
        request->is_hashed = true;
    }
    return request->hash;
}

/* ---- a page, under its lock --------------------------------------------------------------------- */

static pthread_mutex_t *lock_of(struct cache *cache, struct check_hash hash) {
    return &cache->stripe[hash.low % STRIPES].lock;
}

/* The URL's entry or NULL; then `*free` is where it can be written: a removed or empty one, or else the oldest. */
static struct cache_entry *find(const struct cache *cache, struct check_hash hash,
                                struct cache_entry **free) {
    struct cache_page *page = cache_file_page(&cache->file, hash);
    struct cache_entry *broken = NULL, *oldest = NULL;
    for (unsigned i = 0; i < CACHE_PAGE_ENTRIES; i++) {
        struct cache_entry *entry = &page->entry[(hash.high + i) % CACHE_PAGE_ENTRIES];
        if (cache_entry_is_empty(entry)) {
            *free = broken ? broken : entry;
            return NULL;
        }
        if (!cache_entry_is_whole(entry)) {
            broken = broken ? broken : entry;
        } else if (entry->hash.low == hash.low && entry->hash.high == hash.high) {
            return entry;
        } else if (!oldest || entry->checked_s < oldest->checked_s) {
            oldest = entry;
        }
    }
    *free = broken ? broken : oldest;
    return NULL;
}

static void put(struct cache *cache, struct check_hash hash, uint64_t checked_s, unsigned status) {
    pthread_mutex_lock(lock_of(cache, hash));
    struct cache_entry *free = NULL, *entry = find(cache, hash, &free);
    entry = entry ? entry : free;
    if (cache_entry_is_empty(entry)) {
        atomic_fetch_add_explicit(&cache->used, 1, memory_order_relaxed);
    }
    entry->check = 0; /* whoever dies in between leaves an entry that is not whole */
    atomic_signal_fence(memory_order_seq_cst);
    entry->hash = hash;
    entry->checked_s = checked_s;
    entry->status = (uint16_t)status;
    entry->run = cache->run;
    atomic_signal_fence(memory_order_seq_cst);
    entry->check = cache_entry_check(entry);
    pthread_mutex_unlock(lock_of(cache, hash));
}

static void remove_entry(struct cache *cache, struct check_hash hash) {
    pthread_mutex_lock(lock_of(cache, hash));
    struct cache_entry *free, *entry = find(cache, hash, &free);
    if (entry) { /* not emptied: others stand behind it */
        *entry = (struct cache_entry){.hash = {UINT64_MAX, UINT64_MAX}};
    }
    pthread_mutex_unlock(lock_of(cache, hash));
}

/* ---- growing ------------------------------------------------------------------------------------ */

static void set_room(struct cache *cache) {
    atomic_store(&cache->room, cache->file.page_count * CACHE_PAGE_ENTRIES / 4 * 3);
}

static bool is_full(struct cache *cache) {
    return atomic_load_explicit(&cache->used, memory_order_relaxed) >
               atomic_load_explicit(&cache->room, memory_order_relaxed) &&
           !atomic_load_explicit(&cache->fault, memory_order_relaxed);
}

/* Every worker waits meanwhile: for as long as it takes to copy the file, and half as often each time. */
static void grow(struct cache *cache) {
    for (unsigned i = 0; i < STRIPES; i++) {
        pthread_mutex_lock(&cache->stripe[i].lock);
    }
    if (is_full(cache)) { /* and nobody was faster */
        atomic_store(&cache->fault, cache_file_grow(&cache->file, oldest_s(cache, now_s())));
        if (!atomic_load(&cache->fault)) {
            atomic_store(&cache->used, cache->file.used);
            set_room(cache);
        }
    }
    for (unsigned i = STRIPES; i > 0; i--) {
        pthread_mutex_unlock(&cache->stripe[i - 1].lock);
    }
}

/* ---- the output --------------------------------------------------------------------------------- */

static enum rf_exit cache_open(void **output, const char *argument,
                               const struct rf_output_options *options, char *why,
                               size_t why_size) {
    (void)options;
    if (!argument || !*argument) {
        snprintf(why, why_size, "the cache needs the name of a file");
        return RF_USAGE;
    }
    struct cache *cache = aligned_alloc(64, sizeof *cache);
    if (!cache) {
        snprintf(why, why_size, "out of memory");
        return RF_LOCAL_FAULT;
    }
    memset(cache, 0, sizeof *cache);
    if (!cache_file_open(&cache->file, argument, why, why_size)) {
        free(cache);
        return RF_LOCAL_FAULT;
    }
    cache->settings = check_cache_settings;
    cache->key = cache->file.header->key;
    cache->run = (uint16_t)cache->file.header->run;
    atomic_init(&cache->used, cache->file.used);
    set_room(cache);
    for (unsigned i = 0; i < STRIPES; i++) {
        pthread_mutex_init(&cache->stripe[i].lock, NULL);
    }
    *output = cache;
    return RF_OK;
}

static enum rf_output_answer cache_prepare(void *output, struct rf_stream *stream) {
    struct cache *cache = output;
    if (!stream->url) {
        return RF_OUTPUT_OK;
    }
    struct check_hash hash = request_hash(cache, stream);
    pthread_mutex_lock(lock_of(cache, hash));
    struct cache_entry *free;
    const struct cache_entry *entry = find(cache, hash, &free);
    bool known = entry && is_fresh(cache, entry);
    if (known) {
        stream->known_status = entry->status;
    }
    pthread_mutex_unlock(lock_of(cache, hash));
    return known ? RF_OUTPUT_SKIP : RF_OUTPUT_OK;
}

static void cache_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    struct cache *cache = output;
    if (!stream->url || result->skipped || result->cached || result->own_request) {
        return;
    }
    switch (result->verdict) {
    case RF_VERDICT_OK:
        put(cache, request_hash(cache, stream),
            result->time_us > 0 ? (uint64_t)result->time_us / 1000000 : now_s(), result->status);
        if (is_full(cache)) {
            grow(cache);
        }
        break;
    case RF_VERDICT_DEAD:
    case RF_VERDICT_FLAKY:
    case RF_VERDICT_BLOCKED:
        remove_entry(cache, request_hash(cache, stream));
        break;
    default: /* nothing was learnt */
        break;
    }
}

static enum rf_exit cache_close(void *output, char *why, size_t why_size) {
    struct cache *cache = output;
    enum rf_exit exit = RF_OK;
    int fault = atomic_load(&cache->fault);
    if (fault) {
        char shown[512];
        snprintf(why, why_size, "%s: the cache could not grow, and forgot what did not fit: %s",
                 text_escape(shown, sizeof shown, cache->file.path), strerror(fault));
        exit = RF_LOCAL_FAULT;
    }
    for (unsigned i = 0; i < STRIPES; i++) {
        pthread_mutex_destroy(&cache->stripe[i].lock);
    }
    cache->file.used = atomic_load(&cache->used);
    cache_file_close(&cache->file);
    free(cache);
    return exit;
}

const struct rf_output_ops check_cache = {
    .abi = RF_OUTPUT_ABI,
    .kind = "cache",
    .state_bytes = sizeof(struct request),
    .open = cache_open,
    .prepare = cache_prepare,
    .record = cache_record,
    .close = cache_close,
};
