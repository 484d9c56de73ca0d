/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * name_table.c: see name_table.h. Growing doubles the buckets; where there is no memory for that
 * the table stays as it is and only gets slower.
 */
#include "net/name_table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"

enum { FIRST_BUCKETS = 64 };

int name_table_init(struct name_table *table) {
    *table = (struct name_table){.bucket_count = FIRST_BUCKETS};
    table->buckets = calloc(FIRST_BUCKETS, sizeof *table->buckets);
    return table->buckets ? 0 : -ENOMEM;
}

void name_table_deinit(struct name_table *table) {
    free(table->buckets);
    *table = (struct name_table){0};
}

static struct name_node **bucket_of(const struct name_table *table, uint64_t hash) {
    return &table->buckets[hash & (table->bucket_count - 1)];
}

struct name_node *name_table_find(const struct name_table *table, struct name_key key) {
    struct name_node *node = *bucket_of(table, key.hash);
    while (node && (node->key.hash != key.hash || node->key.name.len != key.name.len ||
                    memcmp(node->key.name.at, key.name.at, key.name.len) != 0))
        node = node->next;
    return node;
}

static void grow(struct name_table *table) {
    struct name_node **old = table->buckets;
    size_t old_count = table->bucket_count;
    struct name_node **buckets = calloc(old_count * 2, sizeof *buckets);
    if (!buckets)
        return;
    table->buckets = buckets;
    table->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct name_node *node = old[i], **bucket = bucket_of(table, node->key.hash);
            old[i] = node->next;
            node->next = *bucket;
            *bucket = node;
        }
    }
    free(old);
}

void name_table_insert(struct name_table *table, struct name_node *node) {
    if (table->count >= table->bucket_count)
        grow(table);
    struct name_node **bucket = bucket_of(table, node->key.hash);
    node->next = *bucket;
    *bucket = node;
    table->count++;
    table->first_used = 0;
}

void name_table_remove(struct name_table *table, struct name_node *node) {
    struct name_node **at = bucket_of(table, node->key.hash);
    while (*at && *at != node)
        at = &(*at)->next;
    CHECK(*at);
    *at = node->next;
    table->count--;
}

struct name_node *name_table_pop(struct name_table *table) {
    if (!table->count)
        return NULL;
    while (!table->buckets[table->first_used])
        table->first_used++;
    struct name_node **bucket = &table->buckets[table->first_used], *node = *bucket;
    *bucket = node->next;
    table->count--;
    return node;
}
