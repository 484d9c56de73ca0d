/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_source.h: one source of the input's row: what it is called, what it is, and its descriptor. Sources are opened when
 * they are added, so that a misspelt name stops the run before it starts. Owned by the input, on its thread.
 */
#ifndef INPUT_INPUT_SOURCE_H
#define INPUT_INPUT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "document/document.h"

struct glob;

enum source_kind {
    SOURCE_GLOB,
    SOURCE_GUESS, /* until its first bytes are there */
    SOURCE_LIST,
    SOURCE_CSV,
    SOURCE_JSONL,
    SOURCE_SITEMAP,
    SOURCE_DOCUMENT,
    SOURCE_WALK /* the documents beneath a directory */
};

struct source {
    struct source *next;
    struct glob *glob; /* SOURCE_GLOB */
    enum source_kind kind;
    enum document_kind document; /* of a document; of a walk's documents if is_only */
    bool is_only;
    bool is_url;
    bool is_regular;
    bool is_begun;
    bool is_over;         /* nothing more is read of it */
    bool may_block;       /* input_next may wait for it: a pipe, or something to fetch */
    int fd;               /* -1: none, or closed again to save descriptors */
    const char *argument; /* CSV's column, JSONL's field; static, or part of the source */
    char *base;           /* a parsed URL, or NULL */
    char path[];          /* as the user wrote it; a copy of `from` lies behind it */
};

/* NULL with one line in `why`. The glob is taken over in any case. */
struct source *source_new_glob(struct glob *glob, char *why, size_t why_size);
struct source *source_open(const char *path, const char *from, const char *base, char *why,
                           size_t why_size);
void source_close(struct source *source);

/* Opens the path again; an errno. */
int source_reopen(struct source *source);

/* Ends SOURCE_GUESS by what the source is called and how it begins. `final_url` and `content_type`: of a fetched source, else NULL. */
void source_guess(struct source *source, const char *final_url, const char *content_type,
                  struct span begin);

#endif
