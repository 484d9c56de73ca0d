/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_document.h: the links of documents as records: of one that comes as a stream, or of all those beneath a directory. A
 * document is read whole, its links found, then handed out one by one; links to local files are decided on the
 * spot. A document that can't be read, is too large or broken is a record itself. On the input's thread.
 */
#ifndef INPUT_INPUT_DOCUMENT_H
#define INPUT_INPUT_DOCUMENT_H

#include "document/document.h"
#include "input/input_context.h"
#include "input/input_stream.h"

struct documents;
struct documents *documents_open(struct input_context *context); /* NULL: no memory */
void documents_close(struct documents *documents);               /* NULL is allowed */

/* What to read; all texts are borrowed until documents_next answers INPUT_END. */
struct document_source {
    enum document_kind kind;
    const char *name;      /* a path, or the URL that was asked for */
    const char *final_url; /* NULL: a local file */
    const char *charset;   /* the transport's, or NULL */
    const char *base;      /* what the user says links are relative to, or NULL */
};
/* The stream is taken over, its descriptor not. */
void documents_begin(struct documents *documents, const struct document_source *source,
                     struct input_stream *stream);
/* The documents beneath a directory, of `only` this kind if it isn't NULL. False: no memory. */
bool documents_begin_walk(struct documents *documents, const char *root,
                          const enum document_kind *only, const char *base);

/* INPUT_RECORD, INPUT_INTERRUPTED, or INPUT_END: all were handed out. */
enum input_step documents_next(struct documents *documents, struct input_record *record);
/* Whether documents_next has a record at hand. */
bool documents_hold_record(const struct documents *documents);

#endif
