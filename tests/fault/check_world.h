/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_world.h: the world of job_world.h with check rules: URLs of check_model.h's servers, each perhaps with a method or an expectation of
 * its own, and a sink that keeps failures and gives them back as jobs of a confirm pass, as the engine does. What holds whatever happens is
 * checked as each target is recorded: once, within the limits, with the verdict that its passes' ends lead to.
 */
#ifndef FAULT_CHECK_WORLD_H
#define FAULT_CHECK_WORLD_H

#include "check_model.h"
#include "engine.h"
#include "job_world.h"

enum { TARGETS_MAX = 100, PASSES_MAX = 3 };

enum wish {
    WISH_NONE,
    WISH_STATUS_404,
    WISH_STATUS_WELL, /* 2xx or 302 */
    WISH_ID,          /* a field that pages have */
    WISH_NO_FIELD,    /* one that none has */
    WISH_NEEDLE,
    WISH_NO_NEEDLE,
    WISH_TITLE,
    WISH_WHOLE, /* the body's length */
    WISH_HOST,  /* where redirects lead */
    WISH_SOON,  /* within an hour */
    WISH_COUNT
};

struct target {
    struct job *job; /* NULL: recorded, or kept for a pass */
    struct page page;
    const char *host;
    const char *method; /* NULL: not said */
    enum wish wish;
    int64_t size; /* -1: not said */
    bool kept, recorded, cancelled, skipped;
    unsigned id, passes, attempts, status, redirects;
    struct err end[PASSES_MAX + 1]; /* of each pass */
    unsigned end_status[PASSES_MAX + 1];
    struct address avoid;
    bool has_avoid;
    enum rf_verdict verdict;
    uint64_t body_bytes, first_ns, ended_ns;
    char why[128], content_type[32];
};

extern struct check_world {
    struct check_model model;
    struct check_rules rules;
    struct target target[TARGETS_MAX];
    unsigned wanted, added, recorded, kept, passes_begun;
    unsigned confirms;
    bool gentle; /* no fault of the network, nobody meddles */
} checks;

#define EXPECT_OF_TARGET(target, condition)                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_target(target);                                                                  \
            EXPECT(condition);                                                                     \
        }                                                                                          \
    } while (0)

void print_target(const struct target *target);
/* The body, or its beginning, is judged. */
bool wish_needs_body(enum wish wish);
/* The end of the target's last pass. */
struct err target_end(const struct target *target);
void target_init(struct target *target, unsigned id);

/* In this order: open_world, options, open_checks, targets, run_checks, close_world. */
void open_checks(void);
void run_checks(unsigned count);
/* As the engine does when it is interrupted. */
void stop_checks(void);

#endif
