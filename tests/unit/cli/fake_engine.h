/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fake_engine.h: the public API without an engine, for tests of the command line. It remembers what
 * it was asked in `fake`, and its rf_run plays the results that a test put there. One thread, but
 * for rf_progress.
 */
#ifndef TESTS_FAKE_ENGINE_H
#define TESTS_FAKE_ENGINE_H

#include <ringfetch/output.h>
#include <ringfetch/ringfetch.h>

enum { FAKE_MAX = 32, FAKE_WRONG_HOST = 6 /* a kind of stage tls */ };

struct fake {
    /* what the test decides */
    enum rf_exit open_exit, output_exit, input_exit, run_exit, close_exit;
    const char *why; /* for the three refusals */
    struct rf_result results[FAKE_MAX];
    unsigned result_count, result_repeats; /* rf_run plays all of them so many times */
    struct rf_progress progress;
    unsigned signals; /* rf_run raises SIGINT so often */
    struct rf_result (*answers)(
        const char *url); /* what becomes of rf_submit's; NULL: an empty result */
    /* what it was asked */
    struct rf_settings settings; /* strings are the caller's: look before cmd_get returns */
    char calls[1024];            /* "open;output files:.;url http://x/;run;close;" */
    bool has_callback, failures_only;
    enum rf_exit stopped_with;
};
extern struct fake fake;

/* Everything zero. */
void fake_reset(void);
/* Adds "what detail;" to fake.calls. */
void fake_note(const char *what, const char *detail);

/* Runs `call` with stdout and stderr in files, and returns what they got; valid until the next
 * call. */
struct fake_printed {
    int status;
    const char *out, *err;
};
struct fake_printed fake_run(int (*call)(int argc, char **argv), const char *const *words);

#endif
