/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input.c: the row of sources: patterns, lists, documents, sitemaps, read one after another. Files are opened when they
 * are added, so that a misspelt name stops the run before it starts; each is closed when its last record was taken.
 *
 * All functions belong to one thread at a time, but for input_interrupt. What can block is polled beside an eventfd
 * before it is read; reading a regular file is taken as not blocking. Rejected: reading through the ring, which would make
 * a slow disk or a slow pipe the workers' business.
 */
#include "input/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "input/input_context.h"
#include "input/input_csv.h"
#include "input/input_document.h"
#include "input/input_glob.h"
#include "input/input_jsonl.h"
#include "input/input_line.h"
#include "input/input_private.h"
#include "input/input_reader.h"
#include "input/input_sitemap.h"
#include "input/input_source.h"

/* Of regular files that wait for their turn, so many stay open: a list may be removed once it was named, but a shell's pattern
 * names thousands. */
enum { OPEN_FILES_MAX = 64 };

struct input {
    struct input_context context;
    struct source *first, **end;
    unsigned blocking_sources; /* of those in the row */
    unsigned open_files;       /* regular ones in the row with a descriptor */
    bool stdin_is_taken;
    bool globoff;
    uint64_t n;
    /* Of the first source, from when it is begun: */
    struct input_body body; /* if it is fetched */
    struct input_stream stream;
    struct span name; /* its path */
    char charset[64]; /* the transport's */
    struct csv csv;
    struct input_reader reader;
    struct line_parser parser;
    struct documents *documents; /* made when needed; the same for sitemaps */
    struct sitemaps *sitemaps;
    char why[LINE_WHY_BYTES];
};

/* ---- sources ------------------------------------------------------------------------------------- */

struct input *input_open(bool globoff) {
    struct input *input = calloc(1, sizeof *input);
    if (!input)
        return NULL;
    input->end = &input->first;
    input->globoff = globoff;
    input->context.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (input->context.event_fd < 0) {
        free(input);
        return NULL;
    }
    reader_init(&input->reader, READER_BLOCK_BYTES);
    line_parser_init(&input->parser);
    return input;
}

static void append(struct input *input, struct source *source) {
    *input->end = source;
    input->end = &source->next;
    input->blocking_sources += source->may_block;
    if (!source->is_regular)
        return;
    if (input->open_files == OPEN_FILES_MAX) {
        close(source->fd);
        source->fd = -1;
    } else {
        input->open_files++;
    }
}

static void drop_first(struct input *input) {
    struct source *source = input->first;
    input->first = source->next;
    if (!input->first)
        input->end = &input->first;
    input->blocking_sources -= source->may_block;
    input->open_files -= source->is_regular && source->fd >= 0;
    stream_close(&input->stream);
    csv_deinit(&input->csv);
    free(input->body.bytes);
    input->body.bytes = NULL;
    source_close(source);
}

void input_close(struct input *input) {
    if (!input)
        return;
    documents_close(input->documents);
    sitemaps_close(input->sitemaps);
    while (input->first)
        drop_first(input);
    close(input->context.event_fd);
    reader_deinit(&input->reader);
    line_parser_deinit(&input->parser);
    free(input);
}

void input_on_fetch(struct input *input, input_fetch_fn *fetch, void *context) {
    input->context.fetch = fetch;
    input->context.fetch_context = context;
}

int input_add_url(struct input *input, const char *pattern, char *why, size_t why_size) {
    struct glob *glob = glob_parse(pattern, input->globoff, why, why_size);
    struct source *source = glob ? source_new_glob(glob, why, why_size) : NULL;
    if (!source)
        return -1;
    append(input, source);
    return 0;
}

int input_add_source(struct input *input, const char *path, const char *from, const char *base,
                     char *why, size_t why_size) {
    bool is_stdin = strcmp(path, "-") == 0;
    if (is_stdin && input->stdin_is_taken) {
        snprintf(why, why_size, "standard input can be read only once");
        return -1;
    }
    struct source *source = source_open(path, from, base, why, why_size);
    if (!source)
        return -1;
    append(input, source);
    input->stdin_is_taken |= is_stdin;
    return 0;
}

