/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_live.c: the thread that draws the live table; see check_table.h. It copies the engine's counters and reads the tally under
 * its lock, so that nothing is done per request. Colours are put on here, after the table has been measured.
 */
#include "check_table.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console.h"
#include "text.h"

enum {
    DRAW_MS = 250,  /* a table is read, a bar is only looked at */
    LINE_MS = 1000, /* JSON objects, and what is no terminal's */
    TABLE_BYTES = CONSOLE_BLOCK_BYTES_MAX / 2,
    ROWS_FOR_BLOCK = 8
};

struct check_live {
    struct rf_engine *engine;
    struct tally *tally;
    enum progress_mode mode;
    struct progress_pace pace;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

/* ---- colour ------------------------------------------------------------------------------------- */

/* What the line's first word is shown in; NULL: as it is. */
static const char *colour_of(const char *line, size_t length) {
    static const struct {
        const char *word, *colour;
    } rows[] = {{"ok ", "32"},      {"dead ", "31"},      {"flaky ", "33"},
                {"blocked ", "35"}, {"skipped ", "2"},    {"inconclusive ", "36"},
                {"VERDICT ", "1"},  {"WORST HOSTS ", "1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t count = strlen(rows[i].word);
        if (length >= count && memcmp(line, rows[i].word, count) == 0) {
            return rows[i].colour;
        }
    }
    return NULL;
}

static char *paint(char *out, size_t size, const char *table) {
    size_t used = 0;
    out[0] = '\0';
    for (const char *at = table; *at;) {
        size_t length = strcspn(at, "\n");
        const char *colour = colour_of(at, length), *end = at[length] ? "\n" : "";
        /* Headings are bold as a whole, of other lines the first word is coloured. */
        size_t painted = !colour ? 0 : *colour == '1' ? length : strcspn(at, " ");
        if (colour) {
            used = text_add(out, size, used, "\033[%sm%.*s\033[0m", colour, (int)painted, at);
        }
        used = text_add(out, size, used, "%.*s%s", (int)(length - painted), at + painted, end);
        at += length + (at[length] != '\0');
    }
    return out;
}

/* ---- the thread --------------------------------------------------------------------------------- */

static void show(struct check_live *live) {
    char table[TABLE_BYTES], painted[CONSOLE_BLOCK_BYTES_MAX];
    struct rf_progress now;
    rf_progress(live->engine, &now);
    if (live->mode == PROGRESS_JSON) {
        console_line("%s", progress_json(table, sizeof table, &now));
        return;
    }
    progress_pace_update(&live->pace, &now);
    unsigned rows = console_is_terminal() ? console_rows() : 1;
    /* One column stays free, because a terminal may wrap at the last, and one row, for a line above. */
    rows = rows > ROWS_FOR_BLOCK ? rows - 1 : rows == ROWS_FOR_BLOCK ? rows : 1;
    unsigned columns = console_columns() - 1;
    check_table(table, sizeof table, columns, rows, live->tally, &now, &live->pace);
    if (!console_is_terminal()) {
        console_bar(table);
    } else {
        console_block(console_has_colour() ? paint(painted, sizeof painted, table) : table);
    }
}

static struct timespec later(unsigned ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    at.tv_sec += ms / 1000 + at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void *live_thread(void *argument) {
    struct check_live *live = argument;
    bool often = live->mode == PROGRESS_BAR && console_is_terminal();
    pthread_mutex_lock(&live->lock);
    while (!live->stopping) {
        struct timespec next = later(often ? DRAW_MS : LINE_MS);
        while (!live->stopping && pthread_cond_timedwait(&live->wake, &live->lock, &next) == 0) {
        }
        if (!live->stopping) {
            show(live);
        }
    }
    pthread_mutex_unlock(&live->lock);
    return NULL;
}

static bool start(struct check_live *live) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&live->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&live->lock, NULL);
    /* Signals are for the threads that run the engine. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&live->thread, NULL, live_thread, live) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void destroy(struct check_live *live) {
    pthread_cond_destroy(&live->wake);
    pthread_mutex_destroy(&live->lock);
    free(live);
}

struct check_live *check_live_begin(struct rf_engine *engine, struct tally *tally,
                                    enum progress_mode mode) {
    if (mode != PROGRESS_BAR && mode != PROGRESS_JSON) {
        return NULL;
    }
    struct check_live *live = calloc(1, sizeof *live);
    if (!live) { /* no reason to fail: the run goes on without */
        return NULL;
    }
    live->engine = engine;
    live->tally = tally;
    live->mode = mode;
    if (!start(live)) {
        destroy(live);
        return NULL;
    }
    return live;
}

void check_live_end(struct check_live *live) {
    if (!live) {
        return;
    }
    pthread_mutex_lock(&live->lock);
    live->stopping = true;
    pthread_cond_signal(&live->wake);
    pthread_mutex_unlock(&live->lock);
    pthread_join(live->thread, NULL);
    if (live->mode == PROGRESS_JSON) {
        show(live);
    } else {
        console_block(NULL);
    }
    destroy(live);
}
