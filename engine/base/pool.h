/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pool.h: memory for things that come and go with every request: blocks in size classes, carved
 * from chunks in runs and kept on free lists, so that the hot path calls no malloc. A pool belongs to
 * one thread and takes no lock. A block may be released into another thread's pool, which is how a job
 * moves between workers. A pool that gathers too many free blocks gives a batch of them to the
 * depot that all pools share, and one that has none asks there first, so memory goes round
 * whichever way the jobs flow. The depot owns the memory. Blocks above the largest class are
 * malloc's own.
 *
 * Rejected: one slab per type (strings come in many lengths), and plain malloc (three times the
 * cost a request).
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { POOL_CLASSES = 67, POOL_LARGEST_BYTES = 8192 };

struct pool_block;
struct pool_region;

/* Shared by the pools of one engine; any thread. */
struct pool_depot {
    pthread_mutex_t lock;
    struct pool_block *_Atomic batches[POOL_CLASSES]; /* changed under the lock */
    struct pool_region *regions;
    char *region_at; /* what is left of the latest */
    size_t region_left;
    size_t held_bytes; /* of the chunks in use */
};
void pool_depot_init(struct pool_depot *depot);
/* Gives the memory back: every block of every pool, wherever it is, is gone. */
void pool_depot_deinit(struct pool_depot *depot);

/* Free blocks of one class. */
struct pool_list {
    struct pool_block *first;
    uint32_t count;
};

struct pool {
    struct pool_list free[POOL_CLASSES];
    char *chunk_at; /* what is left of its chunk */
    size_t chunk_left;
    struct pool_depot *depot;
    int64_t live_bytes; /* acquired less released through this pool, in whole classes; the sum over
                           all pools of a depot is 0 when nothing is held */
};
void pool_init(struct pool *pool, struct pool_depot *depot);

/* Never NULL: when the system has no memory left the process ends, as no request could be finished
 * without it. 16-byte aligned, not zeroed. `bytes` may be 0. */
void *pool_acquire(struct pool *pool, size_t bytes);
void *pool_acquire_zeroed(struct pool *pool, size_t bytes);
/* `bytes` as it was asked for. NULL is allowed. */
void pool_release(struct pool *pool, void *block, size_t bytes);
/* A NUL-terminated copy, up to the first NUL; release with pool_release_text. NULL gives NULL. */
char *pool_text(struct pool *pool, const void *text, size_t len);
static inline void pool_release_text(struct pool *pool, char *text) {
    if (text)
        pool_release(pool, text, strlen(text) + 1);
}

#endif
