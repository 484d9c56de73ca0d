/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_source.c: opening and guessing. A wrong guess costs a run, so whatever has no clear mark is a list, which is
 * what input files always were. On the input's thread.
 */
#include "input/input_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/url.h"
#include "input/input_csv.h"
#include "input/input_glob.h"
#include "input/input_line.h"

static int refuse(const char *what, const char *text, const char *reason, char *why,
                  size_t why_size) {
    snprintf(why, why_size, "%s \"%s\": %s", what, text, reason);
    input_one_line(why, why_size);
    errno = EINVAL;
    return -1;
}

static struct source *new_source(const char *path, const char *from) {
    size_t path_bytes = strlen(path) + 1, from_bytes = from ? strlen(from) + 1 : 0;
    struct source *source = malloc(sizeof *source + path_bytes + from_bytes);
    if (!source)
        return NULL;
    *source = (struct source){.fd = -1};
    memcpy(source->path, path, path_bytes);
    if (from)
        memcpy(source->path + path_bytes, from, from_bytes);
    return source;
}

void source_close(struct source *source) {
    if (!source)
        return;
    glob_free(source->glob);
    if (source->fd >= 0)
        close(source->fd);
    free(source->base);
    free(source);
}

struct source *source_new_glob(struct glob *glob, char *why, size_t why_size) {
    struct source *source = new_source("", NULL);
    if (!source) {
        glob_free(glob);
        snprintf(why, why_size, "out of memory for a URL pattern");
        return NULL;
    }
    source->kind = SOURCE_GLOB;
    source->glob = glob;
    return source;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static int parse_kind(struct source *source, const char *from, char *why, size_t why_size) {
    static const struct {
        const char *name;
        enum source_kind kind;
        enum document_kind document;
    } kinds[] = {
        {"list", SOURCE_LIST, DOCUMENT_TEXT},     {"sitemap", SOURCE_SITEMAP, DOCUMENT_SITEMAP},
        {"html", SOURCE_DOCUMENT, DOCUMENT_HTML}, {"markdown", SOURCE_DOCUMENT, DOCUMENT_MARKDOWN},
        {"text", SOURCE_DOCUMENT, DOCUMENT_TEXT}, {"csv:", SOURCE_CSV, DOCUMENT_TEXT},
        {"jsonl:", SOURCE_JSONL, DOCUMENT_TEXT},
    };
    source->kind = SOURCE_GUESS;
    for (size_t i = 0; from && i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].name);
        bool has_argument = kinds[i].name[len - 1] == ':';
        bool fits = has_argument ? strncmp(from, kinds[i].name, len) == 0 && from[len]
                                 : strcmp(from, kinds[i].name) == 0;
        if (!fits)
            continue;
        source->kind = kinds[i].kind;
        source->document = kinds[i].document;
        source->argument = has_argument ? source->path + strlen(source->path) + 1 + len : NULL;
        return 0;
    }
    static const char known[] = "it is one of list, sitemap, html, markdown, text, csv:COLUMN, "
                                "jsonl:FIELD";
    return from ? refuse("unknown kind of input", from, known, why, why_size) : 0;
}

static int parse_base(struct source *source, const char *base, char *why, size_t why_size) {
    struct url url;
    if (!base)
        return 0;
    char *href = malloc(URL_HREF_BYTES_MAX + 1);
    source->base = href;
    if (!href)
        return refuse("base", base, "out of memory", why, why_size);
    enum url_fault fault = url_parse_typed(&url, span_text(base), href, URL_HREF_BYTES_MAX + 1);
    return fault == URL_OK ? 0 : refuse("base", base, url_fault_text(fault), why, why_size);
}

static bool is_url(const char *path) {
    return strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0;
}

static int check_url(const char *path, char *why, size_t why_size) {
    char href[URL_HREF_BYTES_MAX + 1];
    struct url url;
    enum url_fault fault = url_parse(&url, span_text(path), NULL, href, sizeof href);
    return fault == URL_OK ? 0 : refuse("input", path, url_fault_text(fault), why, why_size);
}

