/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * template_file.c: the files of {line:FILE}: read whole before the run by the thread that makes the plan, then shared by all workers, of
 * which each takes the next line by adding one to a counter.
 *
 * Rejected: to read ahead while the run goes on, which would need a thread or descriptors of the workers, and measure a disk where a
 * server is meant. Hence the bound on the size; 32-bit offsets follow from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "load/template_private.h"

enum { FIRST_BYTES = 1 << 16 };
#define FILE_BYTES_MAX (UINT64_C(1) << 30)

struct content {
    uint8_t *at;
    size_t len, room;
};

/* NULL, or what went wrong. The size that the system tells isn't asked: pipes have none, and files grow. */
static const char *read_all(int fd, struct content *content) {
    for (;;) {
        if (content->len == content->room) {
            size_t room = content->room ? content->room * 2 : FIRST_BYTES;
            uint8_t *at = realloc(content->at, room);
            if (!at)
                return "memory is out";
            content->at = at;
            content->room = room;
        }
        ssize_t count = read(fd, content->at + content->len, content->room - content->len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return strerror(errno);
        if (count == 0)
            return NULL;
        content->len += (size_t)count;
        if (content->len > FILE_BYTES_MAX)
            return "it is larger than 1 GiB";
    }
}

static const char *read_file(const char *path, struct content *content) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return strerror(errno);
    const char *fault = read_all(fd, content);
    close(fd);
    return fault;
}

/* The next line without LF or CR LF; false at the end. */
static bool next_line(struct span *rest, struct span *line) {
    if (!rest->len)
        return false;
    const uint8_t *end = memchr(rest->at, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->at) : rest->len;
    *line = span_of(rest->at, len);
    *rest = span_skip(*rest, end ? len + 1 : len);
    if (line->len && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

static size_t count_lines(struct span rest) {
    size_t count = 0;
    for (struct span line; next_line(&rest, &line);)
        count += line.len > 0;
    return count;
}

/* Lines move towards the beginning of the content they lie in. */
static const char *cut_lines(struct template_file *file, struct content *content) {
    struct span rest = span_of(content->at, content->len), line;
    size_t count = count_lines(rest), len = 0;
    if (!count)
        return "there is no line in it";
    file->start = malloc((count + 1) * sizeof *file->start);
    if (!file->start)
        return "memory is out";
    while (next_line(&rest, &line)) {
        if (!line.len)
            continue;
        file->breaks |= memchr(line.at, '\r', line.len) || memchr(line.at, 0, line.len);
        file->start[file->count++] = (uint32_t)len;
        memmove(content->at + len, line.at, line.len);
        len += line.len;
    }
    file->start[file->count] = (uint32_t)len;
    return NULL;
}

void template_file_free(struct template_file *file, struct pool *pool) {
    free(file->content);
    free(file->start);
    pool_release_text(pool, file->path);
    free(file);
}

static struct template_file *file_new(struct pool *pool, struct span path) {
    struct template_file *file = aligned_alloc(_Alignof(struct template_file), sizeof *file);
    CHECK(file);
    *file = (struct template_file){.path = pool_text(pool, path.at, path.len)};
    return file;
}

enum template_result template_file_open(struct template_shared *shared, struct span path,
                                        struct template_file **file, char *why, size_t why_size) {
    for (*file = shared->file; *file; *file = (*file)->next)
        if (span_is(path, (*file)->path))
            return TEMPLATE_OK;
    struct template_file *opened = file_new(shared->pool, path);
    struct content content = {0};
    const char *fault = read_file(opened->path, &content);
    if (!fault)
        fault = cut_lines(opened, &content);
    opened->content = content.at;
    if (fault) {
        snprintf(why, why_size, "{line:%s} can't be read: %s", opened->path, fault);
        template_file_free(opened, shared->pool);
        return TEMPLATE_UNREADABLE;
    }
    opened->next = shared->file;
    shared->file = opened;
    *file = opened;
    return TEMPLATE_OK;
}

void template_shared_init(struct template_shared *shared, struct pool *pool) {
    *shared = (struct template_shared){.pool = pool};
}

void template_shared_deinit(struct template_shared *shared) {
    while (shared->file) {
        struct template_file *next = shared->file->next;
        template_file_free(shared->file, shared->pool);
        shared->file = next;
    }
}
