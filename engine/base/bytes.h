/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bytes.h: bytes gathered piece by piece, in a pool's memory. All zero is empty and holds none.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/pool.h"
#include "base/span.h"

struct bytes {
    uint8_t *at;
    size_t len, room;
};

/* Room at least doubles, so that gathering costs linear time. */
static inline void bytes_add(struct bytes *bytes, struct pool *pool, struct span piece) {
    if (bytes->len + piece.len > bytes->room) {
        size_t room = bytes->room ? bytes->room * 2 : 512;
        while (room < bytes->len + piece.len)
            room *= 2;
        uint8_t *at = pool_acquire(pool, room);
        if (bytes->len)
            memcpy(at, bytes->at, bytes->len);
        pool_release(pool, bytes->at, bytes->room);
        bytes->at = at;
        bytes->room = room;
    }
    if (piece.len)
        memcpy(bytes->at + bytes->len, piece.at, piece.len);
    bytes->len += piece.len;
}

static inline struct span bytes_span(const struct bytes *bytes) {
    return span_of(bytes->at, bytes->len);
}

static inline void bytes_release(struct bytes *bytes, struct pool *pool) {
    pool_release(pool, bytes->at, bytes->room);
    *bytes = (struct bytes){0};
}

#endif
