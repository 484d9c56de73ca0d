/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * endpoints_file.c: /file/: files beneath --dir, read piece by piece with pread as they are sent, so a
 * large one takes no more memory than a small one. The kernel itself keeps the path beneath the
 * directory (openat2 with RESOLVE_BENEATH): checking for ".." would miss what symbolic links do.
 *
 * Rejected: splice by ring, which always goes through the kernel's worker threads.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "endpoints.h"
#include "http/url.h"
#include "range.h"
#include "reply.h"
#include "worker.h"

enum { PIECE_BYTES = 128 * 1024, PATH_BYTES_MAX = 4096 };

static const char *type_of(const char *path) {
    static const struct {
        const char *extension, *type;
    } types[] = {
        {"html", "text/html"},        {"htm", "text/html"},         {"txt", "text/plain"},
        {"md", "text/markdown"},      {"css", "text/css"},          {"csv", "text/csv"},
        {"js", "text/javascript"},    {"json", "application/json"}, {"xml", "application/xml"},
        {"pdf", "application/pdf"},   {"gz", "application/gzip"},   {"zip", "application/zip"},
        {"tar", "application/x-tar"}, {"png", "image/png"},         {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},       {"gif", "image/gif"},         {"svg", "image/svg+xml"},
        {"webp", "image/webp"},       {"ico", "image/x-icon"},      {"mp4", "video/mp4"},
        {"mp3", "audio/mpeg"},        {"woff2", "font/woff2"},      {"wasm", "application/wasm"},
    };
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (dot && (!slash || dot > slash))
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (span_is_nocase(span_text(dot + 1), types[i].extension))
                return types[i].type;
    return "application/octet-stream";
}

/* A regular file beneath the directory, or -1. O_NONBLOCK: opening a FIFO must not wait. */
static int open_beneath(int directory, const char *path, struct stat *status) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd < 0)
        return -1;
    if (fstat(fd, status) == 0 && S_ISREG(status->st_mode))
        return fd;
    close(fd);
    return -1;
}

static void end_file(struct progress *progress) {
    close(progress->file);
    progress->file = -1;
}

static struct plan send_piece(struct connection *connection) {
    struct progress *progress = &connection->progress;
    size_t wanted = progress->left < PIECE_BYTES ? progress->left : PIECE_BYTES;
    char *room = connection_reserve(connection, wanted);
    ssize_t count = pread(progress->file, room, wanted, (off_t)progress->at);
    if (count <= 0) { /* it was cut short meanwhile, or can't be read: the length was promised */
        end_file(progress);
        return (struct plan){.after = AFTER_CLOSE};
    }
    connection->out_len += (uint32_t)count;
    progress->at += (uint64_t)count;
    progress->left -= (uint64_t)count;
    if (progress->left)
        return (struct plan){.after = AFTER_NEXT};
    end_file(progress);
    return plan_end();
}

static struct plan not_found(struct connection *connection) {
    return reply_line(connection, 404, "no such file\n");
}

struct plan endpoint_file(struct connection *connection, const struct request *request,
                          struct span rest) {
    char path[PATH_BYTES_MAX + 1], modified[HTTP_DATE_BYTES + 1];
    struct stat status;
    int directory = connection->worker->server->directory;
    if (directory < 0 || rest.len == 0 || rest.len > PATH_BYTES_MAX)
        return not_found(connection);
    size_t len = url_percent_decode(rest, path);
    path[len] = '\0';
    int file = strlen(path) == len ? open_beneath(directory, path, &status) : -1;
    if (file < 0)
        return not_found(connection);
    http_date_write(status.st_mtim.tv_sec, modified);
    struct resource resource = {.length = (uint64_t)status.st_size,
                                .modified_s = status.st_mtim.tv_sec,
                                .modified = modified,
                                .type = type_of(path)};
    snprintf(resource.etag, sizeof resource.etag, "\"%llx-%llx-%lx\"",
             (unsigned long long)status.st_size, (unsigned long long)status.st_mtim.tv_sec,
             status.st_mtim.tv_nsec);
    struct selection part = range_select(request, &resource);
    reply_selection(connection, &resource, &part);
    connection->progress =
        (struct progress){.next = send_piece, .file = file, .at = part.first, .left = part.count};
    if (connection->is_head || part.count == 0) {
        end_file(&connection->progress);
        return plan_end();
    }
    return send_piece(connection);
}
