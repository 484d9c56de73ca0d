/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_regex.h: regular expressions whose work is bounded. Private to the room, and the only
 * door to PCRE2. One is made once and then asked by any number of threads at a time. The bound
 * counts steps and not time, so that an answer is the same on every machine and under any load.
 */
#ifndef EXPECT_EXPECT_REGEX_H
#define EXPECT_EXPECT_REGEX_H

#include "expect/expect_private.h"

enum regex_answer { REGEX_NO, REGEX_YES, REGEX_STEPS, REGEX_MEMORY };

/* NULL: a phrase in `why`. */
struct regex *regex_new(struct span pattern, struct why *why);
void regex_free(struct regex *regex); /* NULL is allowed */
/* With REGEX_YES `found` lies in `text`. REGEX_STEPS and REGEX_MEMORY: it gave up. */
enum regex_answer regex_find(struct regex *regex, struct span text, struct span *found);
/* How many steps a text of this length may take. */
uint64_t regex_steps_max(size_t text_len);
const char *regex_library(void);

#endif
