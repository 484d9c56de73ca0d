/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * keys.h: how often something was asked for under a name, for endpoints that fail the first few
 * times. All workers share one table, as a client's retry may come in on any of them. Any thread.
 */
#ifndef ORIGIN_KEYS_H
#define ORIGIN_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { KEYS_MAX = 65536, KEY_BYTES_MAX = 64 };

struct keys;
struct keys *keys_open(void); /* NULL: no memory */
void keys_close(struct keys *keys);

/* Counts one more use of the key: *before is how many there were. False when the table is full or
 * the key is longer than KEY_BYTES_MAX. */
bool keys_count(struct keys *keys, struct span key, uint64_t *before);
void keys_clear(struct keys *keys);

#endif
