/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_check.h: what a check run asks of a job beside fetching: HEAD first and GET where HEAD is refused or looks wrong, as much of
 * the body as the judgement needs, expectations, the page's title, and what another pass must know of the first. On the job's
 * worker's thread.
 *
 * Most jobs of a check need none of the memory below: a HEAD, a status, the end. That is why it is apart from struct job.
 */
#ifndef JOB_JOB_CHECK_H
#define JOB_JOB_CHECK_H

#include "base/digest.h"
#include "expect/expect.h"
#include "job/job.h"

/* The run's, the same for all. */
struct check_rules {
    const struct expect *expect; /* or NULL */
    uint64_t sniff_bytes;
    bool title;
    bool confirms; /* failures are tried again at the end of the run */
};

/* What only some jobs have. */
struct job_extra {
    char *expect_text;     /* expectations of its own, a line each; or NULL */
    struct expect *expect; /* the same, parsed */
    char *title;
    uint8_t *kept; /* of the body, for those who look into it */
    size_t kept_bytes, kept_room;
    struct digest *digest; /* NULL: nobody asks */
    char sha256[DIGEST_HEX_BYTES];
    /* Of a confirm pass: what the one before it found. */
    uint16_t passes, first_status;
    struct err first_err;
    struct address avoid; /* the address that failed */
    bool has_avoid;
    bool was_answered;       /* in one of the passes before, badly */
    uint64_t local_since_ns; /* since when it is this machine's network that fails; 0: it doesn't */
};

/* Made when first asked for. */
struct job_extra *job_extra_of(struct pool *pool, struct job *job);
void job_extra_release(struct pool *pool, struct job *job);
/* Expectations of its own, a line each. False: `why` says what is wrong with one; the job has none then. */
bool job_set_expect(struct pool *pool, struct job *job, struct span lines, char *why,
                    size_t why_size);

/* What the job is asked with first. */
const char *check_method(const struct job *job);
/* How long an attempt may take, given the run's limit: one that a whole limit was not enough for gets an eighth of it to confirm that, so that a run
 * with silent hosts ends soon after the first pass. */
uint64_t check_time_limit_ns(const struct job *job, uint64_t limit_ns);
/* The address that a confirm pass leaves for last; NULL: none. */
const struct address *check_avoid(const struct job *job);

enum check_answer {
    CHECK_WELL,   /* read on, as far as check_body wants */
    CHECK_BAD,    /* job->err and job->why say it */
    CHECK_BY_GET, /* HEAD is refused, or answered in a way that servers have for HEAD only */
};
enum check_answer check_head(struct job *job, const struct response_head *head,
                             const struct response_framing *framing);
/* Takes a piece of the body. EXCHANGE_STOP: enough, and the rest is not worth reading; with job->action at ACTION_SNIFFED and
 * EXCHANGE_GO, the rest is read and dropped so that the connection can serve again. */
enum exchange_answer check_body(struct job *job, struct span bytes);
/* Whether the exchange's end is one that HEAD is to blame for. */
bool check_blames_head(const struct job *job);
/* The end: judges all that the head did not decide, and sets job->err. */
void check_judge(struct job *job);
/* Whether it was this machine's network that failed, as it seems: servers answered before and none has since. Then the
 * job is asked again after a pause, and the attempt does not count; for a while only. */
bool check_waits_for_network(struct job *job);
/* Whether another attempt at once would waste time: what ran out of time is asked again in the confirm pass. */
bool check_leaves_for_later(const struct job *job);

#endif
