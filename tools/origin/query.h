/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * query.h: parameters and numbers in a request's target. Pure; any thread. Each reader of a parameter
 * leaves the caller's default alone when the parameter is missing and answers false only when
 * it is there and makes no sense, so that a typo in a test's URL shows as a 400.
 */
#ifndef ORIGIN_QUERY_H
#define ORIGIN_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Digits only, at most `max`. */
bool number_read(struct span text, uint64_t max, uint64_t *number);
/* "100", "64k", "1.5M", "2G". */
bool size_read(struct span text, uint64_t *bytes);
/* Seconds with decimals, or "500ms", "2m". */
bool seconds_read(struct span text, uint64_t *ns);

/* The value of `name=value` in the query, not decoded; at NULL if there is none. */
struct span query_value(struct span query, const char *name);
bool query_number(struct span query, const char *name, uint64_t max, uint64_t *number);
bool query_size(struct span query, const char *name, uint64_t *bytes);
bool query_seconds(struct span query, const char *name, uint64_t *ns);

#endif
