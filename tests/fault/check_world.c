/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_world.c: see check_world.h. The sink stands where engine_sink.c and engine_confirm.c stand; the driver adds, cancels, stops and begins
 * the passes.
 */
#include "check_world.h"

#include <errno.h>
#include <string.h>

struct check_world checks;

struct err target_end(const struct target *target) {
    return target->end[target->passes];
}

void print_target(const struct target *target) {
    char text[128], url[256];
    page_url(&target->page, target->host, url, sizeof url);
    fprintf(stderr,
            "target %u: %s %s, wish %u, size %" PRId64 ", sniff %" PRIu64 ", asked %u HEAD %u GET\n"
            "  pass %u of %u, %u attempts, status %u, %" PRIu64 " bytes, verdict %s, \"%s\"\n",
            target->id, target->method ? target->method : "-", url, target->wish, target->size,
            checks.rules.sniff_bytes, checks.model.heads[target->id], checks.model.gets[target->id],
            target->passes, checks.confirms, target->attempts, target->status, target->body_bytes,
            rf_verdict_name(target->verdict), target->why);
    for (unsigned i = 0; i <= target->passes; i++)
        fprintf(stderr, "  end %u: %s, at stage %s\n", i,
                err_text(target->end[i], text, sizeof text), err_stage_name(target->end[i]));
}

bool wish_needs_body(enum wish wish) {
    return wish == WISH_NEEDLE || wish == WISH_NO_NEEDLE || wish == WISH_TITLE ||
           wish == WISH_WHOLE;
}

/* ---- the verdict, once more ------------------------------------------------------------------------ */

static bool says_something(struct err err) {
    return err_is(err) && err_fault(err) == FAULT_TARGET && err.kind != ERR_TIMED_OUT &&
           err.kind != ERR_STALLED && err.kind != ERR_UNREACHABLE;
}

static enum rf_verdict verdict_due(const struct target *target) {
    struct err end = target_end(target);
    unsigned status = target->end_status[target->passes];
    bool refused = false;
    for (unsigned i = 0; i < target->passes; i++)
        refused |= says_something(target->end[i]);
    if (target->skipped)
        return RF_VERDICT_OK;
    if (!err_is(end))
        return refused ? RF_VERDICT_FLAKY : RF_VERDICT_OK;
    if (err_fault(end) != FAULT_TARGET)
        return RF_VERDICT_INCONCLUSIVE;
    return end.kind == ERR_HTTP_STATUS && status == 403 ? RF_VERDICT_BLOCKED : RF_VERDICT_DEAD;
}

/* ---- the sink ---------------------------------------------------------------------------------------- */

static struct target *target_of(const struct job *job) {
    return &checks.target[job->n];
}

static enum sink_answer prepare(struct job *job) {
    struct target *target = target_of(job);
    EXPECT_OF_TARGET(target, !target->recorded && !target->kept && job->state == JOB_RUNNING);
    target->first_ns = job->first_ns;
    if (checks.gentle || below(100))
        return SINK_GO;
    target->skipped = true; /* known from an earlier run */
    job->is_cached = true;
    return SINK_SKIP;
}

static void check_end(struct target *target, const struct job *job) {
    const struct check_rules *rules = &checks.rules;
    const struct job_extra *extra = job->extra;
    bool whole = target->wish == WISH_WHOLE || target->size >= 0;
    EXPECT_OF_TARGET(target, target->job == job && !target->recorded && !target->kept);
    if (whole)
        EXPECT_OF_TARGET(target, job->body_bytes <= target->page.bytes);
    else
        EXPECT_OF_TARGET(target, job->body_bytes <= rules->sniff_bytes);
    if (extra)
        EXPECT_OF_TARGET(target, extra->kept_bytes <= rules->sniff_bytes);
    EXPECT_OF_TARGET(target, job->attempts <= world.sched_options.retries + 1);
    EXPECT_OF_TARGET(target, !job->begun);
    target->job = NULL;
    target->passes = extra ? extra->passes : 0;
    target->end[target->passes] = job->err;
    target->end_status[target->passes] = job->status;
    target->body_bytes = job->body_bytes;
    target->attempts = job->attempts;
    target->status = job->status;
    target->redirects = job->redirect_count;
    target->ended_ns = job->ended_ns;
    snprintf(target->why, sizeof target->why, "%s", job->why ? job->why : "");
    snprintf(target->content_type, sizeof target->content_type, "%s",
             job->content_type ? job->content_type : "");
}

