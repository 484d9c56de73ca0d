/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * signals.c: see signals.h. What is watched is static because a handler has no context of its own.
 */
#include "signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static struct rf_engine *_Atomic watched;
static _Atomic(signals_stop_fn *) stop_with; /* NULL: the next signal ends the process */
static _Atomic(signals_last_fn *) last_words;

/* timeout(1) and others send a signal to the process and to its group: two of them within this time are one. */
enum { SAME_SIGNAL_MS = 300 };
static atomic_llong first_ms;

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void end_at_once(enum rf_exit exit) {
    signals_last_fn *last = atomic_load(&last_words);
    if (last) {
        last();
    }
    _exit((int)exit);
}

static void on_signal(int number) {
    enum rf_exit exit = number == SIGINT ? RF_INTERRUPTED : RF_TERMINATED;
    long long now = now_ms(), first = 0;
    if (!atomic_compare_exchange_strong(&first_ms, &first, now)) {
        if (now - first >= SAME_SIGNAL_MS) {
            end_at_once(exit);
        }
        return;
    }
    signals_stop_fn *stop = atomic_exchange(&stop_with, NULL);
    if (!stop) {
        end_at_once(exit);
    }
    stop(exit);
}

void signals_watch_with(signals_stop_fn *stop, signals_last_fn *last) {
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    atomic_store(&first_ms, 0);
    atomic_store(&last_words, last);
    atomic_store(&stop_with, stop);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

static void stop_engine(enum rf_exit exit) {
    rf_stop(atomic_load(&watched), exit);
}

void signals_watch(struct rf_engine *engine) {
    atomic_store(&watched, engine);
    signals_watch_with(stop_engine, NULL);
}

void signals_unwatch(void) {
    atomic_store(&stop_with, NULL);
}
