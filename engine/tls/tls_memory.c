/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_memory.c: the library's only way to memory, counted; and its start. Any thread.
 *
 * Counters are spread over cache lines by thread, so that workers don't fight for one; reading adds them up. A block may be
 * freed by another thread than its owner, so that a single line's count may be negative and only the sum means something.
 *
 * Rejected: a size word before each block (16 bytes more a block to learn what malloc_usable_size knows).
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tls/tls_private.h"

enum { LINES = 64 };

static struct line {
    _Alignas(64) atomic_int_fast64_t live_bytes;
    atomic_int_fast64_t allocations;
} lines[LINES];

static atomic_uint next_line;
static _Thread_local struct line *my_line;
static _Thread_local unsigned fail_countdown;
static _Thread_local bool fail_all, was_short;

static struct line *line(void) {
    if (!my_line)
        my_line = &lines[atomic_fetch_add_explicit(&next_line, 1, memory_order_relaxed) % LINES];
    return my_line;
}

static void count(int64_t bytes, int64_t allocations) {
    struct line *mine = line();
    atomic_fetch_add_explicit(&mine->live_bytes, bytes, memory_order_relaxed);
    if (allocations)
        atomic_fetch_add_explicit(&mine->allocations, allocations, memory_order_relaxed);
}

static bool must_fail(void) {
    if (fail_countdown == 0)
        return false;
    if (fail_countdown > 1) {
        fail_countdown--;
        return false;
    }
    fail_countdown = fail_all ? 1 : 0;
    return true;
}

static void *take(size_t bytes) {
    void *block = must_fail() ? NULL : malloc(bytes);
    if (block)
        count((int64_t)malloc_usable_size(block), 1);
    else
        was_short = true;
    return block;
}

static void give(void *block) {
    if (!block)
        return;
    count(-(int64_t)malloc_usable_size(block), 0);
    free(block);
}

static void *resize(void *block, size_t bytes) {
    int64_t before = block ? (int64_t)malloc_usable_size(block) : 0;
    void *larger = must_fail() ? NULL : realloc(block, bytes);
    if (larger)
        count((int64_t)malloc_usable_size(larger) - before, 1);
    else
        was_short = true;
    return larger;
}

struct tls_memory tls_memory(void) {
    struct tls_memory sum = {0};
    for (int i = 0; i < LINES; i++) {
        sum.live_bytes += atomic_load_explicit(&lines[i].live_bytes, memory_order_relaxed);
        sum.allocations += atomic_load_explicit(&lines[i].allocations, memory_order_relaxed);
    }
    return sum;
}

void tls_memory_fail(unsigned countdown, bool all) {
    fail_countdown = countdown;
    fail_all = all;
}

bool tls_memory_was_short(void) {
    return was_short;
}

void tls_memory_forget(void) {
    was_short = false;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start(void) {
    started = wolfSSL_SetAllocators(take, give, resize) == 0 && wolfSSL_Init() == WOLFSSL_SUCCESS;
}

bool tls_library_start(void) {
    pthread_once(&once, start);
    return started;
}
