/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * progress.c: see progress.h.
 */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "console.h"
#include "text.h"

enum {
    BAR_MS = 150,     /* often enough to look alive, seldom enough to cost nothing */
    LINE_MS = 1000,   /* JSON objects, and a bar that is no terminal's */
    PACE_SECONDS = 3, /* what "now" means for speeds */
    BAR_KINDS = 3
};

void progress_pace_update(struct progress_pace *pace, const struct rf_progress *now) {
    double elapsed = now->seconds - pace->seconds;
    if (elapsed <= 0) {
        return;
    }
    double done = (double)(now->done - pace->done) / elapsed;
    /* A retry gives back what it had received: the count may fall. */
    double bytes = now->body_bytes > pace->body_bytes
                       ? (double)(now->body_bytes - pace->body_bytes) / elapsed
                       : 0;
    /* Young averages are plain: the first seconds would otherwise seem slow. */
    double window = now->seconds < PACE_SECONDS ? now->seconds : PACE_SECONDS;
    double weight = elapsed < window ? elapsed / window : 1;
    pace->done_per_s += weight * (done - pace->done_per_s);
    pace->bytes_per_s += weight * (bytes - pace->bytes_per_s);
    pace->seconds = now->seconds;
    pace->done = now->done;
    pace->body_bytes = now->body_bytes;
}

/* The kind with the most failures among those that come after (`count`, `kind`) in the order
 * "more first, then by number"; 0 if there is none. */
static unsigned next_kind(const struct rf_progress *now, uint64_t count, unsigned kind) {
    unsigned best = 0;
    for (unsigned k = 1; k < RF_KINDS_MAX; k++) {
        uint64_t failed = now->failed_by_kind[k];
        bool after = failed < count || (failed == count && k > kind);
        if (failed && after && (!best || failed > now->failed_by_kind[best])) {
            best = k;
        }
    }
    return best;
}

size_t progress_kinds(char *out, size_t size, size_t used, const struct rf_progress *now,
                      unsigned kinds_max) {
    unsigned kind = next_kind(now, UINT64_MAX, 0);
    for (unsigned i = 0; kind && i < kinds_max; i++) {
        const char *name = rf_kind_name(kind);
        used = text_add(out, size, used, "%s%s %llu", i ? ", " : "", name ? name : "unknown",
                        (unsigned long long)now->failed_by_kind[kind]);
        kind = next_kind(now, now->failed_by_kind[kind], kind);
    }
    return kind ? text_add(out, size, used, ", ...") : used;
}

/* Appends a part if all of it fits into the columns. */
static void add_part(char *out, size_t size, unsigned columns, const char *part) {
    size_t used = strlen(out), count = strlen(part), gap = used ? 2 : 0;
    if (used + gap + count <= columns && used + gap + count < size) {
        snprintf(out + used, size - used, "%s%s", gap ? "  " : "", part);
    }
}

static void part_done(char *part, size_t size, const struct rf_progress *now) {
    unsigned long long done = (unsigned long long)now->done;
    if (now->input_ended && now->queued > 0) {
        snprintf(part, size, "%llu/%llu %u%%", done, (unsigned long long)now->queued,
                 (unsigned)((double)now->done / (double)now->queued * 100));
    } else {
        snprintf(part, size, "%llu done", done);
    }
}

static void part_failed(char *part, size_t size, const struct rf_progress *now) {
    size_t used = text_add(part, size, 0, "%llu failed", (unsigned long long)now->failed);
    char kinds[160] = "";
    if (progress_kinds(kinds, sizeof kinds, 0, now, BAR_KINDS) > 0) {
        text_add(part, size, used, " (%s)", kinds);
    }
}

/* In the order of their worth on a narrow terminal, which is also the order they are shown in. */
char *progress_bar(char *out, size_t size, unsigned columns, const struct rf_progress *now,
                   const struct progress_pace *pace) {
    char part[256], number[32];
    out[0] = '\0';
    part_done(part, sizeof part, now);
    add_part(out, size, columns, part);
    if (now->input_ended && now->queued > now->done && pace->done_per_s > 0) {
        double left = (double)(now->queued - now->done) / pace->done_per_s;
        snprintf(part, sizeof part, "ETA %s", text_clock(number, sizeof number, left));
        add_part(out, size, columns, left < 360000 ? part : "ETA --");
    }
    snprintf(part, sizeof part, "%s/s", text_count(number, sizeof number, pace->done_per_s));
    add_part(out, size, columns, part);
    snprintf(part, sizeof part, "%s/s", text_bytes(number, sizeof number, pace->bytes_per_s));
    add_part(out, size, columns, part);
    snprintf(part, sizeof part, "%llu in flight", (unsigned long long)now->in_flight);
    add_part(out, size, columns, part);
    if (now->failed) {
        part_failed(part, sizeof part, now);
        add_part(out, size, columns, part);
        if (!strstr(out, " failed")) {
            snprintf(part, sizeof part, "%llu failed", (unsigned long long)now->failed);
            add_part(out, size, columns, part);
        }
    }
    if (now->skipped) {
        snprintf(part, sizeof part, "%llu skipped", (unsigned long long)now->skipped);
        add_part(out, size, columns, part);
    }
    return out;
}

