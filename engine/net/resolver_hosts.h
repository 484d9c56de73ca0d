/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_hosts.h: the hosts file (hosts(5)), read once. Workers that name the same file share one
 * parsed copy, as block lists of 100,000 lines are common; it never changes, so only opening and
 * closing take a lock. Any thread.
 */
#ifndef NET_RESOLVER_HOSTS_H
#define NET_RESOLVER_HOSTS_H

#include "net/address.h"
#include "net/name_table.h"

struct hosts;

/* 0, or -errno of reading the file. */
int hosts_open(struct hosts **hosts, const char *path);
void hosts_close(struct hosts *hosts); /* NULL is allowed */

/* The name's addresses in the file's order, at most `max`; 0 when the file doesn't have it. */
unsigned hosts_find(const struct hosts *hosts, struct name_key key, struct address *address,
                    unsigned max);
size_t hosts_name_count(const struct hosts *hosts);

#endif
