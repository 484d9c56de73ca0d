/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * values.h: numbers as people write them on a command line. Pure; any thread. Each returns NULL, or
 * a phrase that says what is wrong with the text. strtod alone was rejected: it takes "inf",
 * "0x1p3", leading blanks and a minus sign, and none of these is a time-out that anybody meant.
 */
#ifndef TOOLS_VALUES_H
#define TOOLS_VALUES_H

#include <stdint.h>

/* A whole decimal number. */
const char *value_count(const char *text, uint64_t *count);
/* A number with decimals and k, M, G or T in either case, powers of 1024 as curl and wget have
 * them. */
const char *value_bytes(const char *text, uint64_t *bytes);
/* Seconds with decimals, or with a unit: ms, s, m, h. Above 0 never becomes 0, which would mean
 * "no limit". */
const char *value_ms(const char *text, unsigned *ms);
/* A number with decimals, or with /s, /m, /h; the result is per second. */
const char *value_rate(const char *text, double *per_second);
/* "I/N": the I-th of N parts, 1 <= I <= N. */
const char *value_shard(const char *text, unsigned *shard, unsigned *shards);

#endif
