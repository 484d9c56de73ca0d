/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pool.h: memory for things that come and go with every request: blocks in size classes, carved from chunks and
 * kept on free lists, so that the hot path calls no malloc. A pool belongs to one worker and takes no lock. A block may
 * be released into another worker's pool: it then belongs there, which is how a job moves between workers; so the chunks
 * of all pools must live until the last pool is gone (pool_chunks_free). Blocks above the largest class are malloc's own.
 *
 * Rejected: one slab per type. Strings come in many lengths, and types move between workers all the same.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { POOL_CLASSES = 14, POOL_LARGEST_BYTES = 8192 };

struct pool_block;
struct pool_chunk;

struct pool {
    struct pool_block *free[POOL_CLASSES];
    struct pool_chunk *chunks;
    size_t held_bytes; /* chunks' and large blocks' memory */
    uint64_t
        live_bytes; /* acquired and not released, in whole classes; may be negative across pools */
};

void pool_init(struct pool *pool);

/* Never NULL: when the system has no memory left the process ends, as no request could be finished without it.
 * 16-byte aligned, not zeroed. `bytes` may be 0. */
void *pool_acquire(struct pool *pool, size_t bytes);
void *pool_acquire_zeroed(struct pool *pool, size_t bytes);
/* `bytes` as it was asked for. NULL is allowed. */
void pool_release(struct pool *pool, void *block, size_t bytes);
/* A NUL-terminated copy; release with pool_release_text. NULL gives NULL. */
char *pool_text(struct pool *pool, const void *text, size_t len);
void pool_release_text(struct pool *pool, char *text);

/* Frees the chunks; every block from this pool, wherever it is, is gone. */
void pool_deinit(struct pool *pool);

#endif
