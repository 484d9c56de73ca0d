/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_world.c: see job_world.h. The sink stands where engine_sink.c stands, and is as unkind as job.h allows; the
 * driver, a timer of the ring, is whoever adds, resumes, cancels and stops.
 */
#include "job_world.h"

#include <string.h>

struct world world;

unsigned below(unsigned count) {
    return (unsigned)random_below(&world.random, count);
}

static bool chance(unsigned of_1000) {
    return of_1000 && below(1000) < of_1000;
}

void print_entry(const struct entry *entry) {
    char text[128];
    fprintf(stderr,
            "job %u: %s %s %s, %u bytes, got %zu, status %u, %u attempts, asked %u, %" PRIu64
            " to %" PRIu64 " us, %s at stage %s\n",
            entry->id, entry->method, model_name(entry->behaviour), entry->host, entry->bytes,
            entry->got, entry->status, entry->attempts, world.model.asked[entry->id],
            entry->first_ns / 1000, entry->ended_ns / 1000, err_text(entry->err, text, sizeof text),
            err_stage_name(entry->err));
}

/* ---- the sink ------------------------------------------------------------------------------------ */

static struct entry *entry_of(const struct job *job) {
    return &world.entry[job->n];
}

static enum sink_answer whim(struct job *job, enum err_kind kind) {
    struct entry *entry = entry_of(job);
    if (chance(world.fail_chance)) {
        job->err = err_make(STAGE_OUTPUT, kind, 0);
        return SINK_FAIL;
    }
    entry->waiting = chance(world.wait_chance);
    return entry->waiting ? SINK_WAIT : SINK_GO;
}

static enum sink_answer prepare(struct job *job) {
    struct entry *entry = entry_of(job);
    EXPECT_OF(entry, !entry->recorded && !entry->first_ns && job->state == JOB_RUNNING);
    entry->first_ns = job->first_ns;
    if (chance(world.skip_chance))
        return SINK_SKIP;
    if (!chance(world.fail_chance))
        return SINK_GO;
    job->err = err_make(STAGE_OUTPUT, ERR_EXISTS, 0);
    return SINK_FAIL;
}

static enum sink_answer begin(struct job *job, const struct response_head *head,
                              const struct response_framing *framing) {
    struct entry *entry = entry_of(job);
    (void)framing;
    EXPECT_OF(entry, entry->first_ns && !entry->begun && !entry->waiting && !entry->recorded);
    EXPECT_OF(entry, head->status >= 200);
    entry->got = 0;
    if (chance(world.skip_chance))
        return SINK_SKIP;
    enum sink_answer answer = whim(job, ERR_DISK_FULL);
    entry->begun = answer != SINK_FAIL;
    return answer;
}

static enum sink_answer body(struct job *job, struct span bytes) {
    struct entry *entry = entry_of(job);
    EXPECT_OF(entry, entry->begun && !entry->waiting && bytes.len);
    unsigned id = entry->id;
    if (entry->behaviour == DO_REDIRECT && job->redirect_count)
        id += MODEL_REDIRECTED;
    if (job->status == 200 || job->status == 404)
        for (size_t i = 0; i < bytes.len; i++)
            EXPECT_OF(entry, bytes.at[i] == model_byte(id, entry->got + i));
    entry->got += bytes.len;
    return whim(job, ERR_DISK_FULL);
}

static enum sink_answer finish(struct job *job) {
    struct entry *entry = entry_of(job);
    EXPECT_OF(entry, entry->begun && !entry->waiting && !entry->recorded);
    return whim(job, ERR_HASH_MISMATCH); /* which a retry may cure */
}

static void discard(struct job *job) {
    struct entry *entry = entry_of(job);
    EXPECT_OF(entry, entry->begun && !entry->recorded);
    entry->begun = entry->waiting = false;
}

static bool is_whole(const struct entry *entry) {
    bool no_body = strcmp(entry->method, "HEAD") == 0 || entry->behaviour == DO_EMPTY;
    if (entry->skipped || no_body || entry->status != 200)
        return true;
    if (entry->behaviour == DO_UNTIL_CLOSE && !world.calm)
        return true; /* a close in the wrong place can't be told from the right one */
    return entry->got == entry->bytes && entry->begun;
}

static void check_times(const struct entry *entry) {
    const struct sched_options *options = &world.sched_options;
    uint64_t took = entry->ended_ns - entry->first_ns;
    if (!entry->first_ns)
        return;
    if (options->total_time_ns)
        EXPECT_OF(entry, took <= options->total_time_ns + LATE_MS * NS_PER_MS);
    EXPECT_OF(entry, entry->attempts <= options->retries + 1);
}

