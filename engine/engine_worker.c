/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_worker.c: a worker's thread: builds its rooms on its own ring, then turns the loop until the engine closes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine.h"
#include "job/loan.h"

enum { SAMPLE_MS = 10, BUSY_PERCENT = 70, ROOM_MS = 20 };

/* ---- the inbox ------------------------------------------------------------------------------------- */

void worker_wake(struct worker *worker) {
    atomic_store(&worker->posted, true);
    ring_wake(worker->ring);
}

/* Moves a whole list. */
static void list_take(struct link *to, struct link *from) {
    list_init(to);
    if (list_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    list_init(from);
}

void worker_post(struct worker *worker, struct link *jobs) {
    struct link taken;
    list_take(&taken, jobs);
    pthread_mutex_lock(&worker->lock);
    for (struct link *link; (link = list_pop_front(&taken));)
        list_push_back(&worker->inbox, link);
    pthread_mutex_unlock(&worker->lock);
    worker_wake(worker);
}

static void take_job(struct worker *worker, struct link *link) {
    struct job *job = LIST_ENTRY(link, struct job, link);
    if (!submission_arrived(job, worker))
        job->err = err_make(STAGE_LOCAL, ERR_CANCELLED, 0);
    sched_add(&worker->sched, job);
}

static void take_loan(struct worker *worker, struct loan *loan) {
    for (struct link *link = loan->jobs.next; link != &loan->jobs; link = link->next) {
        struct job *job = LIST_ENTRY(link, struct job, link);
        if (!submission_arrived(job, worker))
            job->err = err_make(STAGE_LOCAL, ERR_CANCELLED, 0);
    }
    loan_take(&worker->sched, loan);
}

static void empty_inbox(struct worker *worker) {
    struct link jobs, loans, resumed;
    if (!atomic_exchange(&worker->posted, false))
        return;
    pthread_mutex_lock(&worker->lock);
    list_take(&jobs, &worker->inbox);
    list_take(&loans, &worker->loans);
    list_take(&resumed, &worker->resumed);
    pthread_mutex_unlock(&worker->lock);
    for (struct link *link; (link = list_pop_front(&jobs));)
        take_job(worker, link);
    for (struct link *link; (link = list_pop_front(&loans));)
        take_loan(worker, LIST_ENTRY(link, struct loan, link));
    /* A job's end takes its streams off this list too, under the lock as everybody does. */
    for (;;) {
        pthread_mutex_lock(&worker->lock);
        struct link *link = list_pop_front(&resumed);
        pthread_mutex_unlock(&worker->lock);
        if (!link)
            break;
        sink_resumed(worker, link);
    }
    submissions_cancel(worker);
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

static void on_sched_timer(struct ring_timer *timer) {
    (void)timer; /* its firing ends the turn, and that is all that is wanted */
}

static void on_flush_timer(struct ring_timer *timer) {
    struct rf_engine *engine = CONTAINER_OF(timer, struct worker, flush_timer)->engine;
    pthread_mutex_lock(&engine->outputs_lock);
    for (unsigned i = 0; i < engine->output_count; i++)
        if (engine->output[i].ops->flush)
            engine->output[i].ops->flush(engine->output[i].self);
    pthread_mutex_unlock(&engine->outputs_lock);
}

void worker_publish(struct worker *worker) {
    const struct sched_counts *counts = &worker->sched.counts;
    atomic_store_explicit(&worker->body_bytes, counts->body_bytes, memory_order_relaxed);
    atomic_store_explicit(&worker->skipped, counts->skipped, memory_order_relaxed);
    atomic_store_explicit(&worker->retries, counts->retries, memory_order_relaxed);
    atomic_store_explicit(&worker->connections, conn_pool_connections(worker->conns),
                          memory_order_relaxed);
}

static void worker_stop_jobs(struct worker *worker) {
    worker->stopped = true;
    sched_stop(&worker->sched, err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0));
}

static uint64_t thread_cpu_ns(void) {
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec;
}

/* Looked at every 10 ms, as the clock costs a system call. */
static bool is_saturated(struct worker *worker) {
    uint64_t now = ring_now(worker->ring), wall = now - worker->sampled_ns;
    if (wall >= SAMPLE_MS * NS_PER_MS) {
        uint64_t cpu = thread_cpu_ns();
        worker->saturated = (cpu - worker->sampled_cpu_ns) * 100 >= wall * BUSY_PERCENT;
        worker->sampled_ns = now;
        worker->sampled_cpu_ns = cpu;
    }
    return worker->saturated;
}

/* Offers help, or asks for it. Returns when it wants to ask again; nobody says that there is room. */
static uint64_t share_work(struct worker *worker) {
    struct sched *sched = &worker->sched;
    bool dry = sched->running == 0 && list_is_empty(&sched->ready);
    atomic_store_explicit(&sched->dry, dry, memory_order_relaxed);
    sched_offer_room(sched);
    if (UNLIKELY(sched_is_full(sched)))
        return ring_now(worker->ring) + (loan_for_room(sched) ? 0 : ROOM_MS * NS_PER_MS);
    if (!dry && is_saturated(worker))
        loan_consider(sched);
    return UINT64_MAX;
}

static void work(struct worker *worker) {
    struct rf_engine *engine = worker->engine;
    bool stop = atomic_load_explicit(&engine->stop, memory_order_relaxed) != 0;
    if (stop && !worker->stopped)
        worker_stop_jobs(worker);
    else if (!stop)
        worker->stopped = worker->sched.stopping = false;
    empty_inbox(worker);
    sched_run(&worker->sched, ring_now(worker->ring));
    uint64_t again = engine->worker_count > 1 ? share_work(worker) : UINT64_MAX;
    uint64_t due = sched_due_ns(&worker->sched);
    due = again < due ? again : due;
    if (due != UINT64_MAX)
        ring_timer_set(worker->ring, &worker->sched_timer, due);
    worker_publish(worker);
}

/* `working` is set before `running` is looked at, and rf_run looks at them the other way round: what is submitted after it has
 * returned waits for the next run, and nobody wakes a ring that is being closed. */
static void worker_turn(struct worker *worker) {
    ring_turn(worker->ring, true);
    atomic_store(&worker->working, true);
    if (atomic_load(&worker->engine->running))
        work(worker);
    atomic_store(&worker->working, false);
}

/* ---- beginning and end ----------------------------------------------------------------------------------- */

/* Whoever ends the run wakes the rings it sees under this lock. Returns the one shown before. */
static struct ring *show_ring(struct worker *worker, struct ring *ring) {
    pthread_mutex_lock(&worker->engine->lock);
    struct ring *before = worker->ring;
    worker->ring = ring;
    pthread_mutex_unlock(&worker->engine->lock);
    return before;
}

static bool open_ring(struct worker *worker, char *why) {
    struct ring_options options;
    limits_ring(&options, &worker->engine->settings, worker->engine->worker_count);
    struct ring *ring = NULL;
    int result = ring_open(&ring, &options);
    show_ring(worker, ring);
    if (result == 0)
        return true;
    engine_explain_ring(-result, why, WHY_BYTES);
    return false;
}

static bool open_tls(struct worker *worker, char *why) {
    const struct rf_settings *settings = &worker->engine->settings;
    static const uint8_t versions[] = {TLS_VERSION_NONE, TLS_VERSION_1_2, TLS_VERSION_1_3};
    struct tls_options options = {
        .insecure = settings->insecure,
        .cacert = settings->cacert,
        .capath = settings->capath,
        .cert = settings->cert,
        .key = settings->key,
        .version_min = versions[settings->tls_min],
        .version_max = versions[settings->tls_max],
        .ciphers = settings->ciphers,
        .pinned = settings->pinned_key,
        .keylog = getenv("SSLKEYLOGFILE"),
        .alpn = "http/1.1",
        .no_resumption = settings->no_resumption,
    };
    return tls_open(&worker->tls, &options, &worker->pool, why, WHY_BYTES) == 0;
}

/* Each worker has a resolver of its own. 0 stays 0, and nothing else becomes it. */
static unsigned share_of(unsigned whole, unsigned workers) {
    return (whole + workers - 1) / workers;
}

static bool open_rooms(struct worker *worker, char *why) {
    const struct rf_settings *settings = &worker->engine->settings;
    if (!open_tls(worker, why))
        return false;
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    struct resolver_options resolver = {
        .family = families[settings->family],
        .servers = settings->dns_servers,
        .resolve = settings->resolve,
        .server_in_flight_max = share_of(settings->dns_in_flight, worker->engine->worker_count),
        .server_rate = settings->dns_rate / worker->engine->worker_count,
    };
    struct conn_pool_options conns = {
        .connect_timeout_ns = settings->connect_timeout_ms * NS_PER_MS,
        .stall_ns = settings->stall_time_ms * NS_PER_MS,
        .idle_ns = settings->idle_time_ms * NS_PER_MS,
        .idle_max = settings->idle_max,
        .unanswered_max =
            limits_share(UNANSWERED_MAX, worker->engine->worker_count, UNANSWERED_MIN),
        .tls = worker->tls,
        .unix_socket = settings->unix_socket,
        .interface = settings->interface,
        .connect_to = settings->connect_to,
    };
    return resolver_open(&worker->resolver, worker->ring, &resolver, why, WHY_BYTES) == 0 &&
           conn_pool_open(&worker->conns, worker->ring, worker->resolver, &worker->pool, &conns,
                          why, WHY_BYTES) == 0;
}

static void open_sched(struct worker *worker) {
    struct rf_engine *engine = worker->engine;
    const struct rf_settings *settings = &engine->settings;
    struct sched_options options = {
        .per_host = settings->per_host,
        .host_interval_ns =
            settings->per_host_rate > 0 ? (uint64_t)(1e9 / settings->per_host_rate) : 0,
        .max_time_ns = settings->max_time_ms * NS_PER_MS,
        .total_time_ns = settings->total_time_ms * NS_PER_MS,
        .retries = settings->retries,
        .retry_delay_ns = settings->retry_delay_ms * NS_PER_MS,
        .retry_max_time_ns = settings->retry_max_time_ms * NS_PER_MS,
        .retry_all = settings->retry_all,
        .redirects_max = settings->redirects_max,
        .fail_on_status = settings->fail_on_status,
        .filesize_max = settings->filesize_max_bytes,
        .check = settings->check ? &engine->rules : NULL,
    };
    worker->spec = (struct job_spec){
        .method = settings->method,
        .fields = engine->fields,
        .field_count = engine->field_count,
        .user_agent = settings->user_agent,
        .referer = settings->referer,
        .user = settings->user,
        .range = settings->range,
    };
    if (settings->body)
        worker->spec.body = body_new(&worker->pool, settings->body, settings->body_bytes);
    sched_init(&worker->sched, worker->conns, &worker->pool, &options, &engine_sink,
               &engine->shared, &worker->spec, clock_now_ns() + worker->index);
    worker->sched.worker = worker;
    /* Some sockets for those that are being closed, and for attempts beside attempts. */
    unsigned slots = ring_slots_max(worker->ring);
    worker->sched.places = slots - slots / LIMITS_SPARE;
    ring_timer_init(&worker->sched_timer, on_sched_timer);
    ring_timer_init(&worker->flush_timer, on_flush_timer);
}

static void say_started(struct worker *worker, enum rf_exit result, const char *why) {
    struct rf_engine *engine = worker->engine;
    pthread_mutex_lock(&engine->lock);
    engine->started_count++;
    if (result != RF_OK && engine->start_exit == RF_OK) {
        engine->start_exit = result;
        snprintf(engine->why, sizeof engine->why, "%s", why);
    }
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

static void close_rooms(struct worker *worker) {
    if (worker->conns)
        conn_pool_stop(worker->conns);
    if (worker->resolver)
        resolver_stop(worker->resolver);
    while ((worker->conns && !conn_pool_is_empty(worker->conns)) ||
           (worker->resolver && !resolver_is_idle(worker->resolver)))
        ring_turn(worker->ring, true);
    if (worker->sched.worker) {
        ring_timer_stop(&worker->sched_timer);
        ring_timer_stop(&worker->flush_timer);
        sched_deinit(&worker->sched);
        body_drop(&worker->pool, worker->spec.body);
    }
    conn_pool_close(worker->conns);
    tls_close(worker->tls);
    resolver_close(worker->resolver);
    ring_close(show_ring(worker, NULL));
}

static void on_wake(void *context) {
    (void)context; /* the turn ends, and the inbox is looked at */
}

static void *worker_main(void *context) {
    struct worker *worker = context;
    char why[WHY_BYTES] = "";
    enum rf_exit result = RF_ENVIRONMENT;
    bool has_ring = open_ring(worker, why);
    if (has_ring)
        result = open_rooms(worker, why) ? RF_OK : RF_USAGE;
    if (result == RF_OK) {
        ring_on_wake(worker->ring, on_wake, worker);
        open_sched(worker);
    }
    say_started(worker, result, why);
    /* One whose rooms could not be built waits as well: all rings close after all have been opened. */
    while (has_ring && !atomic_load_explicit(&worker->engine->quit, memory_order_acquire))
        worker_turn(worker);
    close_rooms(worker);
    return NULL;
}

bool worker_start(struct rf_engine *engine, unsigned index) {
    struct worker *worker = &engine->workers[index];
    worker->engine = engine;
    worker->index = index;
    pthread_mutex_init(&worker->lock, NULL);
    list_init(&worker->inbox);
    list_init(&worker->loans);
    list_init(&worker->resumed);
    list_init(&worker->cancels);
    pool_init(&worker->pool, &engine->depot);
    worker->started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    return worker->started;
}

void worker_join(struct worker *worker) {
    if (worker->started)
        pthread_join(worker->thread, NULL);
    worker->started = false;
}

void worker_deinit(struct worker *worker) {
    if (!worker->engine)
        return;
    for (struct link *link; (link = list_pop_front(&worker->loans));)
        loan_free(LIST_ENTRY(link, struct loan,
                             link)); /* a part that came back after its home had ended */
    pthread_mutex_destroy(&worker->lock);
}

struct worker *engine_home(struct rf_engine *engine, const struct url *url) {
    if (engine->worker_count == 1)
        return &engine->workers[0];
    return &engine->workers[host_hash(url) % engine->worker_count];
}
