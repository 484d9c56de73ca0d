/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_walk.h: the documents beneath a directory, in sorted order: .html, .htm, .xhtml, .md and .markdown. Hidden files and directories
 * are left out, and so are symbolic links to directories and to anything outside. One descriptor is open at a time, and only while a
 * directory is listed: the names of the directories on the way down wait in memory. Blocks on disks only; on the input's thread.
 */
#ifndef INPUT_INPUT_WALK_H
#define INPUT_INPUT_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "document/document.h"

struct walk;

/* What a file of this name is; false: none of a walk's documents. */
bool walk_kind(const char *name, enum document_kind *kind);

/* NULL: no memory. The directory itself is listed by the first walk_next. */
struct walk *walk_open(const char *root);
void walk_close(struct walk *walk); /* NULL is allowed */

enum walk_step {
    WALK_FILE,
    WALK_FAULT, /* *path is a directory that can't be listed; *error_number says why; the walk goes on */
    WALK_SKIP, /* nothing to report; call again */
    WALK_END
};
/* *path begins with the root and stays until the next call. */
enum walk_step walk_next(struct walk *walk, const char **path, int *error_number);
/* Where the path goes on beneath the root. */
size_t walk_root_len(const struct walk *walk);

#endif
