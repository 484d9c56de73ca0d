/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fake_load.h: the public API of load without any, for tests of `ringfetch bench`. It remembers what it was asked in `fake_load`, adds its
 * calls to fake.calls, and its rf_load_run plays the samples and figures that a test put there. One thread.
 */
#ifndef TESTS_FAKE_LOAD_H
#define TESTS_FAKE_LOAD_H

#include <ringfetch/load.h>

enum { FAKE_REQUESTS_MAX = 32, FAKE_RAMP_MAX = 8, FAKE_SAMPLES_MAX = 16 };

/* What rf_load_add was told; texts are "" where nothing was said, lists are joined by '|'. */
struct fake_load_request {
    enum rf_side side;
    char name[64], method[16], url[256], headers[256], body[256], expect[256];
    size_t body_bytes;
    double weight;
    bool raw;
};

struct fake_load {
    /* what the test decides */
    enum rf_exit open_exit, add_exit, run_exit;
    const char *why; /* for the three refusals; NULL: "" */
    struct rf_load_figures figures[RF_SIDES];
    struct rf_load_machine machine;
    struct rf_comparison comparison; /* of both sides, and of blocks */
    bool compare_fails;
    struct rf_load_sample samples[FAKE_SAMPLES_MAX];
    unsigned sample_count;
    void (*before_run)(void), (*between_samples)(unsigned played);
    unsigned signals; /* rf_load_run raises SIGINT so often */
    /* what it was asked */
    struct rf_settings settings; /* strings are the caller's: look in before_run */
    struct rf_load_settings load_settings;
    struct rf_ramp ramp[FAKE_RAMP_MAX];
    struct fake_load_request requests[FAKE_REQUESTS_MAX];
    unsigned request_count;
    const struct rf_load_block *compared[RF_SIDES]; /* as rf_compare_blocks got them */
    enum rf_exit stopped_with;
};
extern struct fake_load fake_load;

/* Everything zero; fake_reset does it. */
void fake_load_reset(void);

#endif
