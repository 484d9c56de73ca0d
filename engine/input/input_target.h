/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_target.h: whether a local link leads anywhere: to a file or directory that is there, and in it to the name that its
 * fragment asks for. Blocks on disks only; on the input's thread.
 */
#ifndef INPUT_INPUT_TARGET_H
#define INPUT_INPUT_TARGET_H

#include "document/document.h"
#include "input/input.h"

/* Where a link stands. All borrowed. */
struct target_place {
    const char *root; /* the directory that a leading "/" means, with a slash behind it, or "" */
    const char *base_path; /* the file that links are relative to */
    enum document_kind kind;
    struct span text; /* the document itself, for "#name" */
    const char *charset;
};

struct targets;
struct targets *targets_open(void); /* NULL: no memory */
void targets_close(struct targets *targets);

/* Another document begins: its names are read anew. */
void targets_forget_self(struct targets *targets);

/* Decides the record, whose URL is set to the link as it stands. */
void targets_decide(struct targets *targets, const struct target_place *place, struct span link,
                    struct input_record *record);
/* The same for a fragment (behind the '#') of the document itself, whose place is the same until targets_forget_self. */
void targets_decide_self(struct targets *targets, const struct target_place *place,
                         struct span fragment, struct input_record *record);

/* The path that a link means, percent-decoded, without query and fragment; false: none has that name. */
bool target_path(const struct target_place *place, struct span link, char *path, size_t size);

#endif
