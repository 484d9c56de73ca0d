/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read.h: how a saved run is taken apart: members of JSON objects by name and type, and the memory that what was read
 * lives in. The first fault is kept, everything after it answers with nothing, and nobody has to look before the end. One
 * thread at a time.
 */
#ifndef TOOLS_BENCH_READ_H
#define TOOLS_BENCH_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"

/* ---- memory: bench_read_memory.c ---------------------------------------------------------------- */

/* Freed all at once. NULL is empty: bench_memory_take makes one. */
struct bench_memory;
/* Zeroed; NULL: memory is out. */
void *bench_memory_take(struct bench_memory **memory, size_t count, size_t size);
/* Hands a thing over, to be freed by `free_it`. NULL, or memory out (the thing is freed then): false. */
bool bench_memory_keep(struct bench_memory **memory, void *thing, void (*free_it)(void *thing));
char *bench_memory_text(struct bench_memory **memory, const char *text);
void bench_memory_free(struct bench_memory *memory);

/* ---- members: bench_read_member.c ---------------------------------------------------------------- */

struct bench_reader {
    const char *path;
    const char *in; /* what object is being read, with its dot: "a."; "" at the top level */
    char *why;
    size_t why_size;
    struct bench_memory **memory;
    bool failed;
};
/* Always false. */
__attribute__((format(printf, 2, 3))) bool read_fail(struct bench_reader *reader,
                                                     const char *format, ...);
bool read_out_of_memory(struct bench_reader *reader);

/* All: null is the same as no such member. Of another type: a fault. */
uint64_t read_count(struct bench_reader *reader, const json_t *object, const char *name);
double read_number(struct bench_reader *reader, const json_t *object, const char *name,
                   double missing);
bool read_boolean(struct bench_reader *reader, const json_t *object, const char *name);
const char *read_text(struct bench_reader *reader, const json_t *object, const char *name);
const json_t *read_object(struct bench_reader *reader, const json_t *object, const char *name);
const json_t *read_array(struct bench_reader *reader, const json_t *object, const char *name);
/* The same for an element of an array. NULL where it is no object. */
const json_t *read_element(struct bench_reader *reader, const json_t *array, size_t index,
                           const char *name);
/* At most UINT_MAX. */
unsigned read_unsigned(struct bench_reader *reader, const json_t *object, const char *name);

/* ---- parts ---------------------------------------------------------------------------------------- */

/* The histogram of a member, kept in the reader's memory; NULL: null, or a fault. */
const struct rf_histogram *read_histogram(struct bench_reader *reader, const json_t *object,
                                          const char *name);
/* The members of a side. NULL: a fault. */
struct rf_load_figures *read_figures(struct bench_reader *reader, const json_t *object,
                                     const char *in);

#endif
