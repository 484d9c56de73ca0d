/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_gzip.h: gzip files (RFC 1952) in pieces: any number of members, zeros behind the last one. Bytes in, bytes out,
 * on the input's thread. Rejected: zlib's gzread, which wants the descriptor for itself, can't be interrupted, and hands
 * over what is damaged without a word.
 */
#ifndef INPUT_INPUT_GZIP_H
#define INPUT_INPUT_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct gunzip;

/* Whether a file that begins like this is gzip; two bytes tell. */
bool gunzip_is_magic(struct span begin);

/* NULL: no memory. */
struct gunzip *gunzip_open(void);
void gunzip_close(struct gunzip *gunzip); /* NULL is allowed */

/* Decodes from the front of *in, which it shortens, into `room` bytes. *count 0: everything was taken, more is needed.
 * False: the data are damaged, and *why says how (static). */
bool gunzip_run(struct gunzip *gunzip, struct span *in, uint8_t *to, size_t room, size_t *count,
                const char **why);
/* Whether the data may end here. */
bool gunzip_is_whole(const struct gunzip *gunzip);

#endif
