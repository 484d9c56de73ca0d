/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_resolve.c: every target's addresses, found once before the run, so that no name is asked for while
 * something is measured. The caller's thread, on a small ring of its own.
 */
#include <poll.h>
#include <stdio.h>

#include "engine_load.h"

/* One target's question. */
struct question {
    struct resolver_query query;
    struct resolving *resolving;
    unsigned target;
};

struct resolving {
    struct rf_load *load;
    struct question *question; /* [plan.target_count] */
    unsigned open;             /* not answered yet */
    enum rf_exit exit;         /* of the first that failed */
    char *why;
    size_t why_size;
};

static struct plan_target *target_of(struct question *question) {
    return &question->resolving->load->plan.target[question->target];
}

static void on_failure(struct question *question, struct err err) {
    struct resolving *all = question->resolving;
    struct span host = target_of(question)->connect_host;
    char text[WHY_BYTES / 2];
    if (all->exit != RF_OK)
        return;
    snprintf(all->why, all->why_size, "%.*s: %s", (int)host.len, (const char *)host.at,
             err_text(err, text, sizeof text));
    all->exit = err_fault(err) == FAULT_LOCAL ? RF_LOCAL_FAULT : RF_SOME_FAILED;
}

static void on_answer(struct resolver_query *query, struct err err, struct address_list *list) {
    struct question *question = CONTAINER_OF(query, struct question, query);
    struct plan_target *target = target_of(question);
    struct pool *pool = &question->resolving->load->pool;
    question->resolving->open--;
    if (!list || list->count == 0) {
        on_failure(question, err);
        return;
    }
    target->address = pool_acquire(pool, list->count * sizeof *target->address);
    target->address_count = list->count;
    for (unsigned i = 0; i < list->count; i++) {
        target->address[i] = list->address[i];
        address_set_port(&target->address[i], target->connect_port);
    }
}

static void ask_all(struct resolving *all) {
    struct rf_load *load = all->load;
    for (unsigned i = 0; i < load->plan.target_count; i++) {
        const struct plan_target *target = &load->plan.target[i];
        all->question[i] =
            (struct question){.query.done = on_answer, .resolving = all, .target = i};
        list_init(&all->question[i].query.link);
        if (target->unix_path)
            continue;
        all->open++;
        resolver_ask(load->resolver, &all->question[i].query, target->connect_host,
                     target->connect_port);
    }
}

static void on_stop(struct ring_op *op, const struct ring_event *event) {
    (void)op;
    (void)event; /* the turn has ended, and whoever waits looks at `stop` */
}

static void forget_all(struct resolving *all) {
    for (unsigned i = 0; i < all->load->plan.target_count; i++)
        resolver_forget(all->load->resolver, &all->question[i].query);
}

static void wait_for_all(struct resolving *all) {
    struct rf_load *load = all->load;
    struct ring_op stop;
    ring_op_init(&stop, on_stop);
    ring_poll(load->ring, &stop, load->event_fd, POLLIN);
    while (all->open && all->exit == RF_OK && !atomic_load(&load->stop))
        ring_turn(load->ring, true);
    forget_all(all);
    ring_cancel(load->ring, &stop);
    while (ring_op_busy(&stop))
        ring_turn(load->ring, true);
}

/* Of several addresses those that don't answer. */
static void drop_dead(struct rf_load *load) {
    for (unsigned i = 0; i < load->plan.target_count && !atomic_load(&load->stop); i++) {
        struct plan_target *target = &load->plan.target[i];
        unsigned made = target->address_count;
        if (made < 2)
            continue;
        unsigned kept = load_probe(load, target);
        struct address *address = pool_acquire(&load->pool, kept * sizeof *address);
        memcpy(address, target->address, kept * sizeof *address);
        pool_release(&load->pool, target->address, made * sizeof *address);
        target->address = address;
        target->address_count = kept;
    }
}

enum rf_exit load_resolve(struct rf_load *load, char *why, size_t why_size) {
    size_t bytes = load->plan.target_count * sizeof(struct question);
    struct resolving all = {.load = load,
                            .question = pool_acquire_zeroed(&load->pool, bytes),
                            .why = why,
                            .why_size = why_size};
    ask_all(&all);
    wait_for_all(&all);
    pool_release(&load->pool, all.question, bytes);
    if (all.exit == RF_OK)
        drop_dead(load);
    return all.exit;
}

void load_resolve_drop(struct rf_load *load) {
    for (unsigned i = 0; i < load->plan.target_count; i++) {
        struct plan_target *target = &load->plan.target[i];
        pool_release(&load->pool, target->address, target->address_count * sizeof *target->address);
        target->address = NULL;
        target->address_count = 0;
    }
}
