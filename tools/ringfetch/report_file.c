/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * report_file.c: see report_file.h. Writing a report straight into its file was rejected: whoever reads it while a run of hours goes on,
 * or after it was killed, would take a part for the whole.
 */
#include "report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

static bool say_errno(char *why, size_t size, const char *path, int error) {
    char shown[PATH_MAX];
    snprintf(why, size, "%s: %s", text_escape(shown, sizeof shown, path), strerror(error));
    return false;
}

/* Closes and frees all but what was renamed. */
static void file_free(struct report_file *file) {
    if (file->out) {
        fclose(file->out);
    }
    if (file->temporary) {
        unlink(file->temporary);
    }
    if (file->fd > STDERR_FILENO) {
        close(file->fd);
    }
    free(file->path);
    free(file->target);
    free(file->temporary);
    *file = (struct report_file){.fd = -1};
}

/* mkstemp's files are their owner's alone; a report has the rights of the one that it replaces, or
 * of any new file. Where the file system knows no rights there are none to give. */
static void allow_readers(int fd, const struct stat *old) {
    mode_t mask = umask(0);
    umask(mask);
    int given = fchmod(fd, old ? old->st_mode & 0777 : 0666 & ~mask);
    (void)given;
}

/* "DIR/.NAME.XXXXXX" for "DIR/NAME". */
static bool open_temporary(struct report_file *file, const struct stat *old) {
    const char *slash = strrchr(file->target, '/'), *name = slash ? slash + 1 : file->target;
    if (asprintf(&file->temporary, "%.*s.%.200s.XXXXXX", (int)(name - file->target), file->target,
                 name) < 0) {
        file->temporary = NULL;
        errno = ENOMEM;
        return false;
    }
    int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd < 0) {
        free(file->temporary);
        file->temporary = NULL; /* nothing to remove */
        return false;
    }
    allow_readers(fd, old);
    file->out = fdopen(fd, "w+");
    if (!file->out) {
        close(fd);
    }
    return file->out;
}

static bool open_spool(struct report_file *file) {
    file->out = tmpfile();
    return file->out;
}

/* GitHub's job summary belongs to all commands of a step: what they wrote before stays. */
static bool is_shared(const char *path) {
    const char *summary = getenv("GITHUB_STEP_SUMMARY");
    return summary && *summary && strcmp(path, summary) == 0;
}

/* What is there stays, and all of the report is added in the end. */
static bool open_shared(struct report_file *file) {
    file->fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    return file->fd >= 0 && open_spool(file);
}

static bool open_target(struct report_file *file, bool append) {
    struct stat old;
    if (strcmp(file->path, "-") == 0) {
        file->fd = STDOUT_FILENO;
        return open_spool(file);
    }
    if (is_shared(file->path)) {
        return open_shared(file);
    }
    if (stat(file->path, &old) != 0) {
        /* A link that leads nowhere is replaced. */
        file->target = errno == ENOENT && *file->path ? strdup(file->path) : NULL;
        return file->target && open_temporary(file, NULL);
    }
    if (!S_ISREG(old.st_mode) || strncmp(file->path, "/dev/", 5) == 0) {
        file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
        return file->fd >= 0 && open_spool(file);
    }
    if (append) {
        return open_shared(file);
    }
    file->target = realpath(file->path, NULL);
    /* Renaming asks the folder alone, but who protected a file from writing meant it. */
    return file->target && access(file->target, W_OK) == 0 && open_temporary(file, &old);
}

static bool open_file(struct report_file *file, const char *path, bool append, char *why,
                      size_t why_size) {
    *file = (struct report_file){.path = strdup(path), .fd = -1};
    errno = ENOMEM;
    if (!file->path || !open_target(file, append)) {
        say_errno(why, why_size, path, errno);
        file_free(file);
        return false;
    }
    return true;
}

bool report_file_open(struct report_file *file, const char *path, char *why, size_t why_size) {
    return open_file(file, path, false, why, why_size);
}

bool report_file_append(struct report_file *file, const char *path, char *why, size_t why_size) {
    return open_file(file, path, true, why, why_size);
}

void report_file_discard(struct report_file *file) {
    file_free(file);
}

static bool write_all(int fd, const char *bytes, size_t count) {
    while (count) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        count -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool copy_spool(struct report_file *file) {
    char bytes[16384];
    if (file->fd == STDOUT_FILENO) {
        fflush(stdout); /* what printf holds came first */
    }
    rewind(file->out);
    for (size_t count; (count = fread(bytes, 1, sizeof bytes, file->out)) > 0;) {
        if (!write_all(file->fd, bytes, count)) {
            return false;
        }
    }
    return !ferror(file->out);
}

/* False: errno says why. */
static bool file_finish(struct report_file *file) {
    /* An error of long ago has left its mark, but its number is gone: mostly the disk was full. */
    bool failed = ferror(file->out);
    if (fflush(file->out) != 0) {
        return false;
    }
    if (failed) {
        errno = ENOSPC;
        return false;
    }
    if (file->fd >= 0 && !copy_spool(file)) {
        return false;
    }
    int closed = fclose(file->out);
    file->out = NULL;
    if (closed != 0 || (file->temporary && rename(file->temporary, file->target) != 0)) {
        return false;
    }
    free(file->temporary);
    file->temporary = NULL;
    return true;
}

bool report_file_close(struct report_file *file, char *why, size_t why_size) {
    bool whole = file_finish(file);
    if (!whole) {
        say_errno(why, why_size, strcmp(file->path, "-") == 0 ? "standard output" : file->path,
                  errno);
    }
    file_free(file);
    return whole;
}
