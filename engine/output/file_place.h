/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_place.h: where a file is made and how it gets its name. A body is written to a file that has no name yet, which is linked
 * when it is whole (O_TMPFILE, linkat): a file under its final name always is, and a killed process leaves nothing. Where the
 * kernel or the file system can't do that (before Linux 6.10 only the superuser may), and where an old file is to be
 * replaced, which a link can't, it is a hidden temporary name in the same directory and a rename. Any thread.
 *
 * Rejected: the rename for all, which costs more a small file (docs/decisions/0001-writing-files.md).
 */
#ifndef OUTPUT_FILE_PLACE_H
#define OUTPUT_FILE_PLACE_H

#include <ringfetch/output.h>
#include <stdatomic.h>
#include <string.h>

#include "output/file_dirs.h"
#include "output/file_name.h"
#include "output/file_suffix.h"

/* Any path of ours: what a suffix or a temporary name can add to a path included. */
enum { PLACE_PATH_BYTES = FILE_PATH_BYTES_MAX + 48 };

struct file_place {
    struct file_dirs *dirs;
    struct file_suffixes suffixes;
    enum rf_on_exist on_exist;
    bool nameless; /* files can be made without a name and linked */
    unsigned pid;
    atomic_uint once; /* makes temporary names unique in this process */
};

/* Returns 0 or an errno, as all functions here that return int. */
int place_open(struct file_place *place, const char *root, enum rf_on_exist on_exist);
void place_close(struct file_place *place);

/* The length of a path's directory, without the last '/'. */
static inline size_t place_dir_len(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}
static inline const char *place_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Creates a file beside `path` and writes its temporary path into `temporary`: "" if it has no name, and then the descriptor must stay open
 * until place_publish. */
int place_create(struct file_place *place, const char *path, char *temporary, int *fd);

/* Opens what place_create made once more, at its end. */
int place_reopen(struct file_place *place, const char *temporary, int *fd);

/* Whether something is there under that name. */
bool place_exists(struct file_place *place, const char *path);

/* Gives the file its name as on_exist says, atomically; EEXIST where it says that a taken name is a fault (fail, skip, resume).
 * `other` is the path it got, "" where that is `path`. `fd` is needed only where `temporary` is "". */
int place_publish(struct file_place *place, int fd, const char *temporary, const char *path,
                  char *other);

/* Looks whether `rest` more bytes have room, and sets a good stretch of them aside, which makes writing cheaper and keeps large files in one
 * piece. `reserved` is how far that went. ENOSPC: they have no room. */
int place_reserve(int fd, uint64_t at, uint64_t rest, uint64_t *reserved);

/* Does nothing for "". */
void place_remove(struct file_place *place, const char *path);

#endif
