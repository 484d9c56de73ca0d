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
 * depot's lock is taken once in a hundred requests. */
enum { CHUNK_BYTES = 64 * 1024, BATCH_BLOCKS = 64 };

static const size_t REGION_BYTES = 16 * CHUNK_BYTES + sizeof(struct pool_region);

/* 448 and 704 are for connections and jobs, of which there may be a million. */
static const uint16_t class_bytes[POOL_CLASSES] = {
    32, 64, 96, 128, 192, 256, 384, 448, 512, 704, 768, 1024, 1536, 2048, 4096, POOL_LARGEST_BYTES};

static unsigned class_of(size_t bytes) {
    unsigned size_class = 0;
    while (class_bytes[size_class] < bytes)
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

/* Cuts a new chunk into blocks of one class. */
static void carve(struct pool *pool, unsigned size_class) {
    size_t size = class_bytes[size_class];
    char *at = chunk_take(pool->depot);
    for (size_t offset = CHUNK_BYTES / size * size; offset > 0;) {
        offset -= size;
        struct pool_block *block = (void *)(at + offset);
        block->next = pool->free[size_class];
        pool->free[size_class] = block;
        pool->free_count[size_class]++;
    }
}

static void refill(struct pool *pool, unsigned size_class) {
    struct pool_depot *depot = pool->depot;
    pthread_mutex_lock(&depot->lock);
    struct pool_block *batch = depot->batches[size_class];
    if (batch)
        depot->batches[size_class] = batch->next_batch;
    pthread_mutex_unlock(&depot->lock);
    if (batch) {
        pool->free[size_class] = batch;
        pool->free_count[size_class] = BATCH_BLOCKS;
    } else {
        carve(pool, size_class);
    }
}

static void give_batch(struct pool *pool, unsigned size_class) {
    struct pool_block *batch = pool->free[size_class], *last = batch;
    for (int i = 1; i < BATCH_BLOCKS; i++)
        last = last->next;
    pool->free[size_class] = last->next;
    pool->free_count[size_class] -= BATCH_BLOCKS;
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
    if (UNLIKELY(!pool->free[size_class]))
        refill(pool, size_class);
    struct pool_block *block = pool->free[size_class];
    pool->free[size_class] = block->next;
    pool->free_count[size_class]--;
    pool->live_bytes += class_bytes[size_class];
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
    struct pool_block *block = memory;
    block->next = pool->free[size_class];
    pool->free[size_class] = block;
    pool->live_bytes -= class_bytes[size_class];
    /* What one chunk gives never goes straight back. */
    uint32_t keep = 2u * BATCH_BLOCKS + (uint32_t)CHUNK_BYTES / class_bytes[size_class];
    if (UNLIKELY(++pool->free_count[size_class] >= keep))
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

void pool_release_text(struct pool *pool, char *text) {
    if (text)
        pool_release(pool, text, strlen(text) + 1);
}
