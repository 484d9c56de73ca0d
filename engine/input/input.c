/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input.c: the row of sources, patterns and files, read one after another. Files are opened when they are added, so that
 * a misspelt name stops the run before it starts; each is closed when its last line was taken.
 *
 * All functions belong to one thread at a time, but for input_interrupt. What can block is polled beside an eventfd
 * before it is read; reading a regular file is taken as not blocking. Rejected: reading through the ring, which would make
 * a slow disk or a slow pipe the workers' business.
 */
#include "input/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "input/input_glob.h"
#include "input/input_line.h"
#include "input/input_private.h"
#include "input/input_reader.h"

struct source {
    struct source *next;
    struct glob *glob; /* or NULL: a file */
    int fd;
    bool is_begun;
    bool may_block;
    char path[];
};

struct input {
    struct source *first, **end;
    unsigned blocking_sources; /* of those in the row */
    bool stdin_is_taken;
    bool globoff;
    int event_fd;
    atomic_bool is_interrupted;
    uint64_t n;
    struct input_reader reader;
    struct line_parser parser;
    char why[LINE_WHY_BYTES];
};

/* ---- sources ------------------------------------------------------------------------------------- */

struct input *input_open(bool globoff) {
    struct input *input = calloc(1, sizeof *input);
    if (!input)
        return NULL;
    input->end = &input->first;
    input->globoff = globoff;
    input->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (input->event_fd < 0) {
        free(input);
        return NULL;
    }
    reader_init(&input->reader, READER_BLOCK_BYTES);
    line_parser_init(&input->parser);
    return input;
}

static struct source *add_source(struct input *input, const char *path) {
    size_t path_bytes = strlen(path) + 1;
    struct source *source = malloc(sizeof *source + path_bytes);
    if (!source)
        return NULL;
    *source = (struct source){.fd = -1};
    memcpy(source->path, path, path_bytes);
    *input->end = source;
    input->end = &source->next;
    return source;
}

static void drop_first(struct input *input) {
    struct source *source = input->first;
    input->first = source->next;
    if (!input->first)
        input->end = &input->first;
    input->blocking_sources -= source->may_block;
    glob_free(source->glob);
    if (source->fd >= 0)
        close(source->fd);
    free(source);
}

void input_close(struct input *input) {
    if (!input)
        return;
    while (input->first)
        drop_first(input);
    close(input->event_fd);
    reader_deinit(&input->reader);
    line_parser_deinit(&input->parser);
    free(input);
}

int input_add_url(struct input *input, const char *pattern, char *why, size_t why_size) {
    struct glob *glob = glob_parse(pattern, input->globoff, why, why_size);
    if (!glob)
        return -1;
    struct source *source = add_source(input, "");
    if (!source) {
        glob_free(glob);
        snprintf(why, why_size, "out of memory for a URL pattern");
        return -1;
    }
    source->glob = glob;
    return 0;
}

static int refuse_file(const char *path, int fd, int error_number, char *why, size_t why_size) {
    if (fd >= 0)
        close(fd);
    snprintf(why, why_size, "cannot open input file \"%s\": %s", path, strerror(error_number));
    input_one_line(why, why_size);
    return -1;
}

