/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_private.h: the steps of plan_add, each in a file of its own.
 */
#ifndef LOAD_PLAN_PRIVATE_H
#define LOAD_PLAN_PRIVATE_H

#include "load/plan.h"

/* An array of the plan's has room for as many as the next power of two, so that adding takes constant time on average without another
 * member. Returns the array with room for one more. */
void *plan_grow(struct plan *plan, void *array, unsigned count, size_t bytes);
void plan_release(struct plan *plan, void *array, unsigned count, size_t bytes);

/* Sets the entry's message, URL, method and name. What it sets is released by plan_deinit, on failure too. */
enum plan_result plan_compile(struct plan *plan, struct plan_entry *entry,
                              const struct plan_request *request, char *why, size_t why_size);

/* The target of entry->url, made if there is none. */
bool plan_find_target(struct plan *plan, struct plan_entry *entry,
                      const struct plan_request *request, char *why, size_t why_size);
void plan_release_targets(struct plan *plan);

/* scheme, user, host and port as typed: where in `url` the authority lies. */
struct span plan_authority(struct span url);

#endif
