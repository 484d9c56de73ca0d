/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loan.h: a host with more work than its worker can carry (a download list from one server is the
 * commonest job of all) is worked by others too. Its home worker lends another one part of the host's
 * limit and of its waiting jobs; as those end the part comes back. The parts always add up to
 * the limit, and no lock is held while either works. The same way goes what waits only because all
 * sockets of its worker's ring are taken, to a worker that has some left: whole jobs with as much of
 * the limit, and a borrower may lend on.
 *
 * Rejected: splitting every host from the start. It would halve what one worker may do for a host
 * that needs no second one, and look names up and open connections twice.
 */
#ifndef JOB_LOAN_H
#define JOB_LOAN_H

#include "job/sched.h"

/* One message between two workers; malloc's, freed by loan_take or loan_free. */
struct loan {
    struct link link; /* in an inbox */
    struct sched *from;
    struct link jobs;
    struct host_hold *hold; /* one reference */
    uint64_t hash;
    uint32_t limit;
    bool back;    /* the part comes back to the host's home */
    bool claimed; /* it was found by its room */
    uint16_t port, len;
    char name[];
};

/* Begins to lend if there is much to do and another scheduler has nothing. For when this one's
 * core is the limit: a host that waits for its server gains nothing from a second worker. */
void loan_consider(struct sched *sched);
/* For when sched_is_full: sends what waits to a scheduler with room. False: there is none, or nothing may be sent. */
bool loan_for_room(struct sched *sched);
/* What came from another worker. */
void loan_take(struct sched *sched, struct loan *loan);
/* One that holds no jobs and is not wanted any more. */
void loan_free(struct loan *loan);

/* ---- for host.c ------------------------------------------------------------------------------ */

/* A job of the host has ended: enough may be free now to be lent. */
void loan_step(struct sched *sched, struct host *host);
/* The same: where nothing waits any more, what a borrowed part doesn't need goes back, half of it at a time. */
void loan_trim(struct sched *sched, struct host *host);
/* A borrowed host has no more work. */
void loan_return(struct sched *sched, struct host *host);
/* Any thread; NULL is allowed. */
void hold_drop(struct host_hold *hold);

#endif
