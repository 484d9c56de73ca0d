/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * template_private.h: what the files that make templates and messages share: how a text is cut into plain text and placeholders, what a
 * compiled template consists of, and the files that {line:FILE} reads.
 */
#ifndef LOAD_TEMPLATE_PRIVATE_H
#define LOAD_TEMPLATE_PRIVATE_H

#include "load/template.h"

/* ---- cutting ---------------------------------------------------------------------------------- */

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_HOLE };
/* A hole's text has its braces; the closing one is missing if the text ends before. */
struct template_piece {
    enum piece_kind kind;
    struct span text;
};
struct template_scan {
    struct span rest;
    unsigned open; /* {{ that no }} has closed */
};
struct template_piece template_next(struct template_scan *scan);

/* ---- what a template consists of -------------------------------------------------------------- */

enum part_kind { PART_TEXT, PART_SEQ, PART_RANDOM, PART_UUID, PART_LINE, PART_LENGTH };

struct template_part {
    uint8_t kind;
    bool percent;     /* a line in a URL */
    size_t from, len; /* PART_TEXT: of the template's text */
    int64_t low;      /* PART_RANDOM */
    uint64_t count;   /* numbers from `low` on; 0: all 2^64 */
    struct template_file *file;
};

/* The most that a number of 64 bits takes, with its sign. */
enum { DECIMAL_BYTES_MAX = 20 };
/* Writes it so that it ends before `end`; returns where it begins. */
char *decimal_before(char *end, uint64_t number);

/* ---- files ------------------------------------------------------------------------------------ */

/* Read once, then only its cursor changes, which lies on a cache line of its own. Lines lie one behind another without what was between them. */
struct template_file {
    atomic_uint_fast64_t cursor __attribute__((aligned(64)));
    struct template_file *next __attribute__((aligned(64)));
    char *path;
    uint8_t *content;
    uint32_t *start; /* of each line in `content`, and one more */
    uint32_t count;
    bool breaks; /* a line holds a CR or NUL */
};

/* Finds it among those that were read, or reads it. */
enum template_result template_file_open(struct template_shared *shared, struct span path,
                                        struct template_file **file, char *why, size_t why_size);
void template_file_free(struct template_file *file, struct pool *pool);
static inline struct span template_file_line(const struct template_file *file, uint64_t index) {
    uint64_t line = index % file->count;
    return span_of(file->content + file->start[line], file->start[line + 1] - file->start[line]);
}

#endif
