/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * writer.h: a thread that writes to one descriptor what others queue, in order. A pipe that nobody reads blocks this
 * thread and no worker, until the queue is full. Any thread may queue; one owner opens and closes.
 *
 * Rejected: the descriptor set non-blocking, which would be so for everybody who shares the terminal.
 */
#ifndef OUTPUT_WRITER_H
#define OUTPUT_WRITER_H

#include "base/list.h"
#include "output/output_fault.h"

/* Above the first a producer is asked to stop, below the second it may go on. */
enum { WRITER_HIGH_BYTES = 4 << 20, WRITER_LOW_BYTES = 2 << 20 };

/* What is queued: bytes in memory or a stretch of a file. The one who made it says in `release` how it goes. */
struct piece {
    struct link link;
    char *bytes; /* NULL: in the file */
    size_t count;
    int fd;
    uint64_t at; /* in the file */
    void (*release)(struct piece *piece);
    void *owner;
};

struct writer;

/* Called on the writer's thread, without its lock, when the queue has fallen below the low mark after it was above the
 * high one; also when writing has failed. */
typedef void writer_drained_fn(void *context);

/* Writes to `fd` and closes it at the end unless it is standard output. The first failure goes to `fault` under the name
 * `what` (constant or as long-lived as the writer). `drained` may be NULL. Returns NULL when no thread can be had. */
struct writer *writer_open(int fd, const char *what, struct output_fault *fault,
                           writer_drained_fn *drained, void *context);

/* Queues a piece, which now is the writer's. True: above the high mark; `drained` will be called. */
bool writer_put(struct writer *writer, struct piece *piece);
/* The same for malloc'd bytes, which become the writer's. */
bool writer_put_bytes(struct writer *writer, char *bytes, size_t count);

/* Blocks while the queue is above the high mark. */
void writer_wait(struct writer *writer);

/* What made writing fail; no error as long as all is well. Once failed, all that is queued is dropped. */
struct err writer_failure(struct writer *writer);

/* Writes what is queued, ends the thread and frees. */
void writer_close(struct writer *writer);

#endif