int input_add_file(struct input *input, const char *path, char *why, size_t why_size) {
    return input_add_source(input, path, "list", NULL, why, why_size);
}

void input_set_block_bytes(struct input *input, size_t block_bytes) {
    reader_deinit(&input->reader);
    reader_init(&input->reader, block_bytes);
}

size_t input_buffer_bytes(const struct input *input) {
    return input->reader.room;
}

void input_interrupt(struct input *input) {
    atomic_store_explicit(&input->context.is_interrupted, true, memory_order_release);
    eventfd_write(input->context.event_fd, 1);
}

/* What was read of a last line is lost: half a URL must not be fetched. */
static enum input_step fault(struct input *input, int error_number, struct input_record *record) {
    enum err_kind kind = error_number == ENOMEM ? ERR_MEMORY : ERR_UNREADABLE;
    snprintf(input->why, sizeof input->why, "cannot read input file \"%.*s\": %s",
             input_shown_len(input->first->path, LINE_WHY_BYTES / 2), input->first->path,
             strerror(error_number));
    input_one_line(input->why, sizeof input->why);
    *record = (struct input_record){.line = input->reader.line, .size = -1, .why = input->why};
    record->err = err_make(STAGE_INPUT, kind, error_number);
    while (input->first)
        drop_first(input);
    return INPUT_FAULT;
}

static enum input_step give(struct input *input, struct input_record *record) {
    if (UNLIKELY(record->err.kind == ERR_MEMORY))
        return fault(input, ENOMEM, record);
    record->n = ++input->n;
    return INPUT_RECORD;
}

/* A record about the source as a whole: the last one that it makes. */
static enum input_step give_up(struct input *input, struct err err, const char *what,
                               struct input_record *record) {
    *record = (struct input_record){.line = input->reader.line, .size = -1, .source = input->name};
    line_fail(record, (enum err_kind)err.kind, what, input->name);
    record->err.detail = err.detail;
    input->first->is_over = true;
    return give(input, record);
}

/* ---- beginning ----------------------------------------------------------------------------------- */

/* INPUT_END: go on; so in all of this part. */
static enum input_step fetch(struct input *input, struct source *source,
                             struct input_record *record) {
    struct err err;
    enum input_step step = context_fetch(&input->context, source->path, &input->body, &err,
                                         input->why, sizeof input->why);
    if (step == INPUT_INTERRUPTED)
        return step;
    source->is_begun = true;
    if (step == INPUT_FAULT)
        return give_up(input, err, input->why, record);
    stream_open_memory(&input->stream, span_of(input->body.bytes, input->body.count));
    return INPUT_END;
}

static enum input_step open_stream(struct input *input, struct source *source,
                                   struct input_record *record) {
    if (source->fd < 0) {
        int error_number = source_reopen(source);
        if (error_number)
            return fault(input, error_number, record);
        input->open_files++;
    }
    stream_open_fd(&input->stream, source->fd, !source->is_regular, input->context.event_fd);
    return INPUT_END;
}

static enum input_step guess(struct input *input, struct source *source,
                             struct input_record *record) {
    struct span begin;
    int error_number;
    do {
        error_number = stream_peek(&input->stream, &begin);
        if (error_number == ECANCELED || context_is_interrupted(&input->context))
            return INPUT_INTERRUPTED;
    } while (error_number == EAGAIN);
    if (error_number)
        return fault(input, error_number, record);
    const char *final_url = source->is_url ? context_final_url(&input->body, source->path) : NULL;
    source_guess(source, final_url, source->is_url ? input->body.content_type : NULL, begin);
    return INPUT_END;
}

static bool begin_document(struct input *input, struct source *source) {
    struct document_source document = {
        .kind = source->document, .name = source->path, .base = source->base};
    if (!input->documents && !(input->documents = documents_open(&input->context)))
        return false;
    if (source->kind == SOURCE_WALK)
        return documents_begin_walk(input->documents, source->path,
                                    source->is_only ? &source->document : NULL, source->base);
    if (source->is_url) {
        document.final_url = context_final_url(&input->body, source->path);
        if (document_charset(span_text(input->body.content_type), input->charset,
                             sizeof input->charset))
            document.charset = input->charset;
    }
    documents_begin(input->documents, &document, &input->stream);
    return true;
}

