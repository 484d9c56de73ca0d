/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_thread.c: a worker's thread: builds its ring, tls and load_worker, turns them, and carries out what its
 * mailbox says. The first half of the file is the worker's thread's, the second the conductor's.
 *
 * All of it is freed by the thread itself, its ring above all: a ring's registered descriptor is its thread's. What
 * only the worker knows goes to the figures before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "engine_load.h"
#include "net/socket.h"

/* ---- building ---------------------------------------------------------------------------------------- */

/* This worker's part of something that all share; of a few the first workers have one. */
static unsigned share_of(const struct load_thread *thread, unsigned whole) {
    unsigned count = thread->load->thread_count;
    return whole / count + (thread->index < whole % count);
}

static unsigned at_least_one(unsigned number) {
    return number ? number : 1;
}

/* Sockets that the worker may have at once, on all sides together. */
static unsigned sockets_of(const struct load_thread *thread) {
    const struct rf_load *load = thread->load;
    const struct rf_load_settings *settings = &load->settings;
    uint64_t sockets = share_of(thread, settings->connections);
    unsigned outstanding = share_of(thread, settings->outstanding_max);
    if (load_is_open_loop(load) && outstanding > sockets)
        sockets = outstanding;
    if (settings->ramp_connections)
        for (size_t i = 0; i < settings->ramp_count; i++)
            if (load->ramp[i].target / load->thread_count + 1 > (double)sockets)
                sockets = (uint64_t)(load->ramp[i].target / load->thread_count) + 1;
    sockets *= load->plan.has_side[RF_SIDE_B] ? 2 : 1;
    /* Every target has connections of its own, and one that closes has a successor already. */
    sockets += load->plan.target_count;
    if (settings->no_keepalive)
        sockets *= 2;
    return sockets < 1000000 ? (unsigned)sockets : 1000000;
}

static bool open_ring(struct load_thread *thread, char *why) {
    const struct rf_settings *settings = &thread->load->common.settings;
    struct ring_options options;
    ring_options_init(&options, sockets_of(thread));
    options.ordinary = settings->ordinary_descriptors;
    options.buffers = limits_share(options.buffers, thread->load->thread_count, RING_BUFFERS_MIN);
    options.no_bundles = settings->no_bundles;
    int result = ring_open(&thread->ring, &options);
    if (result)
        engine_explain_ring(-result, why, WHY_BYTES);
    return result == 0;
}

static struct load_worker *open_worker(struct load_thread *thread) {
    struct rf_load *load = thread->load;
    const struct rf_load_settings *settings = &load->settings;
    struct load_options options = {
        .worker = thread->index,
        .workers = load->thread_count,
        .connections = share_of(thread, settings->connections),
        .pipeline = settings->pipeline,
        .no_keepalive = settings->no_keepalive,
        .connect_timeout_ns = load->common.settings.connect_timeout_ms * NS_PER_MS,
        .request_timeout_ns = load->common.settings.max_time_ms * NS_PER_MS,
        .seed = settings->seed,
        .interface = load->common.settings.interface,
        .paced = socket_is_paced(),
        .has_source = socket_has_source,
        .open_loop = load_is_open_loop(load),
        .poisson = settings->arrivals == RF_ARRIVALS_POISSON,
        .rate = settings->rate,
        .outstanding_max = at_least_one(share_of(thread, settings->outstanding_max)),
        .ramp = load->ramp,
        .ramp_count = (unsigned)settings->ramp_count,
        .ramp_connections = settings->ramp_connections,
    };
    return load_worker_open(thread->ring, thread->tls, &thread->pool, &load->shared, &options);
}

/* RF_USAGE: an option of TLS; what else can go wrong is the machine's. */
static enum rf_exit build(struct load_thread *thread, char *why) {
    if (!open_ring(thread, why))
        return RF_ENVIRONMENT;
    if (thread->load->has_https && !load_tls_open(thread->load, &thread->tls, &thread->pool, why))
        return RF_USAGE;
    thread->worker = open_worker(thread);
    if (thread->worker)
        return RF_OK;
    snprintf(why, WHY_BYTES, "no memory for worker %u of %u: use fewer --threads",
             thread->index + 1, thread->load->thread_count);
    return RF_ENVIRONMENT;
}

