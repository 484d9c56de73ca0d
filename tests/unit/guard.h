/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * guard.h: buffers that end at a page nobody may touch, so that reading one byte too far ends the test.
 */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* A copy of `bytes` whose last byte lies right before a forbidden page. Valid until the eighth call after this one. With
 * count 0 the address itself is forbidden. */
uint8_t *guard_copy(const void *bytes, size_t count);

#endif