static bool begin_kind(struct input *input, struct source *source) {
    switch (source->kind) {
    case SOURCE_CSV:
        csv_init(&input->csv, source->argument);
        break;
    case SOURCE_SITEMAP:
        if (!input->sitemaps && !(input->sitemaps = sitemaps_open(&input->context)))
            return false;
        return sitemaps_begin(input->sitemaps, source->path,
                              source->is_url ? context_final_url(&input->body, source->path) : NULL,
                              source->base, &input->stream);
    case SOURCE_DOCUMENT:
    case SOURCE_WALK:
        return begin_document(input, source);
    default:
        break;
    }
    reader_begin(&input->reader, &input->stream);
    return true;
}

static enum input_step begin(struct input *input, struct source *source,
                             struct input_record *record) {
    enum input_step step = INPUT_END;
    input->name = span_text(source->path);
    input->reader.line = 0;
    if (source->is_url)
        step = fetch(input, source, record);
    else if (source->kind != SOURCE_WALK)
        step = open_stream(input, source, record);
    if (step == INPUT_END && source->kind == SOURCE_GUESS)
        step = guess(input, source, record);
    if (step != INPUT_END)
        return step;
    if (!begin_kind(input, source))
        return fault(input, ENOMEM, record);
    source->is_begun = true;
    bool may_block = source->kind == SOURCE_SITEMAP ||
                     !(source->is_url || source->is_regular || source->kind == SOURCE_WALK);
    input->blocking_sources += (unsigned)may_block - (unsigned)source->may_block;
    source->may_block = may_block;
    return INPUT_END;
}

/* ---- lines --------------------------------------------------------------------------------------- */

/* INPUT_RECORD: go on, unless the source is over; then the record is made. */
static enum input_step fill(struct input *input, struct input_record *record) {
    int error_number = reader_fill(&input->reader);
    if (error_number == ECANCELED || context_is_interrupted(&input->context))
        return INPUT_INTERRUPTED;
    if (error_number == EBADMSG)
        return give_up(input, err_make(STAGE_INPUT, ERR_BAD_GZIP, 0), input->stream.damage, record);
    if (error_number && error_number != EAGAIN)
        return fault(input, error_number, record);
    return INPUT_RECORD;
}

static bool is_utf16(struct span line) {
    return line.len >= 2 &&
           (memcmp(line.at, "\xff\xfe", 2) == 0 || memcmp(line.at, "\xfe\xff", 2) == 0);
}

/* The same as line_parse, for all kinds of lines. */
static bool parse_line(struct input *input, struct source *source, struct span line,
                       struct input_record *record) {
    uint64_t number = input->reader.line;
    if (LIKELY(source->kind == SOURCE_LIST))
        return line_parse(&input->parser, line, number, record);
    if (source->kind == SOURCE_JSONL)
        return jsonl_parse(&input->parser, source->argument, line, number, record);
    enum csv_step step = csv_feed(&input->csv, line, number, record);
    source->is_over |= step == CSV_NO_COLUMN;
    return step != CSV_SILENT;
}

/* Only lists have comments. */
static bool too_long(struct input *input, struct source *source, struct span line,
                     struct input_record *record) {
    if (source->kind == SOURCE_CSV)
        input->csv.is_quoted = false; /* the row ends with it */
    if (!line_too_long(line, input->reader.line, record) && source->kind != SOURCE_LIST)
        line_fail(record, ERR_LINE_TOO_LONG, "the line is longer than 1 MiB", line);
    return err_is(record->err);
}

/* INPUT_END: of this source. */
static enum input_step next_of_lines(struct input *input, struct source *source,
                                     struct input_record *record) {
    struct input_reader *reader = &input->reader;
    for (;;) {
        struct span line;
        bool is_record = false;
        enum reader_step taken = reader_take(reader, &line);
        if (UNLIKELY(reader->line == 1) && taken <= READER_TOO_LONG && is_utf16(line))
            return give_up(input, err_make(STAGE_INPUT, ERR_BAD_LINE, 1),
                           "the file is text in UTF-16; it must be in UTF-8", record);
        if (LIKELY(taken == READER_LINE)) {
            is_record = parse_line(input, source, line, record);
        } else if (taken == READER_TOO_LONG) {
            is_record = too_long(input, source, line, record);
        } else if (taken == READER_MORE) {
            enum input_step step = fill(input, record);
            if (step != INPUT_RECORD || source->is_over)
                return step;
        } else {
            if (source->kind != SOURCE_CSV || !csv_end(&input->csv, record))
                return INPUT_END;
            is_record = true;
        }
        if (is_record) {
            record->source = input->name;
            return give(input, record);
        }
    }
}

