/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_order.h: address lists, and which addresses to try in which order. The probe's result is
 * the process's, made once; lists belong to one worker.
 */
#ifndef NET_RESOLVER_ORDER_H
#define NET_RESOLVER_ORDER_H

#include "net/resolver.h"

/* What this machine can reach. */
struct reach {
    bool v4, v6;
    bool v6_loopback;
    bool v6_is_local; /* its only IPv6 addresses are unique local ones (RFC 4193) */
};

/* Looks once per process; sends nothing. A machine that reaches nothing at all is taken to reach
 * everything, so that connecting can say what is wrong. */
struct reach reach_of_machine(void);

/* One reference, the caller's. NULL: no memory. */
struct address_list *address_list_copy(const struct address *address, unsigned count);

/* Drops in place what `family` forbids, what the machine cannot reach (IPv4 loopback always can be)
 * and repetitions, and orders the rest. Returns how many are left. `family` given: reach is not
 * looked at, as the user knows best. */
unsigned addresses_order(struct address *address, unsigned count, int family, struct reach reach);
/* Drops what `family` forbids; order kept. */
unsigned addresses_restrict(struct address *address, unsigned count, int family);

#endif
