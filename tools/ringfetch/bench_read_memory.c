/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read_memory.c: see bench_read.h. A list of what there is to free: a saved run consists of a few dozen things that go
 * together, and freeing them one by one in every fault's path would be most of the reader. One thread at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "bench_read.h"

struct bench_memory {
    struct bench_memory *next;
    void *thing;
    void (*free_it)(void *thing);
};

bool bench_memory_keep(struct bench_memory **memory, void *thing, void (*free_it)(void *thing)) {
    if (!thing)
        return false;
    struct bench_memory *made = malloc(sizeof *made);
    if (!made) {
        free_it(thing);
        return false;
    }
    *made = (struct bench_memory){*memory, thing, free_it};
    *memory = made;
    return true;
}

void *bench_memory_take(struct bench_memory **memory, size_t count, size_t size) {
    void *thing = calloc(count ? count : 1, size);
    return bench_memory_keep(memory, thing, free) ? thing : NULL;
}

char *bench_memory_text(struct bench_memory **memory, const char *text) {
    char *copy = strdup(text);
    return bench_memory_keep(memory, copy, free) ? copy : NULL;
}

void bench_memory_free(struct bench_memory *memory) {
    while (memory) {
        struct bench_memory *next = memory->next;
        memory->free_it(memory->thing);
        free(memory);
        memory = next;
    }
}
