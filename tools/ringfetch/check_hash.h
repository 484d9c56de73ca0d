/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_hash.h: a keyed hash of 128 bits by which check's tables know a URL without keeping it: SipHash-1-3 with the double
 * output of its authors' second paper. Keyed, because lists of URLs come from strangers, who could otherwise have them all meet in
 * one place of a table. Pure; any thread. Rejected: the engine's own hash, which the public interface does not offer
 * and whose 64 bits are too few to tell a hundred million URLs apart.
 */
#ifndef TOOLS_CHECK_HASH_H
#define TOOLS_CHECK_HASH_H

#include <stddef.h>
#include <stdint.h>

struct check_key {
    uint64_t half[2];
};
struct check_hash {
    uint64_t low, high;
};

/* A key that nobody can guess; where the kernel has none to give, one of clock and addresses. */
struct check_key check_key_random(void);
/* The same on every machine, whatever its byte order. */
struct check_hash check_hash_bytes(struct check_key key, const void *bytes, size_t count);

#endif