static void record(struct job *job) {
    struct entry *entry = entry_of(job);
    EXPECT_OF(entry, !entry->recorded && entry->job == job);
    entry->recorded = true;
    entry->order = world.recorded++;
    entry->ended_ns = job->ended_ns;
    entry->err = job->err;
    entry->ok = !err_is(job->err);
    entry->skipped = job->skipped;
    entry->attempts = job->attempts;
    entry->status = job->status;
    entry->job = NULL;
    EXPECT_OF(entry, entry->ok || !entry->begun);
    EXPECT_OF(entry, !entry->ok || is_whole(entry));
    EXPECT_OF(entry, entry->ok || job->err.stage != STAGE_NONE);
    check_times(entry);
    /* Nothing is asked twice that must not be. A loop comes back as GET. */
    if (strcmp(entry->method, "POST") == 0 && !world.sched_options.retry_all &&
        entry->behaviour != DO_REDIRECT_LOOP)
        EXPECT_OF(entry, world.model.asked[entry->id] <= 1);
}

static const struct job_sink sink = {prepare, begin, body, finish, discard, record, NULL};

/* ---- jobs ---------------------------------------------------------------------------------------- */

void entry_init(struct entry *entry, unsigned id) {
    static const char *const methods[] = {"GET", "GET", "GET", "HEAD", "POST"};
    static const char *const good[] = {"192.0.2.1", "192.0.2.2", "two.test"};
    static const char *const bad[] = {"192.0.2.7", "192.0.2.9", "dead.test"};
    *entry = (struct entry){.id = id, .method = methods[below(5)]};
    entry->behaviour = (enum behaviour)below(BEHAVIOUR_COUNT);
    entry->bytes = below(below(4) ? 300 : 20000);
    entry->host = below(3) ? good[0] : below(4) ? good[below(3)] : bad[below(3)];
}

static void add(struct entry *entry) {
    char text[128], href[256];
    struct url url;
    snprintf(text, sizeof text, "http://%s/%u/%u/%u", entry->host, entry->behaviour, entry->bytes,
             entry->id);
    EXPECT(url_parse(&url, span_text(text), NULL, href, sizeof href) == URL_OK);
    struct job *job = job_new(&world.memory, span_text(text), &url, ERR_OK);
    job->n = entry->id;
    job->read_ns = ring_now(world.ring);
    entry->job = job;
    struct span header = span_text("X-Header: value"),
                content = strcmp(entry->method, "POST") ? span_of(NULL, 0) : span_of("", 0);
    if (strcmp(entry->method, "GET") || below(2))
        job_set_spec(&world.memory, job, &world.spec, entry->method, &header, 1, content);
    world.added++;
    sched_add(&world.sched, job);
}

/* ---- a run ------------------------------------------------------------------------------------------ */

static void meddle(struct entry *entry) {
    struct err err = err_make(STAGE_LOCAL, ERR_CANCELLED, 0);
    if (!entry->job)
        return;
    if (entry->waiting && below(2)) {
        entry->waiting = false;
        sched_resume(&world.sched, entry->job);
    } else if (!world.calm && below(600) == 0) {
        bool cancels = entry->job->state != JOB_FINISHING;
        sched_cancel(&world.sched, entry->job, err);
        EXPECT_OF(entry, entry->recorded == cancels);
    }
}

void stop_everything(void) {
    world.stopped = true;
    sched_stop(&world.sched, err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0));
    for (unsigned i = 0; i < world.added; i++)
        EXPECT_OF(&world.entry[i],
                  world.entry[i].recorded || world.entry[i].job->state == JOB_FINISHING);
}

static void drive(struct ring_timer *timer) {
    while (world.added < world.wanted && (world.calm || below(4)))
        add(&world.entry[world.added]);
    for (unsigned i = 0; i < world.added; i++)
        meddle(&world.entry[i]);
    if (!world.calm && !world.stopped && below(1500) == 0)
        stop_everything();
    if (world.recorded < world.wanted)
        ring_timer_set(world.ring, timer, ring_now(world.ring) + below(40) * NS_PER_MS);
}

static void on_due(struct ring_timer *timer) {
    (void)timer;
}

static bool hand_over(struct sched *sched, struct job *job) {
    EXPECT(sched == &world.sched && job->state == JOB_NEW && !job->host);
    EXPECT(!err_is(job->err)); /* or its next scheduler would end it */
    return false;
}

static void wake_starving(struct job_shared *shared) {
    EXPECT(shared == &world.shared);
}

static void check_limits(void) {
    const struct sched *sched = &world.sched;
    unsigned in_flight = 0;
    for (size_t i = 0; i < sched->bucket_count; i++) {
        for (const struct host *host = sched->buckets[i]; host; host = host->next) {
            EXPECT(host->in_flight <= world.sched_options.per_host);
            in_flight += host->in_flight;
        }
    }
    EXPECT(in_flight == sched->running && in_flight == atomic_load(&world.shared.in_flight));
    EXPECT(in_flight <= world.shared.concurrency);
}

