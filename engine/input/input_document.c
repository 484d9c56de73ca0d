/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_document.c: see input_document.h. The memory for a document's text and links is used again for the next one, and
 * bounded by the largest. Rejected: finding links while reading, as names that fragments point to may come last.
 */
#include "input/input_document.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "input/input_line.h"
#include "input/input_links.h"
#include "input/input_target.h"
#include "input/input_walk.h"

enum { READ_BYTES = 64 * 1024, MARK_LINK = 0, MARK_BASE = 1 };

enum phase {
    PHASE_IDLE, /* the next document of the walk, if there is one */
    PHASE_READ,
    PHASE_LINKS,
    PHASE_FAILURE /* the document's own record */
};

struct documents {
    struct input_context *context;
    struct targets *targets;
    struct walk *walk; /* or NULL: one document */
    bool is_only;      /* the walk is for documents of the kind `only` */
    enum document_kind only;
    enum phase phase;
    struct document_source source;
    struct input_stream stream;
    int fd; /* ours, of the walk's present file, or -1 */
    uint8_t *text;
    size_t len, room;
    struct link_queue links;
    size_t links_left; /* of those, without <base> */
    bool has_memory;   /* no link was lost for lack of it */
    bool has_base;     /* links are relative to a URL, else to local_base */
    bool base_is_set;  /* <base href>: the first one counts */
    struct url base;
    char base_href[URL_HREF_BYTES_MAX + 1];
    char href[URL_HREF_BYTES_MAX + 1];
    char root[PATH_MAX], local_base[PATH_MAX];
    struct err failure;
    char why[LINE_WHY_BYTES];
};

struct documents *documents_open(struct input_context *context) {
    struct documents *documents = calloc(1, sizeof *documents);
    if (!documents)
        return NULL;
    documents->context = context;
    documents->fd = -1;
    documents->targets = targets_open();
    if (documents->targets)
        return documents;
    free(documents);
    return NULL;
}

static void close_file(struct documents *documents) {
    stream_close(&documents->stream);
    if (documents->fd >= 0)
        close(documents->fd);
    documents->fd = -1;
}

void documents_close(struct documents *documents) {
    if (!documents)
        return;
    close_file(documents);
    walk_close(documents->walk);
    targets_close(documents->targets);
    links_deinit(&documents->links);
    free(documents->text);
    free(documents);
}

/* ---- what links are relative to -------------------------------------------------------------------- */

static void set_text(char *to, size_t size, const char *text, size_t len) {
    snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), text);
}

static bool set_base(struct documents *documents, struct span text, const struct url *base) {
    struct url url;
    if (url_parse(&url, text, base, documents->href, sizeof documents->href) != URL_OK)
        return false;
    documents->base = url_copy(&url, documents->base_href);
    documents->has_base = true;
    return true;
}

/* The place in a walk, as a reference that means the same under the base: "%", "?", "#" and "\" are names' own characters. */
static void add_place(struct documents *documents) {
    char reference[3 * PATH_MAX + 3], *to = stpcpy(reference, "./");
    for (const char *at = documents->source.name + walk_root_len(documents->walk); *at; at++)
        if (strchr("%?#\\", *at))
            to += sprintf(to, "%%%02X", (unsigned)(uint8_t)*at);
        else
            *to++ = *at;
    struct url root;
    char href[URL_HREF_BYTES_MAX + 1];
    root = url_copy(&documents->base, href);
    struct span path = url_path(&root);
    bool is_directory = path.at[path.len - 1] == '/';
    if (!is_directory && root.query == root.href_len && root.href_len + 1 < sizeof href) {
        href[root.href_len] = '/';
        set_base(documents, span_of(href, root.href_len + 1), NULL);
        root = url_copy(&documents->base, href);
    }
    set_base(documents, span_of(reference, (size_t)(to - reference)), &root);
}

static void begin_base(struct documents *documents) {
    const struct document_source *source = &documents->source;
    documents->has_base = documents->base_is_set = false;
    set_text(documents->local_base, sizeof documents->local_base, source->name,
             strlen(source->name));
    if (source->base) {
        if (set_base(documents, span_text(source->base), NULL) && documents->walk)
            add_place(documents);
    } else if (source->final_url) {
        set_base(documents, span_text(source->final_url), NULL);
    }
    if (!documents->walk) {
        const char *slash = strrchr(source->name, '/');
        set_text(documents->root, sizeof documents->root, source->name,
                 slash ? (size_t)(slash - source->name) + 1 : 0);
    }
}

