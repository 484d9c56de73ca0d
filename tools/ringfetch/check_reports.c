/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_reports.c: see check_reports.h. Opened and closed on the main thread, filled on workers'
 * threads one at a time. Writing a report straight into its file was rejected: whoever reads it
 * while a run of hours goes on, or after it was killed, would take a part for the whole.
 */
#include "check_reports.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* ---- all of them ----------------------------------------------------------------------------- */

void reports_discard(struct reports *reports) {
    for (unsigned i = 0; i < reports->count; i++) {
        if (reports->report[i].ops->discard) {
            reports->report[i].ops->discard(reports->report[i].self);
        }
    }
    reports->count = 0;
}

bool reports_open(struct reports *reports, const struct report_ops *ops, const char *path,
                  char *why, size_t why_size) {
    if (reports->count == REPORTS_MAX) {
        snprintf(why, why_size, "--%s: at most %d reports", ops->option, REPORTS_MAX);
        reports_discard(reports);
        return false;
    }
    void *self = NULL;
    if (!ops->open(&self, path, why, why_size)) {
        reports_discard(reports);
        return false;
    }
    reports->report[reports->count].ops = ops;
    reports->report[reports->count++].self = self;
    return true;
}

void reports_add(struct reports *reports, const struct rf_result *result) {
    for (unsigned i = 0; i < reports->count; i++) {
        if (reports->report[i].ops->add) {
            reports->report[i].ops->add(reports->report[i].self, result);
        }
    }
}

bool reports_close(struct reports *reports, const struct check_run *run, char *why,
                   size_t why_size) {
    bool whole = true;
    char later[REPORT_WHY_BYTES];
    for (unsigned i = 0; i < reports->count; i++) {
        bool closed = reports->report[i].ops->close(
            reports->report[i].self, run, whole ? why : later, whole ? why_size : sizeof later);
        whole = whole && closed;
    }
    reports->count = 0;
    return whole;
}

/* ---- a report's file ------------------------------------------------------------------------- */

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

static bool open_target(struct report_file *file) {
    struct stat old;
    if (strcmp(file->path, "-") == 0) {
        file->fd = STDOUT_FILENO;
        return open_spool(file);
    }
    if (is_shared(file->path)) {
        file->fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        return file->fd >= 0 && open_spool(file);
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
    file->target = realpath(file->path, NULL);
    /* Renaming asks the folder alone, but who protected a file from writing meant it. */
    return file->target && access(file->target, W_OK) == 0 && open_temporary(file, &old);
}

bool report_file_open(struct report_file *file, const char *path, char *why, size_t why_size) {
    *file = (struct report_file){.path = strdup(path), .fd = -1};
    errno = ENOMEM;
    if (!file->path || !open_target(file)) {
        say_errno(why, why_size, path, errno);
        file_free(file);
        return false;
    }
    return true;
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

/* ---- what reports say of a result ------------------------------------------------------------ */

struct rf_error report_error(const struct rf_result *result) {
    return result->error.kind ? result->error : result->first_error;
}

const char *report_kind(const struct rf_result *result) {
    struct rf_error error = report_error(result);
    return error.kind ? rf_error_kind(error) : rf_verdict_name(result->verdict);
}

char *report_message(char *out, size_t size, const struct rf_result *result) {
    struct rf_error error = report_error(result);
    char text[512];
    out[0] = '\0';
    if (!error.kind) {
        text_add(out, size, 0, "%s",
                 result->detail ? result->detail : rf_verdict_name(result->verdict));
        return out;
    }
    bool settled = result->error.kind; /* or the last pass was well */
    const char *why =
        settled && result->detail ? result->detail : rf_error_text(error, text, sizeof text);
    size_t used =
        text_add(out, size, 0, "%s%s: %s", settled ? "" : "at first ", rf_error_stage(error), why);
    if (!settled && result->status) {
        text_add(out, size, used, "; later %u", result->status);
    }
    return out;
}

struct rf_result report_result(const struct tally_failure *failure) {
    return (struct rf_result){.n = failure->n,
                              .line = failure->line,
                              .column = failure->column,
                              .status = failure->status,
                              .verdict = failure->verdict,
                              .error = failure->error,
                              .url = failure->url,
                              .final_url = failure->final_url,
                              .source = failure->source,
                              .tag = failure->tag,
                              .detail = failure->detail,
                              .ip = failure->ip};
}

const char *report_path(const char *source) {
    if (!source || !*source || strcmp(source, "-") == 0 || strstr(source, "://")) {
        return NULL;
    }
    char here[PATH_MAX];
    size_t count = getcwd(here, sizeof here) ? strlen(here) : 0;
    if (count > 1 && strncmp(source, here, count) == 0 && source[count] == '/') {
        source += count;
        source += strspn(source, "/");
    }
    while (strncmp(source, "./", 2) == 0) {
        source += 2;
        source += strspn(source, "/");
    }
    return *source ? source : NULL;
}