void turn(void) {
    ring_turn(world.ring, true);
    sched_run(&world.sched, ring_now(world.ring));
    check_limits();
    uint64_t due = sched_due_ns(&world.sched);
    if (due != UINT64_MAX)
        ring_timer_set(world.ring, &world.due, due);
}

void draw_options(void) {
    world.sched_options = (struct sched_options){
        .per_host = 1 + below(5),
        .host_interval_ns = below(4) ? 0 : 70 * NS_PER_MS,
        .max_time_ns = below(3) ? 0 : 4 * NS_PER_S,
        .total_time_ns = below(3) ? 0 : 7 * NS_PER_S,
        .retries = below(4),
        .retry_delay_ns = below(2) ? 0 : 200 * NS_PER_MS,
        .retry_max_time_ns = below(4) ? 0 : 6 * NS_PER_S,
        .retry_all = !below(3),
        .redirects_max = below(6),
        .fail_on_status = below(2),
        .filesize_max = below(8) ? 0 : 500,
    };
    world.shared = (struct job_shared){
        .concurrency = 1 + below(12),
        .start_interval_ns = below(4) ? 0 : 30 * NS_PER_MS,
        .limit_rate_bytes = below(4) ? 0 : 50000,
    };
    world.wait_chance = below(2) ? 0 : below(400);
    world.fail_chance = below(2) ? 0 : below(100);
    world.skip_chance = below(4) ? 0 : below(200);
}

void calm_options(void) {
    world.sched_options = (struct sched_options){.per_host = 32, .redirects_max = 10};
    world.shared = (struct job_shared){.concurrency = 256};
}

/* Whether a connect's EADDRNOTAVAIL was for want of ports. */
static bool has_source(const struct address *to, const char *interface) {
    (void)to;
    (void)interface;
    return random_below(&world.random, 2);
}

static void open_network(void) {
    static const char *const resolve[] = {"two.test:80:192.0.2.1,192.0.2.2",
                                          "dead.test:80:192.0.2.9,192.0.2.7", NULL};
    struct ring_options ring_options;
    struct resolver_options resolver = {.resolve = resolve};
    struct conn_pool_options conns = {.connect_timeout_ns = CONNECT_TIMEOUT_S * NS_PER_S,
                                      .stall_ns = STALL_S * NS_PER_S,
                                      .idle_ns = 4 * NS_PER_S,
                                      .idle_max = 4,
                                      .has_source = has_source};
    char why[256] = "";
    ring_options_init(&ring_options, SLOTS);
    ring_options.slots = SLOTS;
    ring_options.buffer_bytes = 1024;
    sim_configure(&world.options);
    sim_listen("192.0.2.1", 80, &http_model_ops, &world.model);
    sim_listen("192.0.2.2", 80, &http_model_ops, &world.model);
    sim_blackhole("192.0.2.9");
    http_model_init(&world.model, world.seed);
    EXPECT(ring_open(&world.ring, &ring_options) == 0);
    EXPECT(resolver_open(&world.resolver, world.ring, &resolver, why, sizeof why) == 0);
    EXPECT(conn_pool_open(&world.conns, world.ring, world.resolver, &world.memory, &conns, why,
                          sizeof why) == 0);
}

/* Call draw_options or calm_options behind it, then open_sched. */
void open_world(const struct sim_options *options, bool calm) {
    world = (struct world){.seed = options->seed, .options = *options, .calm = calm};
    world.options.limit_s = 3600;
    random_seed(&world.random, options->seed);
    pool_depot_init(&world.depot);
    pool_init(&world.memory, &world.depot);
    open_network();
}

void open_sched(void) {
    world.shared.hand_over = hand_over;
    world.shared.wake_starving = wake_starving;
    sched_init(&world.sched, world.conns, &world.memory, &world.sched_options, &sink, &world.shared,
               &world.spec, world.seed);
    ring_timer_init(&world.driver, drive);
    ring_timer_init(&world.due, on_due);
    ring_timer_set(world.ring, &world.driver, ring_now(world.ring));
}

void close_world(void) {
    ring_timer_stop(&world.driver);
    ring_timer_stop(&world.due);
    conn_pool_stop(world.conns);
    resolver_stop(world.resolver);
    while (!conn_pool_is_empty(world.conns) || !resolver_is_idle(world.resolver))
        ring_turn(world.ring, true);
    EXPECT(ring_slots_used(world.ring) == 0);
    EXPECT(world.sched.running == 0 && world.sched.counts.ended == world.added);
    sched_deinit(&world.sched);
    conn_pool_close(world.conns);
    resolver_close(world.resolver);
    ring_close(world.ring);
    EXPECT(world.model.peers == 0);
    EXPECT(world.memory.live_bytes == 0);
    pool_depot_deinit(&world.depot);
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0);
}

void run_to_end(unsigned jobs) {
    world.wanted = jobs;
    while (world.recorded < world.wanted)
        turn();
    EXPECT(world.added == world.recorded);
}