static struct target_place place_of(const struct documents *documents) {
    return (struct target_place){.root = documents->root,
                                 .base_path = documents->local_base,
                                 .kind = documents->source.kind,
                                 .text = span_of(documents->text, documents->len),
                                 .charset = documents->source.charset};
}

static bool is_network_path(struct span link) {
    return link.len >= 2 && link.at[0] == '/' && link.at[1] == '/';
}

/* What `//host/path` in a local file most likely means. */
static void https_base(struct url *base, char *memory, size_t size) {
    url_parse(base, span_text("https://localhost/"), NULL, memory, size);
}

static void take_base(struct documents *documents, struct span text) {
    if (documents->base_is_set)
        return;
    documents->base_is_set = true;
    if (documents->has_base) {
        char href[URL_HREF_BYTES_MAX + 1];
        struct url before = url_copy(&documents->base, href);
        set_base(documents, text, &before);
    } else if (is_network_path(text)) {
        char href[64];
        struct url before;
        https_base(&before, href, sizeof href);
        set_base(documents, text, &before);
    } else if (link_scheme(text) != LINK_NO_SCHEME) {
        set_base(documents, text, NULL);
    } else {
        struct target_place place = place_of(documents);
        char path[PATH_MAX];
        if (target_path(&place, text, path, sizeof path))
            set_text(documents->local_base, sizeof documents->local_base, path, strlen(path));
    }
}

/* ---- one document -------------------------------------------------------------------------------- */

static void fail(struct documents *documents, enum err_kind kind, int32_t detail, const char *why) {
    documents->failure = err_make(STAGE_INPUT, kind, detail);
    snprintf(documents->why, sizeof documents->why, "%s", why);
    input_one_line(documents->why, sizeof documents->why);
}

static void fail_errno(struct documents *documents, const char *what, int error_number) {
    char why[160];
    snprintf(why, sizeof why, "%s: %s", what, strerror(error_number));
    fail(documents, error_number == ENOMEM ? ERR_MEMORY : ERR_UNREADABLE, error_number, why);
}

void documents_begin(struct documents *documents, const struct document_source *source,
                     struct input_stream *stream) {
    close_file(documents);
    documents->source = *source;
    documents->stream = *stream;
    stream_open_memory(stream, span_of(NULL, 0));
    documents->len = 0;
    documents->failure = ERR_OK;
    documents->phase = PHASE_READ;
    links_clear(&documents->links);
    targets_forget_self(documents->targets);
    documents->links_left = 0;
    documents->has_memory = true;
    begin_base(documents);
}

bool documents_begin_walk(struct documents *documents, const char *root,
                          const enum document_kind *only, const char *base) {
    walk_close(documents->walk);
    documents->walk = walk_open(root);
    documents->is_only = only;
    if (only)
        documents->only = *only;
    documents->source = (struct document_source){.base = base};
    documents->phase = PHASE_IDLE;
    size_t len = strlen(root);
    snprintf(documents->root, sizeof documents->root, "%s%s", root,
             len && root[len - 1] == '/' ? "" : "/");
    return documents->walk;
}

static bool found_link(void *context, const struct document_link *link) {
    struct documents *documents = context;
    if (context_is_interrupted(documents->context))
        return false;
    documents->has_memory =
        links_add(&documents->links, link, link->is_base ? MARK_BASE : MARK_LINK);
    documents->links_left += !link->is_base;
    return documents->has_memory;
}

/* What damage cut in two must not be taken for a link. */
static void drop_cut_end(struct documents *documents) {
    bool is_html = documents->source.kind == DOCUMENT_HTML;
    while (documents->len) {
        uint8_t last = documents->text[documents->len - 1];
        if (is_html ? last == '>' : last <= ' ')
            return;
        documents->len--;
    }
}

static void find_links(struct documents *documents) {
    const struct document_source *source = &documents->source;
    char why[LINE_WHY_BYTES] = "";
    bool is_whole = document_links(source->kind, span_of(documents->text, documents->len),
                                   source->charset, found_link, documents, why, sizeof why);
    if (!documents->has_memory)
        fail(documents, ERR_MEMORY, ENOMEM, "out of memory for the links of a document");
    else if (!is_whole && !err_is(documents->failure) &&
             !context_is_interrupted(documents->context))
        fail(documents, ERR_BAD_LINE, 0, why[0] ? why : "the document is broken");
    documents->phase = PHASE_LINKS;
}

static bool grow_text(struct documents *documents) {
    if (documents->room - documents->len >= READ_BYTES)
        return true;
    size_t room = documents->room ? 2 * documents->room : 2 * (size_t)READ_BYTES;
    uint8_t *text = realloc(documents->text, room);
    if (!text)
        return false;
    documents->text = text;
    documents->room = room;
    return true;
}

