/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file_resume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A URL's 16 KiB, two validators and the keys. */
enum { META_BYTES_MAX = 20000 };

static const char meta_head[] = "ringfetch-part 1\n";

/* O_NONBLOCK: should somebody have put a pipe there, opening must not wait for its other end. */
static int open_beside(struct file_dir *dir, const char *base, int flags) {
    int fd = file_open_beneath(file_dir_fd(dir), base, flags | O_NONBLOCK,
                               flags & O_CREAT ? 0666 : 0, RESOLVE_NO_SYMLINKS);
    struct stat about;
    if (fd >= 0 && (fstat(fd, &about) || !S_ISREG(about.st_mode))) {
        close(fd);
        return -EEXIST;
    }
    return fd;
}

/* The value of `key` in the meta file's text, into `out`; false if there is none or it is too long. */
static bool meta_value(const char *text, const char *key, char *out, size_t size) {
    const char *line = strstr(text, key); /* keys begin with the newline before them */
    if (!line)
        return false;
    line += strlen(key);
    size_t len = strcspn(line, "\n");
    if (!line[len] || len >= size)
        return false;
    memcpy(out, line, len);
    out[len] = '\0';
    return true;
}

/* Reads the meta file; false if it is not about this URL or holds no validator. */
static bool meta_read(struct file_dir *dir, const char *path, const char *url,
                      struct file_resume *known) {
    char base[FILE_NAME_BYTES_MAX + 1], text[META_BYTES_MAX + 1], found[META_BYTES_MAX];
    name_part_meta(base, place_base(path));
    int fd = open_beside(dir, base, O_RDONLY);
    if (fd < 0)
        return false;
    ssize_t count = read(fd, text, META_BYTES_MAX);
    close(fd);
    if (count <= 0)
        return false;
    text[count] = '\0';
    if (strncmp(text, meta_head, sizeof meta_head - 1) != 0 ||
        !meta_value(text, "\nurl ", found, sizeof found) || strcmp(found, url) != 0)
        return false;
    if (!meta_value(text, "\netag ", known->etag, sizeof known->etag))
        known->etag[0] = '\0';
    if (!meta_value(text, "\nlast-modified ", known->last_modified, sizeof known->last_modified))
        known->last_modified[0] = '\0';
    return resume_validator(known) != NULL;
}

uint64_t resume_find(struct file_place *place, const char *path, const char *url,
                     struct file_resume *known) {
    char base[FILE_NAME_BYTES_MAX + 1];
    struct file_dir *dir;
    struct stat about;
    uint64_t from = 0;
    if (file_dirs_acquire(place->dirs, path, place_dir_len(path), false, &dir))
        return 0;
    name_part(base, place_base(path));
    if (!fstatat(file_dir_fd(dir), base, &about, AT_SYMLINK_NOFOLLOW) && S_ISREG(about.st_mode) &&
        about.st_size > 1 && meta_read(dir, path, url, known)) {
        known->noted = true;
        from = (uint64_t)about.st_size - 1;
    }
    file_dirs_release(place->dirs, dir);
    return from;
}

const char *resume_validator(const struct file_resume *known) {
    if (known->etag[0])
        return known->etag;
    return known->last_modified[0] ? known->last_modified : NULL;
}

static void learn(char *out, const char *value) {
    size_t len = value ? strcspn(value, "\r\n") : 0;
    bool fits = value && !value[len] && len < RESUME_VALIDATOR_BYTES;
    memcpy(out, fits ? value : "", fits ? len + 1 : 1);
}

void resume_learn(struct file_resume *known, const struct rf_response *response) {
    learn(known->etag, response->etag);
    learn(known->last_modified, response->last_modified);
}

/* Whether the locked file still is the one of that name: whoever held the lock before may have finished it and given it its
 * final name, where nobody may touch it. */
static bool is_still_there(struct file_dir *dir, const char *base, const struct stat *about) {
    struct stat there;
    return !fstatat(file_dir_fd(dir), base, &there, AT_SYMLINK_NOFOLLOW) &&
           there.st_ino == about->st_ino && there.st_dev == about->st_dev;
}

static int open_locked(struct file_dir *dir, const char *base, struct stat *about, int *out) {
    for (;;) {
        int fd = open_beside(dir, base, O_RDWR | O_CREAT);
        if (fd < 0)
            return -fd;
        int fault = flock(fd, LOCK_EX | LOCK_NB) ? errno : 0;
        if (!fault && fstat(fd, about))
            fault = errno;
        *out = fd;
        if (!fault && is_still_there(dir, base, about))
            return 0;
        close(fd);
        if (fault)
            return fault;
    }
}

int resume_open(struct file_place *place, const char *path, uint64_t keep_bytes, char *temporary,
                int *fd) {
    char base[FILE_NAME_BYTES_MAX + 1];
    struct stat about;
    struct file_dir *dir;
    size_t dir_bytes = (size_t)(place_base(path) - path);
    int fault = file_dirs_acquire(place->dirs, path, place_dir_len(path), true, &dir);
    if (fault)
        return fault;
    name_part(base, place_base(path));
    fault = open_locked(dir, base, &about, fd);
    file_dirs_release(place->dirs, dir);
    if (fault)
        return fault;
    if ((uint64_t)about.st_size < keep_bytes)
        fault = ESTALE;
    else if (about.st_size && ftruncate(*fd, (off_t)keep_bytes))
        fault = errno;
    else if (lseek(*fd, (off_t)keep_bytes, SEEK_SET) < 0)
        fault = errno;
    if (fault) {
        close(*fd);
        return fault;
    }
    memcpy(temporary, path, dir_bytes);
    strcpy(temporary + dir_bytes, base);
    return 0;
}

int resume_note(struct file_place *place, const char *path, const char *url,
                struct file_resume *known) {
    char base[FILE_NAME_BYTES_MAX + 1], text[META_BYTES_MAX];
    struct file_dir *dir;
    int len = snprintf(text, sizeof text, "%surl %s\netag %s\nlast-modified %s\n", meta_head, url,
                       known->etag, known->last_modified);
    if (len < 0 || (size_t)len >= sizeof text)
        return ENAMETOOLONG;
    int fault = file_dirs_acquire(place->dirs, path, place_dir_len(path), true, &dir);
    if (fault)
        return fault;
    name_part_meta(base, place_base(path));
    int fd = open_beside(dir, base, O_WRONLY | O_CREAT | O_TRUNC);
    file_dirs_release(place->dirs, dir);
    if (fd < 0)
        return -fd;
    fault = write(fd, text, (size_t)len) == len ? 0 : ENOSPC;
    if (close(fd) && !fault)
        fault = errno;
    known->noted = !fault;
    return fault;
}

void resume_forget(struct file_place *place, const char *path, struct file_resume *known) {
    char meta[PLACE_PATH_BYTES];
    size_t dir_bytes = (size_t)(place_base(path) - path);
    if (!known->noted)
        return;
    memcpy(meta, path, dir_bytes);
    name_part_meta(meta + dir_bytes, place_base(path));
    place_remove(place, meta);
    known->noted = false;
}
