/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_call.h: the system calls of a small file: as open, write and close are, but no points where the thread may be cancelled. Nobody
 * cancels these threads, and the C library's functions guard each such call with two atomic operations: together as much as
 * finding the file's name costs. -1 and errno as usual. Any thread.
 */
#ifndef OUTPUT_FILE_CALL_H
#define OUTPUT_FILE_CALL_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int file_call_openat(int dir_fd, const char *path, int flags, mode_t mode) {
    return (int)syscall(SYS_openat, dir_fd, path, flags | O_LARGEFILE, mode);
}

static inline ssize_t file_call_write(int fd, const void *bytes, size_t count) {
    return syscall(SYS_write, fd, bytes, count);
}

static inline int file_call_close(int fd) {
    return (int)syscall(SYS_close, fd);
}

#endif
