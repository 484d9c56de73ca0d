/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_scene.h: for tests of the command bench as a whole: a folder of its own, figures of a run that never was, the call. One thread.
 */
#ifndef TESTS_BENCH_SCENE_H
#define TESTS_BENCH_SCENE_H

#include "fake_engine.h"
#include "fake_load.h"

#define URL "http://127.0.0.1:1/"
#define URL_B "http://127.0.0.1:2/"

/* A test's set-up and tear-down: an empty folder is the working directory; both sides have figures; at the end no child is left. */
int scene_begin(void **state);
int scene_end(void **state);

/* What cmd_bench printed last. */
extern struct fake_printed printed;
int scene_run(const char *const *words);
#define RUN(...) scene_run((const char *const[]){"bench", __VA_ARGS__, NULL})

/* A whole file, valid until the next call; NULL: there is none. */
const char *content_of(const char *name);
void write_file(const char *name, const char *text);
/* How many files there are, temporary ones included. */
unsigned files(void);
/* Waits until there is something in it. */
void await_file(const char *name);
/* The blocks that figures of both sides have. */
const struct rf_load_block *scene_blocks(void);

#endif
