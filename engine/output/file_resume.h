/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_resume.h: unfinished files that a later run continues (--on-exist resume). The body of NAME waits in .NAME.part, and
 * beside it .NAME.part.meta says of what it is the beginning: URL and validators, as lines "key value". Without the meta file a part
 * is of no use and is begun again.
 *
 * A part is locked (flock) while it is written: a second request for the same name, in this run or another process,
 * writes an ordinary temporary file instead. Any thread.
 *
 * Rejected: extended attributes, which neither tmpfs nor most network file systems had for long.
 */
#ifndef OUTPUT_FILE_RESUME_H
#define OUTPUT_FILE_RESUME_H

#include "output/file_place.h"

/* Longer validators are not remembered, so their files are begun again. */
enum { RESUME_VALIDATOR_BYTES = 256 };

/* What is known of the resource; allocated only in resume mode. */
struct file_resume {
    char etag[RESUME_VALIDATOR_BYTES]; /* strong; "" where there is none */
    char last_modified[RESUME_VALIDATOR_BYTES];
    bool noted; /* the meta file says so */
};

/* Looks for a part of `path` that began with `url`. Returns the bytes to ask from, 0 if there is nothing to continue.
 * That is the last byte there: asking from behind the end of a part that is complete would be answered with 416. */
uint64_t resume_find(struct file_place *place, const char *path, const char *url,
                     struct file_resume *known);

/* What to put into If-Range; NULL if nothing is known. */
const char *resume_validator(const struct file_resume *known);

/* Takes over the validators of a response. */
void resume_learn(struct file_resume *known, const struct rf_response *response);

/* Opens and locks the part, cut to `keep_bytes`. EAGAIN: another one is writing it. ESTALE: it is shorter than that. */
int resume_open(struct file_place *place, const char *path, uint64_t keep_bytes, char *temporary,
                int *fd);

/* Writes the meta file. */
int resume_note(struct file_place *place, const char *path, const char *url,
                struct file_resume *known);
/* Removes it. */
void resume_forget(struct file_place *place, const char *path, struct file_resume *known);

#endif