/* One piece of the document, or its end. */
static void read_piece(struct documents *documents) {
    size_t count = 0;
    int error_number = ENOMEM;
    if (grow_text(documents))
        error_number =
            stream_read(&documents->stream, documents->text + documents->len, READ_BYTES, &count);
    if (error_number == EAGAIN || error_number == ECANCELED)
        return;
    documents->len += count;
    if (!error_number && count && documents->len <= DOCUMENT_BYTES_MAX)
        return;
    if (error_number == EBADMSG) {
        fail(documents, ERR_BAD_GZIP, 0, documents->stream.damage);
        drop_cut_end(documents);
    } else if (error_number) {
        fail_errno(documents, "cannot read the document", error_number);
        documents->len = 0;
    } else if (count) {
        fail(documents, ERR_TOO_LARGE, 0, "the document is larger than 64 MiB");
        documents->len = 0;
    }
    close_file(documents);
    find_links(documents);
}

/* ---- the row of documents -------------------------------------------------------------------------- */

static void open_walked(struct documents *documents, const char *path, enum document_kind kind) {
    struct document_source source = {.kind = kind, .name = path, .base = documents->source.base};
    struct input_stream stream;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error_number = errno;
    stream_open_fd(&stream, fd, false, -1);
    documents_begin(documents, &source, &stream);
    documents->fd = fd;
    if (fd < 0) {
        fail_errno(documents, "cannot open the document", error_number);
        documents->phase = PHASE_FAILURE;
    }
}

/* False: there is none. */
static bool walk_on(struct documents *documents) {
    const char *path;
    int error_number;
    enum document_kind kind;
    if (!documents->walk)
        return false;
    switch (walk_next(documents->walk, &path, &error_number)) {
    case WALK_FILE:
        if (walk_kind(path, &kind) && (!documents->is_only || kind == documents->only))
            open_walked(documents, path, kind);
        return true;
    case WALK_FAULT:
        documents->source.name = path;
        fail_errno(documents, "cannot list the directory", error_number);
        documents->phase = PHASE_FAILURE;
        return true;
    case WALK_SKIP:
        return true;
    case WALK_END:
        break;
    }
    walk_close(documents->walk);
    documents->walk = NULL;
    return false;
}

static void begin_record(const struct documents *documents, struct input_record *record) {
    *record = (struct input_record){.size = -1, .source = span_text(documents->source.name)};
}

/* False: there was only a <base>. */
static bool take_link(struct documents *documents, struct input_record *record) {
    struct span text;
    struct link_place place;
    if (!links_take(&documents->links, &text, &place)) {
        documents->phase = err_is(documents->failure) ? PHASE_FAILURE : PHASE_IDLE;
        return false;
    }
    if (place.mark == MARK_BASE) {
        take_base(documents, text);
        return false;
    }
    documents->links_left--;
    begin_record(documents, record);
    record->line = place.line;
    record->column = place.column;
    record->is_link = true;
    struct target_place at = place_of(documents);
    if (text.len && text.at[0] == '#') {
        record->url = text;
        targets_decide_self(documents->targets, &at, span_skip(text, 1), record);
    } else if (documents->has_base || link_scheme(text) != LINK_NO_SCHEME) {
        link_resolve(text, documents->has_base ? &documents->base : NULL, documents->href, record);
    } else if (is_network_path(text)) {
        char href[64];
        struct url base;
        https_base(&base, href, sizeof href);
        link_resolve(text, &base, documents->href, record);
    } else {
        targets_decide(documents->targets, &at, text, record);
    }
    return true;
}

static void take_failure(struct documents *documents, struct input_record *record) {
    begin_record(documents, record);
    line_fail(record, (enum err_kind)documents->failure.kind, documents->why, record->source);
    record->err.detail = documents->failure.detail;
    documents->failure = ERR_OK;
    documents->phase = PHASE_IDLE;
}

enum input_step documents_next(struct documents *documents, struct input_record *record) {
    for (;;) {
        if (context_is_interrupted(documents->context))
            return INPUT_INTERRUPTED;
        switch (documents->phase) {
        case PHASE_IDLE:
            if (!walk_on(documents))
                return INPUT_END;
            break;
        case PHASE_READ:
            read_piece(documents);
            break;
        case PHASE_LINKS:
            if (take_link(documents, record))
                return INPUT_RECORD;
            break;
        case PHASE_FAILURE:
            take_failure(documents, record);
            return INPUT_RECORD;
        }
    }
}

bool documents_hold_record(const struct documents *documents) {
    return documents->phase == PHASE_FAILURE ||
           (documents->phase == PHASE_LINKS && documents->links_left > 0);
}
