/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_buffers.c: the buffers that receives are given from, one provided-buffer ring for all sockets of a ring. The
 * memory is mapped, not touched: what is never used costs nothing.
 *
 * A bundle's completion names its first buffer only; the others are those that were given to the kernel after it. That order
 * is kept as a chain through the buffers themselves and not read back from the shared ring, whose entries may have been
 * overwritten meanwhile: completions need not come in the order in which buffers were taken. Buffers that go back in
 * order stay neighbours in memory, hence most bundles are one span.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ring/ring_private.h"

enum { BUFFER_GROUP = 0 };

static void give(struct buffers *buffers, uint16_t id) {
    uint16_t index = (uint16_t)(buffers->tail & (buffers->count - 1));
    struct io_uring_buf *entry = &buffers->shared->bufs[index];
    entry->addr = (uint64_t)(uintptr_t)(buffers->memory + ((size_t)id << buffers->size_shift));
    entry->len = buffers->bytes;
    entry->bid = id;
    buffers->next[buffers->last] = id;
    buffers->last = id;
    buffers->tail++;
}

static void publish(struct buffers *buffers) {
    __atomic_store_n(&buffers->shared->tail, buffers->tail, __ATOMIC_RELEASE);
}

static void *map(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static size_t memory_bytes(const struct buffers *buffers) {
    return (size_t)buffers->count << buffers->size_shift;
}

int buffers_open(struct buffers *buffers, struct io_uring *uring, unsigned count, unsigned bytes) {
    CHECK(count > 0 && count <= 32768 && (count & (count - 1)) == 0);
    CHECK(bytes >= 64 && (bytes & (bytes - 1)) == 0);
    *buffers = (struct buffers){
        .count = count, .bytes = bytes, .size_shift = (unsigned)__builtin_ctz(bytes)};
    buffers->shared = map(count * sizeof(struct io_uring_buf));
    buffers->memory = map(memory_bytes(buffers));
    buffers->next = calloc(count, sizeof *buffers->next);
    buffers->spans = malloc(count * sizeof *buffers->spans);
    if (!buffers->shared || !buffers->memory || !buffers->next || !buffers->spans)
        return -ENOMEM;
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)buffers->shared,
                                            .ring_entries = count,
                                            .bgid = BUFFER_GROUP};
    int error = io_uring_register_buf_ring(uring, &registration, 0);
    if (error)
        return error;
    for (unsigned id = 0; id < count; id++)
        give(buffers, (uint16_t)id);
    publish(buffers);
    return 0;
}

void buffers_close(struct buffers *buffers, struct io_uring *uring) {
    io_uring_unregister_buf_ring(uring, BUFFER_GROUP);
    if (buffers->shared)
        munmap(buffers->shared, buffers->count * sizeof(struct io_uring_buf));
    if (buffers->memory)
        munmap(buffers->memory, memory_bytes(buffers));
    free(buffers->next);
    free(buffers->spans);
}

unsigned buffers_spans(struct buffers *buffers, unsigned first, unsigned count) {
    struct span *spans = buffers->spans;
    const uint8_t *at = buffers->memory + ((size_t)first << buffers->size_shift);
    if (LIKELY(count <= buffers->bytes)) {
        spans[0] = span_of(at, count);
        return 1;
    }
    unsigned n = 0;
    spans[0] = span_of(at, 0);
    for (uint16_t id = (uint16_t)first;; id = buffers->next[id]) {
        unsigned part = count < buffers->bytes ? count : buffers->bytes;
        at = buffers->memory + ((size_t)id << buffers->size_shift);
        if (at == spans[n].at + spans[n].len)
            spans[n].len += part;
        else
            spans[++n] = span_of(at, part);
        count -= part;
        if (count == 0)
            return n + 1;
    }
}

void buffers_recycle(struct buffers *buffers, unsigned first, unsigned count) {
    uint16_t id = (uint16_t)first;
    while (count > buffers->bytes) {
        uint16_t next = buffers->next[id];
        give(buffers, id);
        id = next;
        count -= buffers->bytes;
    }
    give(buffers, id);
    publish(buffers);
}
