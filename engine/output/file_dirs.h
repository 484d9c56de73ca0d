/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_dirs.h: the output's directory and those beneath it, as O_PATH descriptors. Every one is reached with
 * openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), so neither a name nor a symbolic link leads out of it. The last used ones stay
 * open: ten thousand files in one directory cost one openat2. Any thread.
 *
 * Rejected: holding a directory as long as a stream lives; that would need a descriptor a stream.
 */
#ifndef OUTPUT_FILE_DIRS_H
#define OUTPUT_FILE_DIRS_H

#include <stdbool.h>
#include <stddef.h>

struct file_dirs;

/* Held only for a call or two. */
struct file_dir;
int file_dir_fd(const struct file_dir *dir);

/* Creates the directory (and those above it) where it is missing. Returns 0 or an errno. */
int file_dirs_open(struct file_dirs **dirs, const char *root);
void file_dirs_close(struct file_dirs *dirs);

/* The directory of that name beneath the root; "" is the root. `path` need not end in NUL. Returns 0 or an errno; ENOENT without
 * `create` where it is missing. */
int file_dirs_acquire(struct file_dirs *dirs, const char *path, size_t len, bool create,
                      struct file_dir **dir);
void file_dirs_release(struct file_dirs *dirs, struct file_dir *dir);

/* openat2 beneath a directory; `name` may have several components. Returns a descriptor or a negative errno. */
int file_open_beneath(int dir_fd, const char *name, int flags, unsigned mode,
                      unsigned more_resolve);

#endif
