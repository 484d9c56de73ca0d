/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connect_to.h: who is connected to instead of a host and its port, by entries HOST1:PORT1:HOST2:PORT2 as curl's --connect-to takes them.
 * An empty HOST1 or PORT1 fits any, an empty HOST2 or PORT2 is the same; an IPv6 address stands in brackets. Any thread.
 */
#ifndef NET_CONNECT_TO_H
#define NET_CONNECT_TO_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* `entries` end with NULL, or are NULL. 0, or -EINVAL and in `why` which entry is none. */
int connect_to_check(const char *const *entries, char *why, size_t why_size);

struct connect_to {
    struct span
        host; /* without brackets; points into an entry, or is the host that was asked for */
    uint16_t port;
};

/* By the first entry that fits. All must be good ones. */
struct connect_to connect_to_find(const char *const *entries, struct span host, uint16_t port);

#endif