/* Of a check alone: anything else has none. */
static size_t add_verdicts(char *out, size_t size, size_t used, const struct rf_progress *now) {
    const char *separator = ",\"by_verdict\":{";
    for (unsigned i = RF_VERDICT_NONE + 1; i < RF_VERDICTS; i++) {
        if (now->by_verdict[i]) {
            used = text_add(out, size, used, "%s\"%s\":%llu", separator,
                            rf_verdict_name((enum rf_verdict)i),
                            (unsigned long long)now->by_verdict[i]);
            separator = ",";
        }
    }
    if (*separator == ',' && !separator[1]) {
        used = text_add(out, size, used, "}");
    }
    if (now->unconfirmed) {
        used = text_add(out, size, used, ",\"unconfirmed\":%llu",
                        (unsigned long long)now->unconfirmed);
    }
    return used;
}

char *progress_json(char *out, size_t size, const struct rf_progress *now) {
    static const char *const numbers =
        "\"done\":%llu,\"ok\":%llu,\"failed\":%llu,\"skipped\":%llu,\"retries\":%llu,"
        "\"body_bytes\":%llu,\"in_flight\":%llu,\"connections\":%llu,\"failed_by_kind\":{";
    size_t used = text_add(out, size, 0, "{\"v\":1,\"seconds\":%.3f,\"queued\":%llu,", now->seconds,
                           (unsigned long long)now->queued);
    used = text_add(out, size, used, "\"input_ended\":%s,", now->input_ended ? "true" : "false");
    used = text_add(out, size, used, numbers, (unsigned long long)now->done,
                    (unsigned long long)now->ok, (unsigned long long)now->failed,
                    (unsigned long long)now->skipped, (unsigned long long)now->retries,
                    (unsigned long long)now->body_bytes, (unsigned long long)now->in_flight,
                    (unsigned long long)now->connections);
    const char *separator = "";
    for (unsigned kind = 1; kind < RF_KINDS_MAX; kind++) {
        const char *name = rf_kind_name(kind);
        if (now->failed_by_kind[kind] && name) {
            used = text_add(out, size, used, "%s\"%s\":%llu", separator, name,
                            (unsigned long long)now->failed_by_kind[kind]);
            separator = ",";
        }
    }
    used = text_add(out, size, used, "}");
    used = add_verdicts(out, size, used, now);
    text_add(out, size, used, "}");
    return out;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void show(struct progress *progress) {
    struct rf_progress now;
    rf_progress(progress->engine, &now);
    if (progress->mode == PROGRESS_JSON) {
        char line[4096];
        console_line("%s", progress_json(line, sizeof line, &now));
        return;
    }
    char line[512];
    progress_pace_update(&progress->pace, &now);
    /* One column stays free: a terminal may wrap at the last. */
    console_bar(progress_bar(line, sizeof line, console_columns() - 1, &now, &progress->pace));
}

static struct timespec later(struct timespec from, unsigned ms) {
    from.tv_nsec += (long)(ms % 1000) * 1000000;
    from.tv_sec += ms / 1000 + from.tv_nsec / 1000000000;
    from.tv_nsec %= 1000000000;
    return from;
}

static void *progress_thread(void *argument) {
    struct progress *progress = argument;
    bool often = progress->mode == PROGRESS_BAR && console_is_terminal();
    pthread_mutex_lock(&progress->lock);
    while (!progress->stopping) {
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        next = later(next, often ? BAR_MS : LINE_MS);
        while (!progress->stopping &&
               pthread_cond_timedwait(&progress->wake, &progress->lock, &next) == 0) {
        }
        if (!progress->stopping) {
            show(progress);
        }
    }
    pthread_mutex_unlock(&progress->lock);
    return NULL;
}

void progress_begin(struct progress *progress, struct rf_engine *engine, enum progress_mode mode) {
    *progress = (struct progress){.engine = engine, .mode = mode};
    if (mode != PROGRESS_BAR && mode != PROGRESS_JSON) {
        return;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&progress->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&progress->lock, NULL);
    /* Signals are for the threads that run the engine. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    progress->running = pthread_create(&progress->thread, NULL, progress_thread, progress) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_end(struct progress *progress) {
    if (!progress->running) {
        return;
    }
    pthread_mutex_lock(&progress->lock);
    progress->stopping = true;
    pthread_cond_signal(&progress->wake);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    pthread_cond_destroy(&progress->wake);
    pthread_mutex_destroy(&progress->lock);
    progress->running = false;
    if (progress->mode == PROGRESS_JSON) {
        show(progress);
    } else {
        console_bar(NULL);
    }
}
