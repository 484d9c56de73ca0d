/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * progress.h: shows how the run goes. A thread of its own copies the engine's counters a few times
 * a second, so that nothing is done per request; the text is made by pure functions. Rejected: a
 * signal and a timer, because a terminal that is stopped (^S) would then stop a worker.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringfetch/ringfetch.h>

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };

/* Speeds, smoothed over the last seconds. Zero it before the first update. */
struct progress_pace {
    double seconds;
    uint64_t done, body_bytes;
    double done_per_s, bytes_per_s;
};
void progress_pace_update(struct progress_pace *pace, const struct rf_progress *now);

/* One line of at most `columns` characters, ASCII: what matters most first, what does not fit is
 * left out. */
char *progress_bar(char *out, size_t size, unsigned columns, const struct rf_progress *now,
                   const struct progress_pace *pace);
/* The snapshot as one JSON object, without a newline. */
char *progress_json(char *out, size_t size, const struct rf_progress *now);
/* Adds "refused 2, timed-out 1", most frequent first, at most `kinds_max` kinds; returns the new
 * length. */
size_t progress_kinds(char *out, size_t size, size_t used, const struct rf_progress *now,
                      unsigned kinds_max);

struct progress {
    struct rf_engine *engine;
    enum progress_mode mode;
    struct progress_pace pace;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    bool running; /* the thread exists */
};

/* Starts the thread, unless the mode is PROGRESS_NONE. AUTO must have been decided before. A
 * thread that can't be had is no reason to fail: the run goes on without. */
void progress_begin(struct progress *progress, struct rf_engine *engine, enum progress_mode mode);
/* Takes the bar off the screen, or writes the last JSON object; the thread is gone afterwards. */
void progress_end(struct progress *progress);

#endif
