/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_glob.h: URL patterns as curl has them: sets {one,two}, ranges [1-100], [001-100], [0-30:10], [a-z], [a-z:2],
 * several in one URL. A pattern is parsed whole, so that its faults show before anything is fetched, and expanded one URL a
 * call, so that [1-9000000000000000000] costs no memory. The leftmost set or range changes slowest, as with curl.
 *
 * A backslash before one of {}[] makes it an ordinary character (inside a set, before any character). A bracketed IPv6
 * address and empty brackets are ordinary text. Stricter than curl, which makes surprising URLs of these: the ends of a range of letters are
 * letters of one case, and a step is plain digits.
 *
 * Owned by the input, on the input's thread. Rejected: expansion by nested callbacks, which can't be paused.
 */
#ifndef INPUT_INPUT_GLOB_H
#define INPUT_INPUT_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* More URLs than this from one pattern are refused. */
#define GLOB_COUNT_MAX (UINT64_C(1) << 63)

struct glob;

/* NULL with one line in `why` if the pattern is malformed. With `literal` the text stands as it is. The pattern is
 * copied. */
struct glob *glob_parse(const char *pattern, bool literal, char *why, size_t why_size);
void glob_free(struct glob *glob);

/* How many URLs the pattern stands for; at least 1. */
uint64_t glob_count(const struct glob *glob);
/* The next URL, borrowed until the next call; false after the last one. */
bool glob_next(struct glob *glob, struct span *url);
/* Whether glob_next would answer true. */
bool glob_has_next(const struct glob *glob);

#endif
