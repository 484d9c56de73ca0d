/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * turns.h: whose turn it is when bodies go out in the order of their numbers. Numbers begin at 1 and have no gaps, as the
 * engine records every request exactly once; a body that ended before its turn waits here. The owner serialises.
 */
#ifndef OUTPUT_TURNS_H
#define OUTPUT_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct turns {
    uint64_t next; /* the lowest number that has not ended */
    void **
        slots; /* of next and those after it, by number modulo slot_count, a power of two; NULL: not ended */
    size_t slot_count;
};

void turns_init(struct turns *turns);
void turns_deinit(struct turns *turns);

/* Number n has ended and left `what` (not NULL, any one value for "nothing"). The first to say so counts. False: it had
 * ended before. */
bool turns_end(struct turns *turns, uint64_t n, void *what);

/* The next one in order that has ended, NULL when the next is still going on. Moves the turn on. */
void *turns_take(struct turns *turns);

/* When nothing will end any more: the next one, gaps left out; NULL when all are taken. */
void *turns_take_rest(struct turns *turns);

#endif