/* Without O_NONBLOCK, opening a FIFO would wait for its writer; poll does that later, and can be interrupted. */
static int open_path(const char *path) {
    if (strcmp(path, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Directories hold documents and nothing else. Standard input that is one can't be walked: it has no name. */
static int begin_walk(struct source *source) {
    bool is_document = source->kind == SOURCE_DOCUMENT && source->document != DOCUMENT_TEXT;
    if ((source->kind != SOURCE_GUESS && !is_document) || strcmp(source->path, "-") == 0)
        return EISDIR;
    source->is_only = is_document;
    source->kind = SOURCE_WALK;
    close(source->fd);
    source->fd = -1;
    return 0;
}

static int open_file(struct source *source, char *why, size_t why_size) {
    struct stat stat;
    int error_number = 0;
    source->fd = open_path(source->path);
    if (source->fd < 0 || fstat(source->fd, &stat))
        error_number = errno;
    else if (S_ISDIR(stat.st_mode))
        error_number = begin_walk(source);
    if (error_number) {
        refuse("cannot open input file", source->path, strerror(error_number), why, why_size);
        errno = error_number == EINVAL ? EIO : error_number; /* the words are all right */
        return -1;
    }
    source->is_regular = source->fd >= 0 && S_ISREG(stat.st_mode);
    return 0;
}

struct source *source_open(const char *path, const char *from, const char *base, char *why,
                           size_t why_size) {
    struct source *source = new_source(path, from);
    if (!source) {
        refuse("cannot open input file", path, strerror(ENOMEM), why, why_size);
        errno = ENOMEM;
        return NULL;
    }
    source->is_url = is_url(path);
    if (parse_kind(source, from, why, why_size) || parse_base(source, base, why, why_size) ||
        (source->is_url ? check_url(path, why, why_size) : open_file(source, why, why_size))) {
        source_close(source);
        return NULL;
    }
    bool may_fetch =
        source->is_url || source->kind == SOURCE_SITEMAP || source->kind == SOURCE_GUESS;
    source->may_block = may_fetch || !(source->is_regular || source->kind == SOURCE_WALK);
    return source;
}

int source_reopen(struct source *source) {
    source->fd = open_path(source->path);
    return source->fd < 0 ? errno : 0;
}

/* ---- guessing ------------------------------------------------------------------------------------ */

static bool ends_with(const char *name, const char *ending) {
    size_t len = strlen(name), ending_len = strlen(ending);
    return len >= ending_len && strcasecmp(name + len - ending_len, ending) == 0;
}

static bool is_type(const char *content_type, const char *wanted) {
    size_t len = strlen(wanted);
    return content_type && strncasecmp(content_type, wanted, len) == 0 &&
           (!content_type[len] || strchr("; \t", content_type[len]));
}

/* The last segment, without query, fragment and ".gz". */
static void take_name(const char *path, bool is_a_url, char *name, size_t size) {
    size_t len = is_a_url ? strcspn(path, "?#") : strlen(path), from = len;
    while (from && path[from - 1] != '/')
        from--;
    snprintf(name, size, "%.*s", (int)(len - from < size ? len - from : size - 1), path + from);
    if (ends_with(name, ".gz"))
        name[strlen(name) - 3] = 0;
}

static bool guess_by_type(const char *content_type, enum document_kind *kind) {
    *kind = is_type(content_type, "text/markdown") ? DOCUMENT_MARKDOWN : DOCUMENT_HTML;
    return *kind == DOCUMENT_MARKDOWN || is_type(content_type, "text/html") ||
           is_type(content_type, "application/xhtml+xml");
}

void source_guess(struct source *source, const char *final_url, const char *content_type,
                  struct span begin) {
    char name[256];
    enum document_kind kind;
    take_name(final_url ? final_url : source->path, final_url, name, sizeof name);
    source->kind = SOURCE_LIST;
    if (ends_with(name, ".csv") || is_type(content_type, "text/csv")) {
        source->argument = csv_guess_column(begin);
        if (source->argument)
            source->kind = SOURCE_CSV;
    } else if (document_guess(name, begin, &kind) || guess_by_type(content_type, &kind)) {
        /* Text is what every list is. */
        if (kind != DOCUMENT_TEXT)
            source->kind = kind == DOCUMENT_SITEMAP ? SOURCE_SITEMAP : SOURCE_DOCUMENT;
        source->document = kind;
    }
}