/* Without O_NONBLOCK, opening a FIFO would wait for its writer; poll does that later, and can be interrupted. */
static int open_path(const char *path, bool is_stdin) {
    if (is_stdin)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

int input_add_file(struct input *input, const char *path, char *why, size_t why_size) {
    bool is_stdin = strcmp(path, "-") == 0;
    if (is_stdin && input->stdin_is_taken) {
        snprintf(why, why_size, "standard input can be read only once");
        return -1;
    }
    struct stat stat;
    int fd = open_path(path, is_stdin);
    if (fd < 0 || fstat(fd, &stat))
        return refuse_file(path, fd, errno, why, why_size);
    if (S_ISDIR(stat.st_mode))
        return refuse_file(path, fd, EISDIR, why, why_size);
    struct source *source = add_source(input, path);
    if (!source)
        return refuse_file(path, fd, ENOMEM, why, why_size);
    source->fd = fd;
    source->may_block = !S_ISREG(stat.st_mode);
    input->blocking_sources += source->may_block;
    input->stdin_is_taken |= is_stdin;
    return 0;
}

void input_set_block_bytes(struct input *input, size_t block_bytes) {
    reader_deinit(&input->reader);
    reader_init(&input->reader, block_bytes);
}

size_t input_buffer_bytes(const struct input *input) {
    return input->reader.room;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool is_interrupted(const struct input *input) {
    return atomic_load_explicit(&input->is_interrupted, memory_order_acquire);
}

void input_interrupt(struct input *input) {
    atomic_store_explicit(&input->is_interrupted, true, memory_order_release);
    eventfd_write(input->event_fd, 1);
}

/* Until the source has something, its end included, or input_interrupt was called. */
static void wait_for(const struct input *input, const struct source *source) {
    struct pollfd wanted[] = {{.fd = source->fd, .events = POLLIN},
                              {.fd = input->event_fd, .events = POLLIN}};
    while (poll(wanted, 2, -1) < 0 && errno == EINTR)
        ;
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

/* INPUT_RECORD: go on. */
static enum input_step fill(struct input *input, struct input_record *record) {
    if (input->first->may_block)
        wait_for(input, input->first);
    if (is_interrupted(input))
        return INPUT_INTERRUPTED;
    int error_number = reader_fill(&input->reader);
    if (error_number && error_number != EAGAIN)
        return fault(input, error_number, record);
    return INPUT_RECORD;
}

static enum input_step give(struct input *input, struct input_record *record) {
    if (UNLIKELY(record->err.kind == ERR_MEMORY))
        return fault(input, ENOMEM, record);
    record->n = ++input->n;
    return INPUT_RECORD;
}

/* INPUT_END: of this source. */
static enum input_step next_of_file(struct input *input, struct input_record *record) {
    struct input_reader *reader = &input->reader;
    if (UNLIKELY(!input->first->is_begun)) {
        input->first->is_begun = true;
        reader_begin(reader, input->first->fd);
    }
    for (;;) {
        struct span line;
        enum input_step step = INPUT_RECORD;
        switch (reader_take(reader, &line)) {
        case READER_LINE:
            if (line_parse(&input->parser, line, reader->line, record))
                return give(input, record);
            break;
        case READER_TOO_LONG:
            if (line_too_long(line, reader->line, record))
                return give(input, record);
            break;
        case READER_MORE:
            step = fill(input, record);
            break;
        case READER_END:
            return INPUT_END;
        }
        if (step != INPUT_RECORD)
            return step;
    }
}

static enum input_step next_of_glob(struct input *input, struct input_record *record) {
    *record = (struct input_record){.size = -1};
    return glob_next(input->first->glob, &record->url) ? give(input, record) : INPUT_END;
}

enum input_step input_next(struct input *input, struct input_record *record) {
    if (is_interrupted(input))
        return INPUT_INTERRUPTED;
    while (input->first) {
        enum input_step step =
            input->first->glob ? next_of_glob(input, record) : next_of_file(input, record);
        if (step != INPUT_END)
            return step;
        drop_first(input);
    }
    return INPUT_END;
}

/* Whether the buffer holds a line that makes a record. A copy of the reader looks ahead. */
static bool holds_record(const struct input *input) {
    struct input_reader reader = input->reader;
    struct span line;
    for (;;) {
        switch (reader_take(&reader, &line)) {
        case READER_LINE:
        case READER_TOO_LONG:
            if (!line_is_silent(line))
                return true;
            break;
        case READER_MORE:
        case READER_END:
            return false;
        }
    }
}

/* A regular file at its buffer's end counts as ready only if nothing that can block follows: the rest of
 * the file may be comments. */
bool input_is_ready(const struct input *input) {
    if (!input->blocking_sources || is_interrupted(input))
        return true;
    const struct source *source = input->first;
    if (source->is_begun) {
        if (holds_record(input))
            return true;
        if (!input->reader.at_end)
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
