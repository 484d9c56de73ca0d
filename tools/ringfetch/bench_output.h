/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_output.h: the report files of a bench run, and of a merged one: the options that name them, opening all of them before anything is
 * measured, writing and renaming them at the end. Main thread.
 */
#ifndef TOOLS_BENCH_OUTPUT_H
#define TOOLS_BENCH_OUTPUT_H

#include "bench.h"
#include "options.h"
#include "report_file.h"

enum { BENCH_OUTPUTS_MAX = 16 };

struct bench_output_kind;

/* Zero it before its options are read. Paths are borrowed. */
struct bench_outputs {
    struct bench_output {
        const struct bench_output_kind *kind;
        const char *path;
        struct report_file file;
        bool is_open;
    } output[BENCH_OUTPUTS_MAX];
    unsigned count;
};

/* Adds to the struct bench_outputs at row->offset a report of the kind that row->name says. */
option_take_fn bench_outputs_take;

/* The rows of a table for all kinds but --save; `at` is the offset of the struct bench_outputs. */
#define BENCH_OUTPUT_ROW(name, at)                                                                 \
    { name, 0, OPTION_VALUE, bench_outputs_take, .offset = at }
#define BENCH_OUTPUT_ROWS(at)                                                                      \
    BENCH_OUTPUT_ROW("json", at), BENCH_OUTPUT_ROW("junit", at), BENCH_OUTPUT_ROW("markdown", at), \
        BENCH_OUTPUT_ROW("html", at), BENCH_OUTPUT_ROW("hdr", at),                                 \
        BENCH_OUTPUT_ROW("gha-benchmark", at), BENCH_OUTPUT_ROW("bmf", at)

/* NULL, or a line that says which contradict each other: two on standard output, two to one file. In `why`. */
const char *bench_outputs_check(const struct bench_outputs *outputs, char *why, size_t why_size);
/* True if one of them goes to standard output. */
bool bench_outputs_use_stdout(const struct bench_outputs *outputs);

/* True if this report ("save") was asked for. */
bool bench_outputs_has(const struct bench_outputs *outputs, const char *option);

/* Opens all. False: none is open, and no file was made; `why` names the path. */
bool bench_outputs_open(struct bench_outputs *outputs, char *why, size_t why_size);
/* Writes and closes all, whatever becomes of the others. False: some could not be written; a line on stderr for each says which, after
 * "ringfetch COMMAND: ". */
bool bench_outputs_close(struct bench_outputs *outputs, const struct bench_run *run,
                         const char *command);
/* Instead of closing them: files of these names stay as they were. Also after closing, or before opening. */
void bench_outputs_discard(struct bench_outputs *outputs);

#endif
