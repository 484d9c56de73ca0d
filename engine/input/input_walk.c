/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_walk.c: a stack of listings. Each level holds its directory's sorted names and how far they were visited; the path is
 * one buffer that grows and shrinks with the stack. Rejected: nftw, which keeps a descriptor for each level or walks in the
 * order of the disk, and calls back where a step is wanted.
 */
#include "input/input_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct level {
    char **names;
    size_t count, room, next;
    size_t path_len; /* of this directory's path, with a slash behind it */
};

struct walk {
    struct level *levels;
    size_t depth, depth_room;
    char *real_root; /* NULL: can't be told; then no symbolic link is followed */
    size_t root_len;
    bool is_begun;
    char path[PATH_MAX];
};

bool walk_kind(const char *name, enum document_kind *kind) {
    static const struct {
        const char *ending;
        enum document_kind kind;
    } endings[] = {{".html", DOCUMENT_HTML},
                   {".htm", DOCUMENT_HTML},
                   {".xhtml", DOCUMENT_HTML},
                   {".md", DOCUMENT_MARKDOWN},
                   {".markdown", DOCUMENT_MARKDOWN}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i].ending) == 0) {
            *kind = endings[i].kind;
            return true;
        }
    return false;
}

struct walk *walk_open(const char *root) {
    struct walk *walk = calloc(1, sizeof *walk);
    size_t len = strlen(root);
    if (!walk)
        return NULL;
    if (len > sizeof walk->path - 2)
        len = sizeof walk->path - 2; /* listing it fails, which is reported */
    memcpy(walk->path, root, len);
    if (len && walk->path[len - 1] != '/')
        walk->path[len++] = '/';
    walk->root_len = len;
    walk->real_root = realpath(root, NULL);
    return walk;
}

static void drop_level(struct walk *walk) {
    struct level *level = &walk->levels[--walk->depth];
    for (size_t i = level->next; i < level->count; i++)
        free(level->names[i]);
    free(level->names);
}

void walk_close(struct walk *walk) {
    if (!walk)
        return;
    while (walk->depth)
        drop_level(walk);
    free(walk->levels);
    free(walk->real_root);
    free(walk);
}

size_t walk_root_len(const struct walk *walk) {
    return walk->root_len;
}

/* ---- listing ------------------------------------------------------------------------------------- */

static int by_name(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* False: no memory. */
static bool add_name(struct level *level, const char *name) {
    if (level->count == level->room) {
        size_t room = level->room ? 2 * level->room : 32;
        char **names = realloc(level->names, room * sizeof *names);
        if (!names)
            return false;
        level->names = names;
        level->room = room;
    }
    level->names[level->count] = strdup(name);
    return level->names[level->count] && ++level->count;
}

/* What can't be a document and isn't a directory is not kept; the kind that the listing shows may be DT_UNKNOWN. */
static bool is_wanted(const struct dirent *entry) {
    enum document_kind kind;
    if (entry->d_name[0] == '.')
        return false;
    return walk_kind(entry->d_name, &kind) || entry->d_type == DT_DIR ||
           entry->d_type == DT_UNKNOWN;
}

/* Returns an errno. */
static int list(struct walk *walk, struct level *level) {
    DIR *directory = opendir(walk->path);
    if (!directory)
        return errno;
    int error_number = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry) {
            error_number = errno;
            break;
        }
        if (is_wanted(entry) && !add_name(level, entry->d_name)) {
            error_number = ENOMEM;
            break;
        }
    }
    closedir(directory);
    if (level->count)
        qsort(level->names, level->count, sizeof *level->names, by_name);
    return error_number;
}

/* The directory at walk->path, of `path_len` bytes. What was listed before a fault is visited all the same. */
static enum walk_step descend(struct walk *walk, size_t path_len, int *error_number) {
    if (walk->depth == walk->depth_room) {
        size_t room = walk->depth_room ? 2 * walk->depth_room : 8;
        struct level *levels = realloc(walk->levels, room * sizeof *levels);
        if (!levels) {
            *error_number = ENOMEM;
            return WALK_FAULT;
        }
        walk->levels = levels;
        walk->depth_room = room;
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.path_len = path_len};
    *error_number = list(walk, level);
    return *error_number ? WALK_FAULT : WALK_SKIP;
}

/* ---- visiting ------------------------------------------------------------------------------------ */

static bool leads_outside(const struct walk *walk) {
    char *real = realpath(walk->path, NULL);
    size_t len = walk->real_root ? strlen(walk->real_root) : 0;
    bool is_inside = real && walk->real_root && strncmp(real, walk->real_root, len) == 0 &&
                     (real[len] == '/' || len == 1);
    free(real);
    return !is_inside;
}

static enum walk_step visit(struct walk *walk, size_t path_len, const char *name,
                            int *error_number) {
    enum document_kind kind;
    struct stat stat;
    if (lstat(walk->path, &stat))
        return WALK_SKIP; /* gone meanwhile */
    if (S_ISDIR(stat.st_mode)) {
        if (path_len + 1 >= sizeof walk->path) {
            *error_number = ENAMETOOLONG;
            return WALK_FAULT;
        }
        walk->path[path_len] = '/';
        walk->path[path_len + 1] = 0;
        return descend(walk, path_len + 1, error_number);
    }
    if (!walk_kind(name, &kind))
        return WALK_SKIP;
    if (S_ISLNK(stat.st_mode) && (leads_outside(walk) || fstatat(AT_FDCWD, walk->path, &stat, 0)))
        return WALK_SKIP;
    return S_ISREG(stat.st_mode) ? WALK_FILE : WALK_SKIP;
}

enum walk_step walk_next(struct walk *walk, const char **path, int *error_number) {
    *path = walk->path;
    if (!walk->is_begun) {
        walk->is_begun = true;
        return descend(walk, walk->root_len, error_number);
    }
    while (walk->depth) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->next == level->count) {
            drop_level(walk);
            continue;
        }
        char *name = level->names[level->next++];
        size_t len = strlen(name), path_len = level->path_len + len;
        enum walk_step step = WALK_FAULT;
        *error_number = ENAMETOOLONG;
        if (path_len < sizeof walk->path) {
            memcpy(walk->path + level->path_len, name, len + 1);
            step = visit(walk, path_len, name, error_number);
        }
        free(name);
        return step;
    }
    return WALK_END;
}
