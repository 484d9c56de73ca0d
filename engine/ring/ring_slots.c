/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_slots.c: the numbers of sockets. A number is an index into the ring's table of direct descriptors, which don't
 * count against RLIMIT_NOFILE and spare a reference count with every operation; with ordinary descriptors it is an index into
 * `fds`. The ring's thread hands the numbers out itself, last freed first used: the kernel's own choice comes with the
 * completion, too late for a chain that must name the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ring/ring_private.h"

enum { SLOTS_MIN = 4 };

static unsigned cut_to_limit(unsigned wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted)
        return (unsigned)limit.rlim_cur;
    return wanted;
}

/* The kernel refuses tables beyond the limit or the memory there is. 0 when it has none of any size. */
static unsigned register_table(struct ring *ring, unsigned wanted) {
    for (unsigned size = wanted; size >= SLOTS_MIN || size == wanted; size /= 2)
        if (io_uring_register_files_sparse(&ring->uring, size) == 0)
            return size;
    return 0;
}

int slots_open(struct ring *ring, unsigned wanted) {
    struct slots *slots = &ring->slots;
    *slots = (struct slots){.max = cut_to_limit(wanted)};
    CHECK(wanted > 0);
    if (!ring->ordinary) {
        unsigned size = register_table(ring, slots->max);
        if (size > 0)
            slots->max = size;
        else
            ring->ordinary = true;
    }
    slots->free = malloc(slots->max * sizeof *slots->free);
    if (!slots->free)
        return -ENOMEM;
    if (!ring->ordinary)
        return 0;
    slots->fds = malloc(slots->max * sizeof *slots->fds);
    return slots->fds ? 0 : -ENOMEM;
}

void slots_close(struct ring *ring) {
    free(ring->slots.free);
    free(ring->slots.fds);
}

int32_t ring_slot_acquire(struct ring *ring) {
    struct slots *slots = &ring->slots;
    int32_t slot;
    if (slots->free_count > 0)
        slot = slots->free[--slots->free_count];
    else if (slots->fresh < slots->max)
        slot = (int32_t)slots->fresh++;
    else
        return RING_NO_SLOT;
    if (ring->ordinary)
        slots->fds[slot] = -1;
    return slot;
}

void slots_free(struct ring *ring, int32_t slot) {
    struct slots *slots = &ring->slots;
    CHECK_HOT(slot >= 0 && (unsigned)slot < slots->fresh && slots->free_count < slots->fresh);
    slots->free[slots->free_count++] = slot;
}

void ring_slot_release(struct ring *ring, int32_t slot) {
    CHECK(!ring->ordinary || ring->slots.fds[slot] < 0);
    slots_free(ring, slot);
}

int32_t ring_slot_adopt(struct ring *ring, int fd) {
    /* Asked for here because -1 would empty the table's place. */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    int32_t slot = ring_slot_acquire(ring);
    if (slot == RING_NO_SLOT)
        return -EMFILE;
    /* Some operations of some kernels answer -EAGAIN on a non-blocking socket instead of waiting. */
    if (flags & O_NONBLOCK)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    if (ring->ordinary) {
        ring->slots.fds[slot] = fd;
        return slot;
    }
    int result = io_uring_register_files_update(&ring->uring, (unsigned)slot, &fd, 1);
    if (result != 1) {
        slots_free(ring, slot);
        return result < 0 ? result : -EBADF;
    }
    close(fd);
    return slot;
}

unsigned ring_slots_used(const struct ring *ring) {
    const struct slots *slots = &ring->slots;
    return slots->fresh - slots->free_count - slots->accepting;
}

unsigned ring_slots_max(const struct ring *ring) {
    return ring->slots.max;
}
