/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "output/file_call.h"

static unsigned next_once(struct file_place *place) {
    return atomic_fetch_add_explicit(&place->once, 1, memory_order_relaxed);
}

static int open_nameless(int dir_fd) {
    return file_call_openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
}

static int link_nameless(int fd, int dir_fd, const char *name) {
    return linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) ? errno : 0;
}

/* Whether a file without a name can be made here and be given one, found out by doing so. */
static bool can_link_nameless(struct file_place *place) {
    char base[FILE_NAME_BYTES_MAX + 1];
    struct file_dir *dir;
    file_dirs_acquire(place->dirs, "", 0, false, &dir);
    int fd = open_nameless(file_dir_fd(dir));
    if (fd < 0)
        return false;
    name_temporary(base, "probe", place->pid, next_once(place));
    bool linked = !link_nameless(fd, file_dir_fd(dir), base);
    if (linked)
        unlinkat(file_dir_fd(dir), base, 0);
    close(fd);
    file_dirs_release(place->dirs, dir);
    return linked;
}

int place_open(struct file_place *place, const char *root, enum rf_on_exist on_exist) {
    int fault = file_dirs_open(&place->dirs, root);
    if (fault)
        return fault;
    file_suffixes_init(&place->suffixes);
    place->on_exist = on_exist;
    place->pid = (unsigned)getpid();
    atomic_init(&place->once, 0);
    place->nameless = on_exist != RF_EXIST_OVERWRITE && can_link_nameless(place);
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

/* O_EXCL follows no link, so what remains of a killed process or was put there in malice is left alone. */
static int open_named(struct file_place *place, int dir_fd, const char *path, char *temporary) {
    char base[FILE_NAME_BYTES_MAX + 1];
    int fd;
    do {
        name_temporary(base, place_base(path), place->pid, next_once(place));
        fd = openat(dir_fd, base, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (fd < 0 && (errno == EEXIST || errno == EINTR));
    if (fd >= 0)
        sibling(temporary, path, base);
    return fd;
}

int place_create(struct file_place *place, const char *path, char *temporary, int *fd) {
    struct file_dir *dir;
    int fault = file_dirs_acquire(place->dirs, path, place_dir_len(path), true, &dir);
    if (fault)
        return fault;
    temporary[0] = '\0';
    *fd = place->nameless ? open_nameless(file_dir_fd(dir)) : -1;
    /* A directory beneath may be another file system's, which can't do what the root's can. */
    if (!place->nameless || (*fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)))
        *fd = open_named(place, file_dir_fd(dir), path, temporary);
    fault = *fd < 0 ? errno : 0;
    file_dirs_release(place->dirs, dir);
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

/* A file that waits for its name. */
struct unnamed {
    int fd;           /* if it has no name at all */
    int dir_fd;       /* else where its temporary name is */
    const char *base; /* NULL: it has none */
};

/* Gives it the name unless that is taken. Some file systems can't do both in one step; a second link can. */
static int name_new(const struct unnamed *file, int to_fd, const char *to) {
    if (!file->base)
        return link_nameless(file->fd, to_fd, to);
    if (!renameat2(file->dir_fd, file->base, to_fd, to, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (linkat(file->dir_fd, file->base, to_fd, to, 0))
        return errno;
    unlinkat(file->dir_fd, file->base, 0);
    return 0;
}

/* Takes NAME, NAME.1, NAME.2 ...: whoever comes first has it, be it a thread or another process. `other` is which it was but for
 * NAME. */
static int name_numbered(struct file_place *place, const struct unnamed *file, int to_fd,
                         const char *path, char *other) {
    unsigned number = file_suffix_known(&place->suffixes, path);
    const char *base = place_base(path);
    for (;;) {
        if (number)
            name_with_suffix(other, base, number);
        int fault = name_new(file, to_fd, number ? other : base);
        if (fault != EEXIST)
            return fault;
        number = file_suffix_next(&place->suffixes, path);
    }
}

static int name_as_told(struct file_place *place, const struct unnamed *file, int to_fd,
                        const char *path, char *other) {
    switch (place->on_exist) {
    case RF_EXIST_RENAME:
        return name_numbered(place, file, to_fd, path, other);
    case RF_EXIST_OVERWRITE: /* has a temporary name, as place->nameless is false */
        return renameat(file->dir_fd, file->base, to_fd, place_base(path)) ? errno : 0;
    case RF_EXIST_SKIP:
    case RF_EXIST_FAIL:
    case RF_EXIST_RESUME:
        break;
    }
    return name_new(file, to_fd, place_base(path));
}

static int publish_in(struct file_place *place, const struct unnamed *file, const char *path,
                      char *other) {
    char base[FILE_NAME_BYTES_MAX + 1];
    struct file_dir *to;
    int fault = file_dirs_acquire(place->dirs, path, place_dir_len(path), true, &to);
    if (fault)
        return fault;
    base[0] = other[0] = '\0';
    fault = name_as_told(place, file, file_dir_fd(to), path, base);
    file_dirs_release(place->dirs, to);
    if (!fault && *base)
        sibling(other, path, base);
    return fault;
}

int place_publish(struct file_place *place, int fd, const char *temporary, const char *path,
                  char *other) {
    struct unnamed file = {.fd = fd, .dir_fd = -1};
    if (!*temporary)
        return publish_in(place, &file, path, other);
    struct file_dir *from;
    int fault = file_dirs_acquire(place->dirs, temporary, place_dir_len(temporary), false, &from);
    if (fault)
        return fault;
    file.dir_fd = file_dir_fd(from);
    file.base = place_base(temporary);
    fault = publish_in(place, &file, path, other);
    file_dirs_release(place->dirs, from);
    return fault;
}

/* How much is set aside at once: a server that announces more than it sends costs no more than that. */
enum { RESERVE_BYTES = 32 << 20 };

int place_reserve(int fd, uint64_t at, uint64_t rest, uint64_t *reserved) {
    struct statfs about;
    uint64_t stretch = rest < RESERVE_BYTES ? rest : RESERVE_BYTES;
    *reserved = at + stretch;
    if (fstatfs(fd, &about))
        return 0;
    /* btrfs may compress what is larger than the room there is; a tmpfs without a limit has no blocks. */
    if (about.f_type != BTRFS_SUPER_MAGIC && about.f_blocks &&
        rest / (uint64_t)about.f_bsize > about.f_bfree)
        return ENOSPC;
    /* tmpfs would fill the pages with zeros first. */
    if (about.f_type == TMPFS_MAGIC ||
        !fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)stretch))
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? errno : 0;
}

void place_remove(struct file_place *place, const char *path) {
    struct file_dir *dir;
    if (!*path || file_dirs_acquire(place->dirs, path, place_dir_len(path), false, &dir))
        return;
    unlinkat(file_dir_fd(dir), place_base(path), 0);
    file_dirs_release(place->dirs, dir);
}
