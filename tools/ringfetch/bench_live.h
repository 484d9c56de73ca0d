/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_live.h: how a bench run goes, while it goes: a line on a terminal, or an object of JSON a second. It is told by rf_load_run, on the
 * main thread, ten times a second at most, and needs no thread of its own.
 */
#ifndef TOOLS_BENCH_LIVE_H
#define TOOLS_BENCH_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringfetch/load.h>

#include "progress.h"

/* What is remembered of the samples of each side, of which a sample knows one: rates of about the last second, as those of single samples
 * jump, and the last latency. Zero it before the first sample. */
struct bench_pace {
    double rps[RF_SIDES];
    uint64_t p99_ns[RF_SIDES];
    unsigned samples[RF_SIDES];
};
void bench_pace_update(struct bench_pace *pace, const struct rf_load_sample *sample);

/* One line of at most `columns` characters of ASCII, what matters most first; what does not fit is left out. */
char *bench_live_line(char *out, size_t size, unsigned columns, const struct rf_load_sample *sample,
                      const struct bench_pace *pace);
/* The sample as one JSON object, without a newline. */
char *bench_live_json(char *out, size_t size, const struct rf_load_sample *sample,
                      const struct bench_pace *pace);

struct bench_live {
    enum progress_mode mode; /* AUTO was decided before */
    struct bench_pace pace;
    struct rf_load_sample last; /* of which the comparison is gone */
    bool has_last;
    uint64_t shown_ms;
};
void bench_live_begin(struct bench_live *live, enum progress_mode mode);
/* What is known before the load begins: "starting the server of --cmd-a". NULL: no more. On a terminal alone. */
void bench_live_note(struct bench_live *live, const char *text);
void bench_live_sample(struct bench_live *live, const struct rf_load_sample *sample);
/* Takes the line off the screen, or writes the last object. */
void bench_live_end(struct bench_live *live);

#endif
