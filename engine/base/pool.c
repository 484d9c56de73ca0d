/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_IS_MALLOC 1 /* so that the sanitizer sees every block by itself */
#else
#define POOL_IS_MALLOC 0
#endif

struct pool_block {
    struct pool_block *next;
    struct pool_block *next_batch; /* in the depot, in a batch's first block */
};

/* Heads a region of memory from the system, which is cut into chunks. */
struct pool_region {
    struct pool_region *next;
    size_t pad;
};

/* A pool keeps at most two batches of a class to itself. Small enough that idle pools hold little, large enough that the
 * depot's lock is taken once in a hundred requests. Blocks are cut off in runs: with as many pools as there are workers, a
 * chunk for each class of each pool would lie there for nothing. */
enum {
    CHUNK_BYTES = 64 * 1024,
    RUN_BYTES = 4096,
    BATCH_BLOCKS = 64,
    KEPT_BLOCKS = 2 * BATCH_BLOCKS
};

static const size_t REGION_BYTES = 16 * CHUNK_BYTES + sizeof(struct pool_region);

/* Classes are 16 bytes apart where a million blocks may be wanted, then the powers of two. */
enum { FINE_STEP = 16, FINE_MAX = 1024, FINE_CLASSES = FINE_MAX / FINE_STEP };

_Static_assert(POOL_LARGEST_BYTES == FINE_MAX << (POOL_CLASSES - FINE_CLASSES),
               "the last class is the largest");

static size_t class_bytes(unsigned size_class) {
    if (LIKELY(size_class < FINE_CLASSES))
        return (size_t)(size_class + 1) * FINE_STEP;
    return (size_t)FINE_MAX << (size_class - FINE_CLASSES + 1);
}

static unsigned class_of(size_t bytes) {
    if (LIKELY(bytes <= FINE_MAX))
        return bytes ? (unsigned)(bytes - 1) / FINE_STEP : 0;
    unsigned size_class = FINE_CLASSES;
    while (class_bytes(size_class) < bytes)
        size_class++;
    return size_class;
}

__attribute__((noreturn, cold)) static void out_of_memory(size_t bytes) {
    fprintf(stderr, "ringfetch: out of memory (%zu bytes wanted)\n", bytes);
    abort();
}

static void *must_malloc(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory)
        out_of_memory(bytes);
    return memory;
}

void pool_depot_init(struct pool_depot *depot) {
    *depot = (struct pool_depot){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void pool_depot_deinit(struct pool_depot *depot) {
    while (depot->regions) {
        struct pool_region *region = depot->regions;
        depot->regions = region->next;
        munmap(region, REGION_BYTES);
    }
    pthread_mutex_destroy(&depot->lock);
}

void pool_init(struct pool *pool, struct pool_depot *depot) {
    *pool = (struct pool){.depot = depot};
}

static char *chunk_take(struct pool_depot *depot) {
    pthread_mutex_lock(&depot->lock);
    if (depot->region_left < CHUNK_BYTES) {
        struct pool_region *region =
            mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (region == MAP_FAILED)
            out_of_memory(REGION_BYTES);
        region->next = depot->regions;
        depot->regions = region;
        depot->region_at = (char *)(region + 1);
        depot->region_left = REGION_BYTES - sizeof *region;
    }
    char *chunk = depot->region_at;
    depot->region_at += CHUNK_BYTES;
    depot->region_left -= CHUNK_BYTES;
    depot->held_bytes += CHUNK_BYTES;
    pthread_mutex_unlock(&depot->lock);
    return chunk;
}

/* Cuts a run of blocks off the pool's chunk. What a spent chunk has left is less than one block and lost. */
static void carve(struct pool *pool, unsigned size_class) {
    size_t size = class_bytes(size_class);
    if (pool->chunk_left < size) {
        pool->chunk_at = chunk_take(pool->depot);
        pool->chunk_left = CHUNK_BYTES;
    }
    size_t room = pool->chunk_left < RUN_BYTES ? pool->chunk_left : RUN_BYTES;
    size_t count = room > size ? room / size : 1;
    struct pool_list *list = &pool->free[size_class];
    for (size_t i = count; i-- > 0;) {
        struct pool_block *block = (void *)(pool->chunk_at + i * size);
        block->next = list->first;
        list->first = block;
    }
    list->count += (uint32_t)count;
    pool->chunk_at += count * size;
    pool->chunk_left -= count * size;
}

static struct pool_block *take_batch(struct pool_depot *depot, unsigned size_class) {
    /* Looked at without the lock first: a pool that grows would take it with every run. */
    if (!atomic_load_explicit(&depot->batches[size_class], memory_order_relaxed))
        return NULL;
    pthread_mutex_lock(&depot->lock);
    struct pool_block *batch = depot->batches[size_class];
    if (batch)
        depot->batches[size_class] = batch->next_batch;
    pthread_mutex_unlock(&depot->lock);
    return batch;
}

/* This one and the next are kept out of their callers, which would have to save registers for them each time. */
__attribute__((noinline)) static void refill(struct pool *pool, unsigned size_class) {
    struct pool_block *batch = take_batch(pool->depot, size_class);
    if (batch)
        pool->free[size_class] = (struct pool_list){batch, BATCH_BLOCKS};
    else
        carve(pool, size_class);
}

__attribute__((noinline)) static void give_batch(struct pool *pool, unsigned size_class) {
    struct pool_list *list = &pool->free[size_class];
    struct pool_block *batch = list->first, *last = batch;
    for (int i = 1; i < BATCH_BLOCKS; i++)
        last = last->next;
    list->first = last->next;
    list->count -= BATCH_BLOCKS;
    last->next = NULL;
    pthread_mutex_lock(&pool->depot->lock);
    batch->next_batch = pool->depot->batches[size_class];
    pool->depot->batches[size_class] = batch;
    pthread_mutex_unlock(&pool->depot->lock);
}

void *pool_acquire(struct pool *pool, size_t bytes) {
    if (POOL_IS_MALLOC || bytes > POOL_LARGEST_BYTES) {
        pool->live_bytes += (int64_t)bytes;
        return must_malloc(bytes ? bytes : 1);
    }
    unsigned size_class = class_of(bytes);
    struct pool_list *list = &pool->free[size_class];
    if (UNLIKELY(!list->first))
        refill(pool, size_class);
    struct pool_block *block = list->first;
    list->first = block->next;
    list->count--;
    pool->live_bytes += (int64_t)class_bytes(size_class);
    return block;
}

void *pool_acquire_zeroed(struct pool *pool, size_t bytes) {
    return memset(pool_acquire(pool, bytes), 0, bytes);
}

void pool_release(struct pool *pool, void *memory, size_t bytes) {
    if (!memory)
        return;
    if (POOL_IS_MALLOC || bytes > POOL_LARGEST_BYTES) {
        pool->live_bytes -= (int64_t)bytes;
        free(memory);
        return;
    }
    unsigned size_class = class_of(bytes);
    struct pool_list *list = &pool->free[size_class];
    struct pool_block *block = memory;
    block->next = list->first;
    list->first = block;
    pool->live_bytes -= (int64_t)class_bytes(size_class);
    if (UNLIKELY(++list->count > KEPT_BLOCKS))
        give_batch(pool, size_class);
}

char *pool_text(struct pool *pool, const void *text, size_t len) {
    if (!text)
        return NULL;
    len = strnlen(text, len);
    char *copy = pool_acquire(pool, len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}
