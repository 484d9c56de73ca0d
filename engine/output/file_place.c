/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int place_open(struct file_place *place, const char *root, enum rf_on_exist on_exist) {
    int fault = file_dirs_open(&place->dirs, root);
    if (fault)
        return fault;
    file_suffixes_init(&place->suffixes);
    place->on_exist = on_exist;
    place->pid = (unsigned)getpid();
    atomic_init(&place->once, 0);
    return 0;
}

void place_close(struct file_place *place) {
    file_suffixes_deinit(&place->suffixes);
    file_dirs_close(place->dirs);
}

/* "dir/old" and "new" make "dir/new". */
static void sibling(char *out, const char *path, const char *base) {
    size_t skip = (size_t)(place_base(path) - path);
    memmove(out, path, skip);
    strcpy(out + skip, base);
}

int place_create(struct file_place *place, const char *path, char *temporary, int *fd) {
    char base[FILE_NAME_BYTES_MAX + 1];
    struct file_dir *dir;
    int fault = file_dirs_acquire(place->dirs, path, place_dir_len(path), true, &dir);
    if (fault)
        return fault;
    do {
        name_temporary(base, place_base(path), place->pid,
                       atomic_fetch_add_explicit(&place->once, 1, memory_order_relaxed));
        /* O_EXCL follows no link, so what remains of a killed process or was put there in malice is left alone. */
        *fd = openat(file_dir_fd(dir), base, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (*fd < 0 && (errno == EEXIST || errno == EINTR));
    fault = *fd < 0 ? errno : 0;
    file_dirs_release(place->dirs, dir);
    if (!fault)
        sibling(temporary, path, base);
    return fault;
}

int place_reopen(struct file_place *place, const char *temporary, int *fd) {
    struct file_dir *dir;
    int fault = file_dirs_acquire(place->dirs, temporary, place_dir_len(temporary), false, &dir);
    if (fault)
        return fault;
    int opened = file_open_beneath(file_dir_fd(dir), place_base(temporary),
                                   O_WRONLY | O_APPEND | O_NONBLOCK, 0, RESOLVE_NO_SYMLINKS);
    file_dirs_release(place->dirs, dir);
    if (opened < 0)
        return -opened;
    *fd = opened;
    return 0;
}

bool place_exists(struct file_place *place, const char *path) {
    struct file_dir *dir;
    struct stat about;
    if (file_dirs_acquire(place->dirs, path, place_dir_len(path), false, &dir))
        return false;
    bool found = !fstatat(file_dir_fd(dir), place_base(path), &about, AT_SYMLINK_NOFOLLOW);
    file_dirs_release(place->dirs, dir);
    return found;
}

/* Renames unless the name is taken. Some file systems can't do both in one step; a second link can. */
static int rename_new(int from_fd, const char *from, int to_fd, const char *to) {
    if (!renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (linkat(from_fd, from, to_fd, to, 0))
        return errno;
    unlinkat(from_fd, from, 0);
    return 0;
}

/* Takes NAME, NAME.1, NAME.2 ...: whoever comes first has it, be it a thread or another process. */
static int rename_numbered(struct file_place *place, int from_fd, const char *from, int to_fd,
                           const char *path, char *base) {
    unsigned number = file_suffix_known(&place->suffixes, path);
    for (;;) {
        if (number)
            name_with_suffix(base, place_base(path), number);
        int fault = rename_new(from_fd, from, to_fd, base);
        if (fault != EEXIST)
            return fault;
        number = file_suffix_next(&place->suffixes, path);
    }
}

static int rename_as_told(struct file_place *place, int from_fd, const char *from, int to_fd,
                          const char *path, char *base) {
    switch (place->on_exist) {
    case RF_EXIST_RENAME:
        return rename_numbered(place, from_fd, from, to_fd, path, base);
    case RF_EXIST_OVERWRITE:
        return renameat(from_fd, from, to_fd, base) ? errno : 0;
    case RF_EXIST_SKIP:
    case RF_EXIST_FAIL:
    case RF_EXIST_RESUME:
        break;
    }
    return rename_new(from_fd, from, to_fd, base);
}

int place_publish(struct file_place *place, const char *temporary, const char *path, char *final) {
    char base[FILE_NAME_BYTES_MAX + 1];
    struct file_dir *from, *to;
    int fault = file_dirs_acquire(place->dirs, temporary, place_dir_len(temporary), false, &from);
    if (fault)
        return fault;
    fault = file_dirs_acquire(place->dirs, path, place_dir_len(path), true, &to);
    if (!fault) {
        strcpy(base, place_base(path));
        fault = rename_as_told(place, file_dir_fd(from), place_base(temporary), file_dir_fd(to),
                               path, base);
        file_dirs_release(place->dirs, to);
    }
    file_dirs_release(place->dirs, from);
    if (!fault)
        sibling(final, path, base);
    return fault;
}

void place_remove(struct file_place *place, const char *path) {
    struct file_dir *dir;
    if (file_dirs_acquire(place->dirs, path, place_dir_len(path), false, &dir))
        return;
    unlinkat(file_dir_fd(dir), place_base(path), 0);
    file_dirs_release(place->dirs, dir);
}
