/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input.h: reads request records from URL patterns, files and standard input, one after another and in order. Blocking,
 * meant for a thread of its own; memory does not grow with the list. What is malformed is a record too, with its error, so
 * that every line of input ends as exactly one result.
 */
#ifndef INPUT_INPUT_H
#define INPUT_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum { INPUT_LINE_BYTES_MAX = 1 << 20 };

/* One request as the user wrote it. Spans are borrowed until the next call of input_next; `at` NULL where not given. */
struct input_record {
    uint64_t n;    /* from 1, over all sources */
    uint64_t line; /* of the file; 0 for a URL from the command line */
    struct span url;
    struct span name; /* wanted file name */
    struct span tag;
    struct span method;
    const struct span *headers; /* "Name: value" or "Name;" each, a NUL behind it */
    unsigned header_count;
    struct span body;
    int64_t size;              /* -1: not given */
    struct span sha256;        /* 64 lower-case hex digits */
    const struct span *expect; /* expectations of this request alone, a NUL behind each */
    unsigned expect_count;
    struct span
        source; /* the file or URL that `line` is of: a list's path, a document's, a sitemap's; `at` NULL: none */
    uint32_t column; /* in the line, from 1, in bytes; 0: not known */
    bool
        is_link; /* found in a document: its fragment is to be looked up in the page, and equal ones are asked once */
    bool
        is_decided; /* nothing is to be asked: a link to a file that is there (err is OK), or is not (no-such-file) or has nothing of that
                        name (no-such-fragment), both of stage expect. `url` is the link as written */
    struct err
        err; /* the line is malformed (stage input, detail: the line); `url` then holds what was there,
                                 shortened to 4 KiB */
    const char *
        why; /* with err: what about it, one phrase, static or borrowed like the spans; else NULL */
};

struct input;

/* Version of jansson. */
const char *input_library(void);

/* NULL with errno set if the system has no memory or no descriptor for it. */
struct input *input_open(bool globoff);
void input_close(struct input *input);

/* Adds a source. 0, or a negative number with one line in `why` (a bad glob; a file that can't be opened). "-" is standard
 * input. A glob is expanded lazily; lines of files are never globbed, and with globoff patterns aren't either. */
int input_add_url(struct input *input, const char *pattern, char *why, size_t why_size);
int input_add_file(struct input *input, const char *path, char *why, size_t why_size);

/* Adds a source of any kind: see rf_add_source. On failure errno is EINVAL where the words make no sense, whatever the file is like. */
int input_add_source(struct input *input, const char *path, const char *from, const char *base,
                     char *why, size_t why_size);

/* How input_next gets a source that is a URL, and the sitemaps that an index names: fetches the whole body, blocking the input's thread. */
struct input_body {
    uint8_t *bytes; /* malloc'd; the input frees it */
    size_t count;
    char content_type[128]; /* "" where there is none */
    char final_url[2048];   /* after redirects: what relative links are relative to */
};
/* False: `*err` and one line in `why` say why not. */
typedef bool input_fetch_fn(void *context, const char *url, struct input_body *body,
                            struct err *err, char *why, size_t why_size);
void input_on_fetch(struct input *input, input_fetch_fn *fetch, void *context);

enum input_step {
    INPUT_RECORD,
    INPUT_END,
    INPUT_FAULT, /* reading failed: record->err says so (kind unreadable, fault local; detail: the errno) and `why`
                         says it in full. The input ends with it: INPUT_END follows. */
    INPUT_INTERRUPTED /* input_interrupt was called */
};
/* Blocks until there is a record or the end. */
enum input_step input_next(struct input *input, struct input_record *record);
/* True if input_next can return a record without waiting for the system. */
bool input_is_ready(const struct input *input);
/* Makes a blocked or later input_next return INPUT_INTERRUPTED. Any thread. */
void input_interrupt(struct input *input);

#endif
