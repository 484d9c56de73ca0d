/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_tallies.c: how tallies travel: full ones from the workers to the conductor, empty ones back. One lock,
 * taken some ten times a second by each worker. There are enough of them for a conductor that is late by a block; one that is
 * later still makes more, and where memory is out a worker waits for it.
 *
 * A tally belongs to whoever's list or hand it is in: those that a worker holds at its end are freed by it.
 */
#include <errno.h>
#include <unistd.h>

#include "engine_load.h"

static void free_list(struct link *list) {
    for (struct link *link; list->next && (link = list_pop_front(list));)
        load_tally_free(LIST_ENTRY(link, struct load_tally, link));
}

bool load_tallies_init(struct rf_load *load, unsigned count) {
    struct load_tallies *tallies = &load->tallies;
    pthread_mutex_init(&tallies->lock, NULL);
    pthread_cond_init(&tallies->returned, NULL);
    list_init(&tallies->full);
    list_init(&tallies->empty);
    for (unsigned i = 0; i < count; i++) {
        struct load_tally *tally = load_tally_new(load_is_open_loop(load));
        if (!tally)
            return false;
        list_push_back(&tallies->empty, &tally->link);
    }
    return true;
}

void load_tallies_deinit(struct rf_load *load) {
    struct load_tallies *tallies = &load->tallies;
    if (!tallies->full.next)
        return;
    free_list(&tallies->full);
    free_list(&tallies->empty);
    pthread_mutex_destroy(&tallies->lock);
    pthread_cond_destroy(&tallies->returned);
    *tallies = (struct load_tallies){0};
}

/* Async-signal-safe. A counter that is full wakes as well. */
void load_notify(struct rf_load *load) {
    int before = errno;
    uint64_t one = 1;
    ssize_t written = write(load->event_fd, &one, sizeof one);
    (void)written;
    errno = before;
}

static struct load_tally *wait_for_empty(struct load_tallies *tallies) {
    while (list_is_empty(&tallies->empty) && !tallies->closed)
        pthread_cond_wait(&tallies->returned, &tallies->lock);
    struct link *link = list_pop_front(&tallies->empty);
    return link ? LIST_ENTRY(link, struct load_tally, link) : NULL;
}

struct load_tally *load_tallies_hand_in(void *context, struct load_tally *full) {
    struct rf_load *load = context;
    struct load_tallies *tallies = &load->tallies;
    pthread_mutex_lock(&tallies->lock);
    bool closed = tallies->closed;
    struct link *link = closed ? NULL : list_pop_front(&tallies->empty);
    if (!closed)
        list_push_back(&tallies->full, &full->link);
    pthread_mutex_unlock(&tallies->lock);
    if (closed) {
        load_tally_reset(full); /* nobody wants it any more */
        return full;
    }
    load_notify(load);
    if (link)
        return LIST_ENTRY(link, struct load_tally, link);
    struct load_tally *made = load_tally_new(load_is_open_loop(load));
    if (made)
        return made;
    pthread_mutex_lock(&tallies->lock);
    made = wait_for_empty(tallies);
    pthread_mutex_unlock(&tallies->lock);
    CHECK(made); /* whoever closes the list has given all back before */
    return made;
}

struct load_tally *load_tallies_take(struct rf_load *load) {
    struct load_tallies *tallies = &load->tallies;
    pthread_mutex_lock(&tallies->lock);
    struct link *link = list_pop_front(&tallies->full);
    pthread_mutex_unlock(&tallies->lock);
    return link ? LIST_ENTRY(link, struct load_tally, link) : NULL;
}

void load_tallies_give_back(struct rf_load *load, struct load_tally *tally) {
    struct load_tallies *tallies = &load->tallies;
    load_tally_reset(tally);
    pthread_mutex_lock(&tallies->lock);
    list_push_front(&tallies->empty, &tally->link); /* the one whose memory is warm */
    pthread_cond_signal(&tallies->returned);
    pthread_mutex_unlock(&tallies->lock);
}

void load_tallies_close(struct rf_load *load) {
    struct load_tallies *tallies = &load->tallies;
    for (struct load_tally *tally; (tally = load_tallies_take(load));)
        load_tallies_give_back(load, tally);
    pthread_mutex_lock(&tallies->lock);
    tallies->closed = true;
    pthread_cond_broadcast(&tallies->returned);
    pthread_mutex_unlock(&tallies->lock);
}
