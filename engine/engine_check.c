/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_check.c: what a check run says of a URL: the verdict, from what the passes found.
 *
 * A verdict must not depend on how many requests were in flight. So an attempt that merely ran out of time is no answer: if a later one does
 * well, the URL is well and not flaky; and what this machine is to blame for says nothing of the target.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "output/text.h"

/* There, but not for us. */
static bool is_blocked_status(unsigned status) {
    return status == 401 || status == 403 || status == 407 || status == 429 || status == 451;
}

/* What one pass found. */
static enum rf_verdict verdict_of(struct err err, unsigned status) {
    if (!err_is(err))
        return RF_VERDICT_OK;
    if (err.stage == STAGE_INPUT && err_fault(err) == FAULT_POLICY)
        return RF_VERDICT_DEAD; /* no URL leads nowhere */
    if (err_fault(err) != FAULT_TARGET)
        return RF_VERDICT_INCONCLUSIVE;
    return err.kind == ERR_HTTP_STATUS && is_blocked_status(status) ? RF_VERDICT_BLOCKED
                                                                    : RF_VERDICT_DEAD;
}

bool check_is_answer(struct err err) {
    return err_is(err) && err_fault(err) == FAULT_TARGET && err.kind != ERR_TIMED_OUT &&
           err.kind != ERR_STALLED && err.kind != ERR_UNREACHABLE;
}

bool job_asks_its_own(const struct job *job) {
    return job->own_spec || job->size >= 0 || job->sha256 || (job->extra && job->extra->expect);
}

enum rf_verdict check_verdict(const struct job *job) {
    const struct job_extra *extra = job->extra;
    if (job->skipped)
        return job->is_cached ? RF_VERDICT_OK : RF_VERDICT_SKIPPED;
    if (job->is_unconfirmed)
        return RF_VERDICT_INCONCLUSIVE;
    enum rf_verdict last = verdict_of(job->err, job->status);
    bool was_answered = extra && extra->passes && extra->was_answered;
    return last == RF_VERDICT_OK && was_answered ? RF_VERDICT_FLAKY : last;
}

static void refuse_expect(struct pool *pool, struct job *job, const char *why) {
    int32_t line = (int32_t)(job->line <= INT32_MAX ? job->line : INT32_MAX);
    job->err = err_make(STAGE_INPUT, ERR_BAD_JSON, line);
    job_set_text(pool, &job->why, span_text(why));
}

void check_set_expect(const struct rf_engine *engine, struct pool *pool, struct job *job,
                      const struct span *expect, unsigned count) {
    struct text lines = {0};
    char phrase[WHY_BYTES / 2], why[WHY_BYTES];
    if (!engine->settings.check) {
        refuse_expect(pool, job, "\"expect\" is for checks: nothing judges a fetched body");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (i)
            text_put(&lines, "\n", 1);
        text_put(&lines, expect[i].at, expect[i].len);
    }
    if (!job_set_expect(pool, job, span_of(lines.at, lines.len), phrase, sizeof phrase)) {
        snprintf(why, sizeof why, "\"expect\": %s", phrase);
        refuse_expect(pool, job, why);
    }
    free(lines.at);
}

enum rf_exit check_settings(struct rf_engine *engine, char *why, size_t why_size) {
    const struct rf_settings *settings = &engine->settings;
    if (!settings->check && (settings->expect || settings->title)) {
        snprintf(why, why_size, "expectations and titles are for check runs");
        return RF_USAGE;
    }
    if (!settings->check)
        return RF_OK;
    char phrase[WHY_BYTES / 2];
    engine->expect = expect_new();
    for (const char *const *at = settings->expect; at && *at; at++) {
        if (!expect_add(engine->expect, *at, phrase, sizeof phrase)) {
            snprintf(why, why_size, "expectation \"%.200s\": %s", *at, phrase);
            return RF_USAGE;
        }
    }
    engine->rules = (struct check_rules){
        .expect = engine->expect,
        .sniff_bytes = settings->sniff_bytes,
        .title = settings->title,
        .confirms = settings->confirms,
    };
    return RF_OK;
}
