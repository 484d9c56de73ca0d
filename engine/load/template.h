/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * template.h: text with placeholders: {seq} {rand:A:B} {uuid} {line:FILE}. Parsed once, filled in again and again
 * without asking for memory but in the caller's bytes. {{ stands for a brace, and }} for one where it closes a {{ (so that the
 * end of {"json":{"a":1}} needs no escapes); other text in braces is text, but what begins like a placeholder and is malformed
 * is refused. Random numbers are the caller's thread's own; {seq} and {line} are counted for all threads together.
 */
#ifndef LOAD_TEMPLATE_H
#define LOAD_TEMPLATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/span.h"

/* What all templates of a run have in common. */
struct template_file;
struct template_shared {
    atomic_uint_fast64_t
        seq; /* {seq}s handed out: a message takes one, however often it says {seq} */
    struct template_file *file; /* a list: those of {line:FILE}, each read once */
    struct pool *pool;
};

/* Of base/hash.h's generator: above 0, up to 1. */
double random_unit(struct random *random);
/* A stream of its own for each `stream` under one seed. */
void random_seed_stream(struct random *random, uint64_t seed, uint64_t stream);

/* Parts in order; see template.c. A message's head may hold its body's length, which template_fill works out. */
struct template_part;
struct template {
    struct span text; /* all of it if there is no hole, else what is between holes */
    struct template_part *part;
    unsigned part_count, body_part; /* the first of the body's */
    bool constant;
    bool has_seq;
    bool has_length; /* a Content-Length that depends on the holes of the body */
};

enum template_result { TEMPLATE_OK, TEMPLATE_BAD, TEMPLATE_UNREADABLE };

/* `where` decides how values that aren't plain are written: lines of a file are percent-encoded in URLs (all but unreserved characters and "/"), and
 * in fields must not hold CR, LF or NUL (refused when the file is read); bodies take them as they are. */
enum template_where { TEMPLATE_URL, TEMPLATE_FIELD, TEMPLATE_BODY };

/* Whether a text has a placeholder at all. */
bool template_has_holes(struct span text);
/* A builder: pieces one after another make a message. */
struct template_builder;
struct template_builder *template_begin(struct template_shared *shared);
void template_add_text(struct template_builder *builder, struct span text);
enum template_result template_add(struct template_builder *builder, struct span text,
                                  enum template_where where, char *why, size_t why_size);
/* The length of everything added after this call to template_add_body, in decimal: for Content-Length. */
void template_add_length(struct template_builder *builder);
void template_add_body(struct template_builder *builder);
/* Frees the builder. */
void template_end(struct template_builder *builder, struct template *template);
void template_abandon(struct template_builder *builder); /* NULL is allowed */
void template_deinit(struct template *template, struct pool *pool);

/* Fills the holes; the result lies in `into`, or is template->text if there are none. `seq` is what {seq} becomes. Each {line:FILE} takes a line,
 * each {rand} and {uuid} is a new one. */
struct span template_fill(const struct template *template, uint64_t seq, struct random *random,
                          struct bytes *into, struct pool *pool);
/* The same with what comes first (lines) or is least (numbers), and takes nothing: for showing. */
struct span template_sample(const struct template *template, struct bytes *into, struct pool *pool);

void template_shared_init(struct template_shared *shared, struct pool *pool);
void template_shared_deinit(struct template_shared *shared);

#endif
