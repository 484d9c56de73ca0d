/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * spill.h: bodies that must wait for their turn at standard output. A body is a list of pieces (writer.h), in memory at first;
 * what is too much for memory goes to one temporary file without a name, whose space is given back piece by piece. Any number of
 * threads, each with bodies of its own.
 *
 * Rejected: a file for each body, which would need a descriptor for each.
 */
#ifndef OUTPUT_SPILL_H
#define OUTPUT_SPILL_H

#include <stdatomic.h>

#include "output/writer.h"

struct spill {
    pthread_mutex_t lock; /* of all but held_bytes */
    int fd;               /* -1: not needed yet */
    uint64_t end;         /* where the next piece goes */
    size_t pieces;        /* that are in the file */
    atomic_size_t held_bytes;
};

struct spill_body {
    struct link pieces;
    size_t held_bytes; /* in memory */
};

void spill_init(struct spill *spill);
void spill_deinit(struct spill *spill);

void spill_body_init(struct spill_body *body);
/* Copies the bytes to the end of the body. `expected`: how many will come in all, or 0. */
void spill_append(struct spill *spill, struct spill_body *body, const void *bytes, size_t count,
                  uint64_t expected);
/* Moves the body's bytes from memory to the file. Returns 0 or an errno. */
int spill_to_file(struct spill *spill, struct spill_body *body);
/* Releases all pieces. */
void spill_drop(struct spill_body *body);
/* Takes the first piece out, for writer_put; NULL when none is left. */
struct piece *spill_take(struct spill_body *body);

#endif
