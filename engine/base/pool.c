/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_IS_MALLOC 1 /* so that the sanitizer sees every block by itself */
#else
#define POOL_IS_MALLOC 0
#endif

struct pool_block {
    struct pool_block *next;
};

struct pool_chunk {
    struct pool_chunk *next;
    size_t pad;
};

enum { CHUNK_BYTES = 64 * 1024 };

static const uint16_t class_bytes[POOL_CLASSES] = {
    32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, POOL_LARGEST_BYTES};

static unsigned class_of(size_t bytes) {
    unsigned class = 0;
    while (class_bytes[class] < bytes)
        class ++;
    return class;
}

static void *must_malloc(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) {
        fprintf(stderr, "ringfetch: out of memory (%zu bytes wanted)\n", bytes);
        abort();
    }
    return memory;
}

void pool_init(struct pool *pool) {
    *pool = (struct pool){0};
}

static void carve(struct pool *pool, unsigned class) {
    size_t size = class_bytes[class], room = CHUNK_BYTES - sizeof(struct pool_chunk);
    struct pool_chunk *chunk = must_malloc(CHUNK_BYTES);
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->held_bytes += CHUNK_BYTES;
    char *at = (char *)(chunk + 1);
    for (size_t offset = room / size * size; offset > 0;) {
        offset -= size;
        struct pool_block *block = (void *)(at + offset);
        block->next = pool->free[class];
        pool->free[class] = block;
    }
}

void *pool_acquire(struct pool *pool, size_t bytes) {
    if (POOL_IS_MALLOC || bytes > POOL_LARGEST_BYTES) {
        pool->live_bytes += bytes;
        return must_malloc(bytes ? bytes : 1);
    }
    unsigned class = class_of(bytes);
    if (UNLIKELY(!pool->free[class]))
        carve(pool, class);
    struct pool_block *block = pool->free[class];
    pool->free[class] = block->next;
    pool->live_bytes += class_bytes[class];
    return block;
}

void *pool_acquire_zeroed(struct pool *pool, size_t bytes) {
    return memset(pool_acquire(pool, bytes), 0, bytes);
}

void pool_release(struct pool *pool, void *memory, size_t bytes) {
    if (!memory)
        return;
    if (POOL_IS_MALLOC || bytes > POOL_LARGEST_BYTES) {
        pool->live_bytes -= bytes;
        free(memory);
        return;
    }
    unsigned class = class_of(bytes);
    struct pool_block *block = memory;
    block->next = pool->free[class];
    pool->free[class] = block;
    pool->live_bytes -= class_bytes[class];
}

char *pool_text(struct pool *pool, const void *text, size_t len) {
    if (!text)
        return NULL;
    char *copy = pool_acquire(pool, len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

void pool_release_text(struct pool *pool, char *text) {
    if (text)
        pool_release(pool, text, strlen(text) + 1);
}

void pool_deinit(struct pool *pool) {
    while (pool->chunks) {
        struct pool_chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        free(chunk);
    }
    pool_init(pool);
}
