/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file_suffix.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

struct file_suffix {
    uint64_t key;
    unsigned next;
};

enum { SLOTS_FIRST = 64 };

void file_suffixes_init(struct file_suffixes *suffixes) {
    *suffixes = (struct file_suffixes){.slots = NULL};
    pthread_mutex_init(&suffixes->lock, NULL);
}

void file_suffixes_deinit(struct file_suffixes *suffixes) {
    pthread_mutex_destroy(&suffixes->lock);
    free(suffixes->slots);
}

static struct file_suffix *slot_of(struct file_suffix *slots, size_t count, uint64_t key) {
    size_t i = key & (count - 1);
    while (slots[i].key && slots[i].key != key)
        i = (i + 1) & (count - 1);
    return &slots[i];
}

static void grow(struct file_suffixes *suffixes) {
    size_t count = suffixes->slot_count ? suffixes->slot_count * 2 : SLOTS_FIRST;
    struct file_suffix *slots = calloc(count, sizeof *slots);
    CHECK(slots);
    for (size_t i = 0; i < suffixes->slot_count; i++)
        if (suffixes->slots[i].key)
            *slot_of(slots, count, suffixes->slots[i].key) = suffixes->slots[i];
    free(suffixes->slots);
    suffixes->slots = slots;
    suffixes->slot_count = count;
}

static unsigned take(struct file_suffixes *suffixes, const char *path, bool insert) {
    uint64_t key = hash_bytes(path, strlen(path)) | 1;
    unsigned number = 0;
    pthread_mutex_lock(&suffixes->lock);
    size_t used = atomic_load_explicit(&suffixes->used, memory_order_relaxed);
    if (insert && used * 2 >= suffixes->slot_count)
        grow(suffixes);
    if (suffixes->slot_count) {
        struct file_suffix *slot = slot_of(suffixes->slots, suffixes->slot_count, key);
        if (!slot->key && insert) {
            *slot = (struct file_suffix){.key = key, .next = 1};
            atomic_store_explicit(&suffixes->used, used + 1, memory_order_relaxed);
        }
        if (slot->key)
            number = slot->next++;
    }
    pthread_mutex_unlock(&suffixes->lock);
    return number;
}

unsigned file_suffix_known(struct file_suffixes *suffixes, const char *path) {
    /* Most runs never see a name twice, and take no lock. Missing a name that was just inserted costs one rename. */
    if (!atomic_load_explicit(&suffixes->used, memory_order_relaxed))
        return 0;
    return take(suffixes, path, false);
}

unsigned file_suffix_next(struct file_suffixes *suffixes, const char *path) {
    return take(suffixes, path, true);
}