static void record(struct job *job) {
    struct target *target = target_of(job);
    check_end(target, job);
    target->recorded = true;
    checks.recorded++;
    target->verdict = check_verdict(job);
    if (job->is_unconfirmed)
        EXPECT_OF_TARGET(target, target->verdict == RF_VERDICT_INCONCLUSIVE);
    else
        EXPECT_OF_TARGET(target, target->verdict == verdict_due(target));
}

/* Also when the disk is full: then the first verdict stands. */
static bool postpone(struct job *job) {
    struct target *target = target_of(job);
    unsigned passes = job->extra ? job->extra->passes : 0;
    if (world.stopped || passes >= checks.confirms || job->err.kind == ERR_CANCELLED ||
        job->err.kind == ERR_INTERRUPTED || (!checks.gentle && below(20) == 0))
        return false;
    check_end(target, job);
    target->avoid = job->exchange.address;
    target->has_avoid = target->avoid.any.sa_family != AF_UNSPEC;
    target->kept = true;
    checks.kept++;
    return true;
}

static const struct job_sink check_sink = {
    .prepare = prepare, .record = record, .postpone = postpone};

/* ---- jobs ---------------------------------------------------------------------------------------------- */

void target_init(struct target *target, unsigned id) {
    static const char *const good[] = {"192.0.2.1:81", "192.0.2.2:81"};
    static const char *const bad[] = {"192.0.2.7:81", "192.0.2.9:81", "192.0.2.8:81"};
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    struct page page = {.id = id, .framing = (enum page_framing)below(PAGE_FRAMINGS)};
    page.head = below(3) ? HEAD_AS_GET : (enum head_does)below(HEAD_DOES_COUNT);
    page.get = below(2) ? GET_200 : (enum get_does)below(GET_DOES_COUNT);
    page.bytes = PAGE_BYTES_MIN + below(below(4) ? 2000 : below(8) ? 30000 : 200000);
    page.needle_at = below(4) ? 60 + below(page.bytes - 66) : page.bytes;
    *target = (struct target){
        .page = page,
        .id = id,
        .host = below(8) ? good[below(2)] : bad[below(3)],
        .method = below(4) ? NULL : methods[below(3)],
        .wish = below(2) ? WISH_NONE : (enum wish)below(WISH_COUNT),
        .size = below(12) ? -1 : (int64_t)(page.bytes + below(2)),
    };
}

static void set_wish(struct job *job, const struct target *target) {
    const struct page *page = &target->page;
    char text[128] = "", why[256];
    switch (target->wish) {
    case WISH_STATUS_404:
        snprintf(text, sizeof text, "status = 404");
        break;
    case WISH_STATUS_WELL:
        snprintf(text, sizeof text, "status in 200-299,302");
        break;
    case WISH_ID:
        snprintf(text, sizeof text, "header x-id = %u", page->id);
        break;
    case WISH_NO_FIELD:
        snprintf(text, sizeof text, "header x-none exists");
        break;
    case WISH_NEEDLE:
        snprintf(text, sizeof text, "body contains %s", PAGE_NEEDLE);
        break;
    case WISH_NO_NEEDLE:
        snprintf(text, sizeof text, "body lacks %s", PAGE_NEEDLE);
        break;
    case WISH_TITLE:
        snprintf(text, sizeof text, "title = page %u", page->id);
        break;
    case WISH_WHOLE:
        snprintf(text, sizeof text, "body_bytes = %u", page->bytes);
        break;
    case WISH_HOST:
        snprintf(text, sizeof text, "final_host = 192.0.2.2");
        break;
    case WISH_SOON:
        snprintf(text, sizeof text, "total_ms < 3600000\nredirects <= 20");
        break;
    default:
        return;
    }
    EXPECT(job_set_expect(&world.memory, job, span_text(text), why, sizeof why));
}

