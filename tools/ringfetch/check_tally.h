/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_tally.h: what a check run's results add up to: counts, latencies by phase, the slowest
 * hosts, the failures. Of bounded size however long the run is; what does not fit is counted and
 * said to be missing. The reports, the live table and the summary read it.
 *
 * tally_add is called on workers' threads, one at a time; the progress thread reads at the same
 * time, hence the lock: whoever reads while the run goes on holds it.
 */
#ifndef TOOLS_CHECK_TALLY_H
#define TOOLS_CHECK_TALLY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringfetch/histogram.h>
#include <ringfetch/ringfetch.h>

enum {
    TALLY_FAILURES_MAX = 10000, /* kept with their texts, in the order they came */
    TALLY_HOSTS_MAX = 4096,     /* kept apart; see struct tally_host */
    TALLY_STATUSES = 1000,
    TALLY_CERT_BUCKETS = 8
};

enum tally_phase {
    PHASE_DNS,
    PHASE_CONNECT,
    PHASE_TLS,
    PHASE_WAIT,
    PHASE_BODY,
    PHASE_TOTAL,
    PHASES
};
const char *tally_phase_name(enum tally_phase phase); /* "dns" ... */

/* Days left: below 0, below 7, 14, 30, 60, 90, 180, and more. */
const char *tally_cert_bucket_name(unsigned bucket); /* "expired", "< 7 d" ... */

enum tally_change { CHANGE_NONE, CHANGE_NEW, CHANGE_FIXED, CHANGE_CHANGED, CHANGE_STILL, CHANGES };
const char *tally_change_name(enum tally_change change); /* "new" ...; "" for none */

/* A result that was not well, or changed. All strings are owned; NULL where there is none. */
struct tally_failure {
    uint64_t n, line;
    unsigned column, status;
    enum rf_verdict verdict;
    enum tally_change change;
    struct rf_error error; /* the first pass's where the last was well */
    char *url, *final_url, *host, *source, *tag, *detail, *ip;
};

/* One host:port. When the table is full, the host with the fewest results makes room
 * (space-saving), and `approximate` says that it took over. */
struct tally_host {
    char *name; /* "example.org", "example.org:8080" */
    uint64_t count, bad;
    double ms_sum, ms_max; /* of total */
    uint64_t timed;        /* results with a total */
    bool approximate;
};

struct tally {
    pthread_mutex_t lock;
    uint64_t total, bad; /* bad: dead, flaky, blocked or inconclusive */
    uint64_t by_verdict[RF_VERDICTS];
    uint64_t by_kind[RF_KINDS_MAX];
    uint64_t by_status[TALLY_STATUSES]; /* 0: no response */
    uint64_t by_change[CHANGES];
    uint64_t cached, attempts, body_bytes;
    struct rf_histogram *phase[PHASES];     /* microseconds */
    uint64_t cert_days[TALLY_CERT_BUCKETS]; /* https results by days left of the certificate */
    struct tally_failure *failures;
    size_t failure_count, failure_room;
    uint64_t failures_dropped; /* beyond TALLY_FAILURES_MAX */
    struct tally_host *hosts;
    size_t host_count;
    uint32_t *host_buckets; /* tally's own */
    int64_t begun_us;       /* since 1970 */
};

/* Ends the process when memory is out, here and in tally_add. */
void tally_init(struct tally *tally);
void tally_deinit(struct tally *tally);
void tally_add(struct tally *tally, const struct rf_result *result);
/* Indices of the hosts with the most bad results, or with the highest mean of total; at most `max`,
 * those with none of it left out. Returns how many. */
size_t tally_worst_hosts(const struct tally *tally, size_t *index, size_t max);
size_t tally_slowest_hosts(const struct tally *tally, size_t *index, size_t max);
/* "example.org:8080" of a URL, in lower case and without the port that its scheme implies; "" where
 * it has no scheme or no host. */
char *tally_host_name(char *out, size_t size, const char *url);
/* The same of what a result was asked for, also where the scheme was left out. */
char *tally_result_host(char *out, size_t size, const struct rf_result *result);

#endif
