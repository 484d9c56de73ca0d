/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_override.h: --resolve, with curl's meaning: HOST:PORT:ADDR[,ADDR]... names the addresses
 * of a host and port,
 * "*" stands for any host, a leading "+" makes the entry go after a minute, and -HOST:PORT takes an
 * earlier entry back. A later entry replaces an earlier one. One resolver's.
 */
#ifndef NET_RESOLVER_OVERRIDE_H
#define NET_RESOLVER_OVERRIDE_H

#include "base/pool.h"
#include "net/name_table.h"
#include "net/resolver.h"

struct overrides {
    struct name_table table; /* keys are "host:port" */
    struct pool *pool;
};

/* 0 or -ENOMEM. */
int overrides_init(struct overrides *overrides, struct pool *pool);
void overrides_deinit(struct overrides *overrides);
/* False with one line in `why` that names `text`. Addresses that `family` forbids are left out. */
bool overrides_add(struct overrides *overrides, const char *text, int family, uint64_t now_ns,
                   char *why, size_t why_size);
/* Borrowed; NULL when there is none. `name` is in lower case, at most 255 bytes. */
struct address_list *overrides_find(const struct overrides *overrides, struct span name,
                                    uint16_t port, uint64_t now_ns);

#endif