static void say_ready(struct load_thread *thread, enum rf_exit result, const char *why) {
    struct rf_load *load = thread->load;
    pthread_mutex_lock(&load->lock);
    load->ready++;
    if (result != RF_OK && load->start_exit == RF_OK) {
        load->start_exit = result;
        snprintf(load->why, sizeof load->why, "%s", why);
    }
    pthread_cond_broadcast(&load->changed);
    pthread_mutex_unlock(&load->lock);
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

static struct load_mail take_mail(struct load_thread *thread) {
    pthread_mutex_lock(&thread->lock);
    struct load_mail mail = thread->mail;
    thread->mail = (struct load_mail){.quit = mail.quit};
    pthread_mutex_unlock(&thread->lock);
    return mail;
}

/* True: the thread is to end. */
static bool read_mail(struct load_thread *thread) {
    if (!atomic_exchange(&thread->posted, false))
        return false;
    struct load_mail mail = take_mail(thread);
    if (mail.quit)
        return true;
    for (unsigned side = 0; side < RF_SIDES; side++)
        if (mail.connect[side]) {
            load_worker_connect(thread->worker, (uint8_t)side);
            thread->connecting[side] = true;
        }
    if (mail.has_order)
        load_worker_begin(thread->worker, &mail.order);
    if (mail.abandon)
        load_worker_abandon(thread->worker);
    else if (mail.stop)
        load_worker_stop(thread->worker);
    return false;
}

static void publish(struct load_thread *thread) {
    atomic_store_explicit(&thread->connections, load_worker_connections(thread->worker),
                          memory_order_relaxed);
    atomic_store_explicit(&thread->outstanding, load_worker_outstanding(thread->worker),
                          memory_order_relaxed);
    for (unsigned side = 0; side < RF_SIDES; side++)
        if (UNLIKELY(thread->connecting[side]) &&
            load_worker_is_connected(thread->worker, (uint8_t)side)) {
            thread->connecting[side] = false;
            atomic_store(&thread->connected[side], true);
            load_notify(thread->load);
        }
}

static void on_wake(void *context) {
    (void)context; /* the turn ends, and the mail is read */
}

static void live(struct load_thread *thread) {
    ring_on_wake(thread->ring, on_wake, NULL);
    while (!read_mail(thread)) {
        publish(thread); /* before it sleeps: what was asked for may be there already */
        load_worker_turn(thread->worker);
    }
    load_worker_begin_close(thread->worker);
    while (!load_worker_is_closed(thread->worker))
        load_worker_turn(thread->worker);
    load_figures_gather(thread->load, thread->worker);
}

/* Nobody wakes the ring from now on. */
static struct ring *close_mailbox(struct load_thread *thread) {
    pthread_mutex_lock(&thread->lock);
    struct ring *ring = thread->ring;
    thread->ring = NULL;
    pthread_mutex_unlock(&thread->lock);
    return ring;
}

/* One that could not be built waits for the end as well: all rings close after all have been opened. */
static void wait_for_quit(struct load_thread *thread) {
    bool quit = false;
    while (!quit) {
        if (thread->ring)
            ring_turn(thread->ring, true);
        pthread_mutex_lock(&thread->lock);
        quit = thread->mail.quit || !thread->ring;
        pthread_mutex_unlock(&thread->lock);
    }
}

static void *thread_main(void *context) {
    struct load_thread *thread = context;
    char why[WHY_BYTES] = "";
    /* The kernel's usual 50 us of slack would be the schedule's. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    enum rf_exit result = build(thread, why);
    say_ready(thread, result, why);
    if (result == RF_OK)
        live(thread);
    else
        wait_for_quit(thread);
    load_worker_free(thread->worker);
    tls_close(thread->tls);
    ring_close(close_mailbox(thread));
    return NULL;
}

/* ---- the conductor's side -------------------------------------------------------------------------------- */

static void init_thread(struct rf_load *load, unsigned index) {
    struct load_thread *thread = &load->thread[index];
    thread->load = load;
    thread->index = index;
    pthread_mutex_init(&thread->lock, NULL);
    pool_init(&thread->pool, &load->depot);
}

static void wait_until_ready(struct rf_load *load) {
    pthread_mutex_lock(&load->lock);
    while (load->ready < load->started_count)
        pthread_cond_wait(&load->changed, &load->lock);
    pthread_mutex_unlock(&load->lock);
}

enum rf_exit load_threads_start(struct rf_load *load, char *why, size_t why_size) {
    load->thread = calloc(load->threads_wanted, sizeof *load->thread);
    if (!load->thread) {
        snprintf(why, why_size, "no memory for %u threads", load->threads_wanted);
        return RF_ENVIRONMENT;
    }
    load->thread_count = load->threads_wanted;
    for (unsigned i = 0; i < load->thread_count; i++)
        init_thread(load, i);
    for (; load->started_count < load->thread_count; load->started_count++) {
        struct load_thread *thread = &load->thread[load->started_count];
        if (pthread_create(&thread->thread, NULL, thread_main, thread))
            break;
        thread->started = true;
    }
    wait_until_ready(load);
    if (load->start_exit != RF_OK) {
        snprintf(why, why_size, "%s", load->why);
        return load->start_exit;
    }
    if (load->started_count == load->thread_count)
        return RF_OK;
    snprintf(why, why_size,
             "cannot start thread %u of %u: the system's limit is reached; use fewer --threads",
             load->started_count + 1, load->thread_count);
    return RF_ENVIRONMENT;
}

static void post(struct load_thread *thread, const struct load_mail *mail) {
    pthread_mutex_lock(&thread->lock);
    for (unsigned side = 0; side < RF_SIDES; side++)
        thread->mail.connect[side] = thread->mail.connect[side] || mail->connect[side];
    thread->mail.stop = thread->mail.stop || mail->stop;
    thread->mail.abandon = thread->mail.abandon || mail->abandon;
    thread->mail.quit = thread->mail.quit || mail->quit;
    if (mail->has_order) {
        thread->mail.has_order = true;
        thread->mail.order = mail->order;
    }
    atomic_store(&thread->posted, true);
    if (thread->ring)
        ring_wake(thread->ring);
    pthread_mutex_unlock(&thread->lock);
}

static void post_all(struct rf_load *load, const struct load_mail *mail) {
    for (unsigned i = 0; i < load->started_count; i++)
        post(&load->thread[i], mail);
}

void load_threads_connect(struct rf_load *load, uint8_t side) {
    struct load_mail mail = {0};
    mail.connect[side] = true;
    post_all(load, &mail);
}

void load_threads_order(struct rf_load *load, const struct load_order *order) {
    struct load_mail mail = {.has_order = true, .order = *order};
    post_all(load, &mail);
}

void load_threads_stop(struct rf_load *load) {
    struct load_mail mail = {.stop = true};
    post_all(load, &mail);
}

void load_threads_abandon(struct rf_load *load) {
    struct load_mail mail = {.abandon = true};
    post_all(load, &mail);
}

void load_threads_end(struct rf_load *load) {
    struct load_mail mail = {.quit = true};
    post_all(load, &mail);
    for (unsigned i = 0; i < load->started_count; i++)
        pthread_join(load->thread[i].thread, NULL);
    load->started_count = 0;
}

void load_threads_free(struct rf_load *load) {
    for (unsigned i = 0; i < load->thread_count; i++)
        pthread_mutex_destroy(&load->thread[i].lock);
    free(load->thread);
    load->thread = NULL;
    load->thread_count = 0;
}
