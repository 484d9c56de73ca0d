/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "output/file_name.h"

/* Few enough to search by walking, most recent first; many enough for a crawl that goes through hosts in turn. */
enum { DIRS_KEPT = 48 };

struct file_dir {
    struct link link; /* in kept, the most recent first; unlinked: closed when released */
    uint64_t hash;
    unsigned refs;
    int fd;
    size_t len;
    char path[];
};

struct file_dirs {
    pthread_mutex_t lock; /* of all but the root, which never changes */
    struct file_dir *root;
    struct link kept;
    unsigned count;
};

int file_dir_fd(const struct file_dir *dir) {
    return dir->fd;
}

int file_open_beneath(int dir_fd, const char *name, int flags, unsigned mode,
                      unsigned more_resolve) {
    struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
                           .mode = mode,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | more_resolve};
    for (int attempt = 0;; attempt++) {
        long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        /* EAGAIN: somebody renamed something on the way, and the kernel could not tell whether ".." stayed beneath. */
        if (errno != EINTR && (errno != EAGAIN || attempt >= 100))
            return -errno;
    }
}

static int open_dir(int root_fd, const char *path) {
    return file_open_beneath(root_fd, path, O_PATH | O_DIRECTORY, 0, 0);
}

static struct file_dir *dir_new(const char *path, size_t len, int fd) {
    struct file_dir *dir = malloc(sizeof *dir + len + 1);
    CHECK(dir);
    *dir = (struct file_dir){.hash = hash_bytes(path, len), .refs = 1, .fd = fd, .len = len};
    memcpy(dir->path, path, len);
    dir->path[len] = '\0';
    list_init(&dir->link);
    return dir;
}

static void dir_free(struct file_dir *dir) {
    close(dir->fd);
    free(dir);
}

/* Creates what is missing of `path`, from the top. Each component is made in a directory that was reached beneath the
 * root, so a link that leads out stops it. */
static int make_dirs(int root_fd, char *path) {
    int parent = root_fd, fault = 0;
    char *component = path;
    while (!fault && component) {
        char *slash = strchr(component, '/');
        if (slash)
            *slash = '\0';
        int fd = open_dir(root_fd, path);
        if (fd == -ENOENT) {
            if (mkdirat(parent, component, 0777) && errno != EEXIST)
                fd = -errno;
            else
                fd = open_dir(root_fd, path);
        }
        if (slash)
            *slash = '/';
        if (parent != root_fd)
            close(parent);
        parent = fd;
        fault = fd < 0 ? -fd : 0;
        component = slash ? slash + 1 : NULL;
    }
    if (parent >= 0 && parent != root_fd)
        close(parent);
    return fault;
}

/* mkdir -p of the user's own path, which may go anywhere. */
static int make_root(const char *root) {
    char *path = strdup(root);
    CHECK(path);
    int fault = 0;
    for (char *slash = path + 1; !fault && *path && slash; slash = strchr(slash + 1, '/')) {
        if (*slash != '/')
            continue;
        *slash = '\0';
        if (mkdir(path, 0777) && errno != EEXIST && access(path, F_OK))
            fault = errno;
        *slash = '/';
    }
    if (!fault && mkdir(path, 0777) && errno != EEXIST)
        fault = errno;
    free(path);
    return fault;
}

int file_dirs_open(struct file_dirs **out, const char *root) {
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        int fault = make_root(root);
        if (fault)
            return fault;
        fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return errno;
    struct file_dirs *dirs = calloc(1, sizeof *dirs);
    CHECK(dirs);
    pthread_mutex_init(&dirs->lock, NULL);
    list_init(&dirs->kept);
    dirs->root = dir_new("", 0, fd);
    *out = dirs;
    return 0;
}

void file_dirs_close(struct file_dirs *dirs) {
    struct link *link;
    while ((link = list_pop_front(&dirs->kept)))
        dir_free(LIST_ENTRY(link, struct file_dir, link));
    dir_free(dirs->root);
    pthread_mutex_destroy(&dirs->lock);
    free(dirs);
}

static struct file_dir *find_kept(struct file_dirs *dirs, const char *path, size_t len) {
    uint64_t hash = hash_bytes(path, len);
    for (struct link *link = dirs->kept.next; link != &dirs->kept; link = link->next) {
        struct file_dir *dir = LIST_ENTRY(link, struct file_dir, link);
        if (dir->hash != hash || dir->len != len || memcmp(dir->path, path, len) != 0)
            continue;
        list_remove(link);
        list_push_front(&dirs->kept, link);
        dir->refs++;
        return dir;
    }
    return NULL;
}

/* Keeps a new directory and lets the longest unused one go. One that is in use just leaves the list. */
static void keep(struct file_dirs *dirs, struct file_dir *dir) {
    list_push_front(&dirs->kept, &dir->link);
    if (++dirs->count <= DIRS_KEPT)
        return;
    struct file_dir *old = LIST_ENTRY(list_last(&dirs->kept), struct file_dir, link);
    list_remove(&old->link);
    dirs->count--;
    if (!old->refs)
        dir_free(old);
}

int file_dirs_acquire(struct file_dirs *dirs, const char *path, size_t len, bool create,
                      struct file_dir **out) {
    if (!len) {
        *out = dirs->root;
        return 0;
    }
    pthread_mutex_lock(&dirs->lock);
    *out = find_kept(dirs, path, len);
    pthread_mutex_unlock(&dirs->lock);
    if (*out)
        return 0;
    char text[FILE_PATH_BYTES_MAX + 1];
    CHECK(len < sizeof text);
    memcpy(text, path, len);
    text[len] = '\0';
    int fd = open_dir(dirs->root->fd, text);
    if (fd == -ENOENT && create) {
        int fault = make_dirs(dirs->root->fd, text);
        if (fault)
            return fault;
        fd = open_dir(dirs->root->fd, text);
    }
    if (fd < 0)
        return -fd;
    /* Two threads may open the same directory at once; it is then kept twice for a while, which harms nobody. */
    *out = dir_new(path, len, fd);
    pthread_mutex_lock(&dirs->lock);
    keep(dirs, *out);
    pthread_mutex_unlock(&dirs->lock);
    return 0;
}

void file_dirs_release(struct file_dirs *dirs, struct file_dir *dir) {
    if (dir == dirs->root)
        return;
    pthread_mutex_lock(&dirs->lock);
    bool gone = --dir->refs == 0 && !link_is_linked(&dir->link);
    pthread_mutex_unlock(&dirs->lock);
    if (gone)
        dir_free(dir);
}
