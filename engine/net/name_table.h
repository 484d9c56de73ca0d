/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * name_table.h: a hash table from host names to whatever embeds a `struct name_node`. Chained,
 * because its members must stay where they are while it grows. The owner of the members keeps their
 * memory, names included; names are lower case already. No thread of its own.
 */
#ifndef NET_NAME_TABLE_H
#define NET_NAME_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/span.h"

struct name_key {
    struct span name;
    uint64_t hash;
};

struct name_node {
    struct name_node *next;
    struct name_key key;
};

struct name_table {
    struct name_node **buckets;
    size_t bucket_count, count;
    size_t first_used; /* no bucket before this one has members */
};

static inline struct name_key name_key(struct span name) {
    return (struct name_key){name, hash_bytes(name.at, name.len)};
}

/* 0 or -ENOMEM. */
int name_table_init(struct name_table *table);
void name_table_deinit(struct name_table *table);
struct name_node *name_table_find(const struct name_table *table, struct name_key key);
/* The node's key is set and not in the table yet. */
void name_table_insert(struct name_table *table, struct name_node *node);
void name_table_remove(struct name_table *table, struct name_node *node);
/* Takes any member out; NULL when there is none. For emptying. */
struct name_node *name_table_pop(struct name_table *table);

#endif
