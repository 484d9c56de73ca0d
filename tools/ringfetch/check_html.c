/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html.c: --html: one page that holds all it needs. It grows under a temporary name beside its own and takes that only when it is
 * whole, so that a page from the last run stays until there is a better one. What exists and is no file (/dev/stdout, a
 * pipe) is written to as it is. Opened and closed on the main thread; results come on workers' threads, one at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_html_page.h"
#include "check_html_rows.h"
#include "check_html_run.h"
#include "check_reports.h"
#include "text.h"

struct html {
    char *path;      /* as the user named it, for messages */
    char *target;    /* the file itself, links followed */
    char *temporary; /* NULL: `target` is written to as it is */
    FILE *out;
    struct page page;
    struct html_rows rows;
};

static bool say_errno(char *why, size_t size, const char *path, int error) {
    char shown[PATH_MAX];
    snprintf(why, size, "%s: %s", text_escape(shown, sizeof shown, path), strerror(error));
    return false;
}

static void html_free(struct html *html) {
    if (html->out) {
        fclose(html->out);
    }
    html_rows_deinit(&html->rows);
    free(html->path);
    free(html->target);
    free(html->temporary);
    free(html);
}

/* ---- the file --------------------------------------------------------------------------------- */

/* "DIR/.NAME.XXXXXX" for "DIR/NAME"; NULL: memory is out. */
static char *temporary_name(const char *target) {
    const char *slash = strrchr(target, '/');
    int folder = slash ? (int)(slash + 1 - target) : 0;
    char *name = NULL;
    return asprintf(&name, "%.*s.%.200s.XXXXXX", folder, target, target + folder) < 0 ? NULL : name;
}

/* What mkstemp makes is its owner's alone; a page has the rights that any new file would have, or those of the one it replaces. */
static bool allow_readers(int fd, const struct stat *old) {
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(fd, old ? old->st_mode & 0777 : 0666 & ~mask) == 0;
}

static int open_temporary(struct html *html, const struct stat *old) {
    html->temporary = temporary_name(html->target);
    int fd = html->temporary ? mkostemp(html->temporary, O_CLOEXEC) : -1;
    if (fd < 0) {
        free(html->temporary);
        html->temporary = NULL;
        return -1;
    }
    /* Where the file system knows no rights, there are none to give. */
    if (!allow_readers(fd, old) && errno != EPERM && errno != ENOTSUP) {
        int error = errno;
        close(fd);
        unlink(html->temporary);
        errno = error;
        return -1;
    }
    return fd;
}

/* Returns a descriptor, or -1 and errno. */
static int open_target(struct html *html) {
    struct stat old;
    if (stat(html->path, &old) != 0) {
        /* A link that leads nowhere is replaced by the page. */
        html->target = errno == ENOENT && *html->path ? strdup(html->path) : NULL;
        return html->target ? open_temporary(html, NULL) : -1;
    }
    html->target = realpath(html->path, NULL);
    if (!html->target && !S_ISREG(old.st_mode)) {
        html->target = strdup(html->path); /* /dev/stdout of a pipe has no path of its own */
    }
    if (!html->target) {
        return -1;
    }
    if (!S_ISREG(old.st_mode)) {
        return open(html->path, O_WRONLY | O_CLOEXEC);
    }
    /* Renaming asks the folder alone, but who protected a file from writing meant it. */
    return access(html->target, W_OK) == 0 ? open_temporary(html, &old) : -1;
}

static bool html_start(struct html *html) {
    int fd = open_target(html);
    if (fd < 0) {
        return false;
    }
    html->out = fdopen(fd, "w");
    if (!html->out) {
        close(fd);
        return false;
    }
    if (!html_rows_init(&html->rows, html->out)) {
        return false;
    }
    page_begin(&html->page);
    page_copy(&html->page, html->out);
    /* A full disk shows now rather than after hours. */
    return fflush(html->out) == 0 && !ferror(html->out);
}

/* ---- the report --------------------------------------------------------------------------------- */

static bool html_open(void **report, const char *path, char *why, size_t why_size) {
    struct html *html = calloc(1, sizeof *html);
    *report = NULL;
    errno = ENOMEM;
    if (html && (html->path = strdup(path)) && html_start(html)) {
        *report = html;
        return true;
    }
    say_errno(why, why_size, path, errno);
    if (html) {
        if (html->temporary) {
            unlink(html->temporary);
        }
        html_free(html);
    }
    return false;
}

static void html_add(void *report, const struct rf_result *result) {
    struct html *html = report;
    html_rows_add(&html->rows, result);
}

/* True: all of it is in the file. Otherwise errno says why not. */
static bool html_finish(struct html *html, const struct check_run *run) {
    html_rows_finish(&html->rows);
    page_copy(&html->page, html->out);
    errno = ENOMEM;
    if (!html_run(html->out, run, &html->rows.count)) {
        return false;
    }
    page_copy(&html->page, html->out);
    errno = 0;
    /* An error of long ago has left its mark, but its number is gone: mostly the disk was full. */
    bool whole = fflush(html->out) == 0 && !ferror(html->out);
    int error = errno ? errno : ENOSPC;
    bool closed = fclose(html->out) == 0;
    html->out = NULL;
    errno = whole ? errno : error;
    whole = whole && closed;
    return whole && (!html->temporary || rename(html->temporary, html->target) == 0);
}

static bool html_close(void *report, const struct check_run *run, char *why, size_t why_size) {
    struct html *html = report;
    bool done = html_finish(html, run);
    if (!done) {
        say_errno(why, why_size, html->path, errno);
        if (html->temporary) {
            unlink(html->temporary);
        }
    }
    html_free(html);
    return done;
}

const struct report_ops report_html = {
    .option = "html", .open = html_open, .add = html_add, .close = html_close};