/* ---- the row ------------------------------------------------------------------------------------- */

static enum input_step next_of_glob(struct input *input, struct input_record *record) {
    *record = (struct input_record){.size = -1};
    return glob_next(input->first->glob, &record->url) ? give(input, record) : INPUT_END;
}

static enum input_step next_of(struct input *input, struct source *source,
                               struct input_record *record) {
    enum input_step step;
    switch (source->kind) {
    case SOURCE_GLOB:
        return next_of_glob(input, record);
    case SOURCE_SITEMAP:
        step = sitemaps_next(input->sitemaps, record);
        break;
    case SOURCE_DOCUMENT:
    case SOURCE_WALK:
        step = documents_next(input->documents, record);
        break;
    default:
        return next_of_lines(input, source, record);
    }
    return step == INPUT_RECORD ? give(input, record) : step;
}

enum input_step input_next(struct input *input, struct input_record *record) {
    if (context_is_interrupted(&input->context))
        return INPUT_INTERRUPTED;
    while (input->first) {
        struct source *source = input->first;
        enum input_step step = INPUT_END;
        if (UNLIKELY(!source->is_begun && !source->glob))
            step = begin(input, source, record);
        if (step == INPUT_END && LIKELY(!source->is_over))
            step = next_of(input, source, record);
        if (step != INPUT_END)
            return step;
        drop_first(input);
    }
    return INPUT_END;
}

/* Whether this line will make a record; false also where that isn't sure. */
static bool makes_record(const struct input *input, struct span line) {
    switch (input->first->kind) {
    case SOURCE_LIST:
        return !line_is_silent(line);
    case SOURCE_CSV:
        return csv_makes_record(&input->csv, line);
    default:
        return !line_is_blank(line);
    }
}

/* A line whose quotes may go on: what the lines behind it are can't be told. */
static bool is_unsure(const struct input *input, struct span line) {
    return input->first->kind == SOURCE_CSV && line.len && memchr(line.at, '"', line.len);
}

/* Whether the buffer holds a line that makes a record. A copy of the reader looks ahead. */
static bool holds_line(const struct input *input) {
    struct input_reader reader = input->reader;
    struct span line;
    for (;;) {
        switch (reader_take(&reader, &line)) {
        case READER_LINE:
        case READER_TOO_LONG:
            if (makes_record(input, line))
                return true;
            if (is_unsure(input, line))
                return false;
            break;
        case READER_MORE:
        case READER_END:
            return false;
        }
    }
}

static bool holds_record(const struct input *input, const struct source *source) {
    if (source->is_over)
        return false;
    if (source->kind == SOURCE_SITEMAP)
        return sitemaps_hold_record(input->sitemaps);
    if (source->kind == SOURCE_DOCUMENT || source->kind == SOURCE_WALK)
        return documents_hold_record(input->documents);
    return holds_line(input);
}

/* Whether it is known to have no more records, now that it holds none. */
static bool is_spent(const struct input *input, const struct source *source) {
    bool has_lines = source->kind == SOURCE_LIST || source->kind == SOURCE_JSONL;
    return source->is_over || (has_lines && input->reader.at_end);
}

/* A regular file at its buffer's end counts as ready only if nothing that can block follows: the rest of
 * the file may be comments. */
bool input_is_ready(const struct input *input) {
    if (!input->blocking_sources || context_is_interrupted(&input->context))
        return true;
    const struct source *source = input->first;
    if (source->is_begun) {
        if (holds_record(input, source))
            return true;
        if (!is_spent(input, source))
            return false;
        source = source->next;
    }
    for (; source; source = source->next)
        if (source->glob && glob_has_next(source->glob))
            return true;
        else if (!source->glob)
            return false;
    return true;
}