static struct job *make_job(struct target *target) {
    char text[256], href[300];
    struct url url;
    page_url(&target->page, target->host, text, sizeof text);
    EXPECT(url_parse(&url, span_text(text), NULL, href, sizeof href) == URL_OK);
    struct job *job = job_new(&world.memory, span_text(text), &url, ERR_OK);
    job->n = target->id;
    job->size = target->size;
    job->read_ns = ring_now(world.ring);
    set_wish(job, target);
    if (target->method)
        job_set_spec(&world.memory, job, &world.spec, target->method, NULL, 0,
                     strcmp(target->method, "POST") ? span_of(NULL, 0) : span_of("", 0));
    target->job = job;
    return job;
}

static void add(struct target *target) {
    struct job *job = make_job(target);
    checks.added++;
    world.added++;
    sched_add(&world.sched, job);
}

/* What it failed with comes back as engine_confirm.c brings it. */
static void add_again(struct target *target, bool gives_up) {
    struct job *job = make_job(target);
    struct job_extra *extra = job_extra_of(&world.memory, job);
    unsigned heads = checks.model.heads[target->id];
    extra->passes = (uint16_t)(target->passes + !gives_up);
    extra->first_err = target->end[0];
    extra->first_status = (uint16_t)target->end_status[0];
    for (unsigned i = 0; i <= target->passes; i++)
        extra->was_answered |= check_is_answer(target->end[i]);
    extra->avoid = target->avoid;
    extra->has_avoid = target->has_avoid;
    if (gives_up) {
        job->decided = job->is_unconfirmed = true;
        job->err = extra->first_err;
        job->status = extra->first_status;
    }
    target->kept = false;
    checks.kept--;
    sched_add(&world.sched, job);
    EXPECT_OF_TARGET(target, target->recorded == gives_up || world.stopped);
    EXPECT_OF_TARGET(target, checks.model.heads[target->id] == heads);
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

static void meddle(struct target *target) {
    if (!target->job || checks.gentle || below(800))
        return;
    target->cancelled = true;
    sched_cancel(&world.sched, target->job, err_make(STAGE_LOCAL, ERR_CANCELLED, 0));
    EXPECT_OF_TARGET(target, target->recorded && target_end(target).kind == ERR_CANCELLED);
}

void stop_checks(void) {
    world.stopped = true;
    sched_stop(&world.sched, err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0));
    for (unsigned i = 0; i < checks.added; i++) {
        if (checks.target[i].kept)
            add_again(&checks.target[i], true);
        EXPECT_OF_TARGET(&checks.target[i], checks.target[i].recorded);
    }
}

static void drive(struct ring_timer *timer) {
    while (checks.added < checks.wanted && (checks.gentle || below(4)))
        add(&checks.target[checks.added]);
    for (unsigned i = 0; i < checks.added; i++)
        meddle(&checks.target[i]);
    bool ended = checks.added == checks.wanted && checks.recorded + checks.kept == checks.wanted;
    if (ended && checks.kept) {
        checks.passes_begun++;
        for (unsigned i = 0; i < checks.added; i++)
            if (checks.target[i].kept)
                add_again(&checks.target[i], false);
    }
    if (!checks.gentle && !world.stopped && below(1000) == 0)
        stop_checks();
    if (checks.recorded < checks.wanted)
        ring_timer_set(world.ring, timer, ring_now(world.ring) + below(40) * NS_PER_MS);
}

void open_checks(void) {
    check_model_init(&checks.model, world.seed);
    sim_listen("192.0.2.1", 81, &check_model_ops, &checks.model);
    sim_listen("192.0.2.2", 81, &check_model_ops, &checks.model);
    sim_unreachable("192.0.2.8", ENETUNREACH);
    world.sched_options.check = &checks.rules;
    open_sched();
    world.sched.sink = &check_sink;
    ring_timer_stop(&world.driver);
    ring_timer_init(&world.driver, drive);
    ring_timer_set(world.ring, &world.driver, ring_now(world.ring));
}

void run_checks(unsigned count) {
    checks.wanted = count;
    while (checks.recorded < checks.wanted)
        turn();
    EXPECT(checks.kept == 0 && checks.passes_begun <= checks.confirms);
}
