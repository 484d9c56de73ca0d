/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * assert.h: programmer errors end the process, in release builds too. What input, the network or the system
 * can cause is an `struct err`, never an assertion.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <stddef.h>

__attribute__((noreturn, cold)) void assert_failed(const char *what, const char *file, int line);

#define CHECK(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

/* On paths that run several times a request: checked in debug builds only. */
#ifdef NDEBUG
#define CHECK_HOT(condition) ((void)sizeof(condition))
#else
#define CHECK_HOT(condition) CHECK(condition)
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
