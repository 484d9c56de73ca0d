/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load.h: put load on a server and measure it; or put it on two in turns, and tell whether the second is worse.
 *
 *     struct rf_settings settings;            // network, https, fields: as for fetching
 *     struct rf_load_settings load_settings;  // how much, for how long
 *     rf_settings_init(&settings);
 *     rf_load_settings_init(&load_settings);
 *     struct rf_load *load;
 *     if (rf_load_open(&load, &settings, &load_settings, why, sizeof why)) ...
 *     rf_load_add(load, RF_SIDE_A, &request, why, sizeof why);
 *     rf_load_run(load, on_sample, context, why, sizeof why);
 *     const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
 *     rf_load_close(load);
 *
 * Times are nanoseconds (_ns) or seconds (_s, double). All functions belong to one thread, but rf_load_stop. Callbacks come
 * on that thread, inside rf_load_run. Nothing here follows redirects or tries again: a request is one exchange.
 */
#ifndef RINGFETCH_LOAD_H
#define RINGFETCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringfetch/histogram.h>
#include <ringfetch/ringfetch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rf_load;

enum rf_side { RF_SIDE_A, RF_SIDE_B, RF_SIDES };

/* ---- settings -------------------------------------------------------------------------------- */

enum rf_arrivals { RF_ARRIVALS_CONSTANT, RF_ARRIVALS_POISSON };

/* A part of a ramp: from the last part's target (the first begins at its own) to this one's in a straight line. */
struct rf_ramp {
    double seconds, target;
};

struct rf_load_settings {
    unsigned
        connections; /* of each side, all workers together; default 50. Open loop: opened beforehand, more as needed */
    double warmup_s;   /* before anything is counted; default 1 */
    double duration_s; /* default 10 */
    uint64_t requests; /* end after so many instead; 0: `duration_s` */

    /* Open loop, if `rate` or a ramp of rates is set: requests leave by a schedule, whatever became of those before. */
    double rate; /* a second */
    enum rf_arrivals arrivals;
    unsigned
        outstanding_max; /* sent and not answered, at most; what is due beyond that waits, and the wait counts. Default 10000 */
    const struct rf_ramp
        *ramp; /* instead of duration_s; rates, or with ramp_connections connections in use */
    size_t ramp_count;
    bool ramp_connections;

    unsigned pipeline; /* requests on one connection at once; default 1 */
    bool no_keepalive; /* a connection for each request */
    bool new_session;  /* full TLS handshakes only */
    uint64_t seed;     /* of {rand}, {uuid}, Poisson and the order of blocks; 0: a fresh one */

    /* Two sides: blocks of the one and of the other in turns, until all is decided or `duration_s` (not counting the warm-up) is over. */
    double block_s;      /* 0: 0.1, or longer where that holds too few requests */
    bool whole_duration; /* don't end before, even if all is decided */
    double confidence;   /* default 0.99 */
    double
        min_effect; /* what a change must come to; of the share of errors an RF_ERRORS_FINERth of it,
                            as a difference. Default 0.05 */
    unsigned judged; /* which metrics decide: an OR of 1 << enum rf_metric; 0: all */
};
enum { RF_ERRORS_FINER = 10 };
/* Fills in the defaults. */
void rf_load_settings_init(struct rf_load_settings *settings);

/* ---- what is asked ------------------------------------------------------------------------------ */

/* A request to make again and again. Everything is copied. URL (path and query only), values of fields and body may hold placeholders:
 * {seq} counts from 1 over the whole run; {rand:A:B} a whole number from A to B; {uuid} (version 4); {line:FILE} the next line of a
 * file, from the first again after the last. {{ and }} are braces; any other text in braces stays as it is. */
struct rf_load_request {
    const char *name;   /* in figures; NULL: method and URL */
    const char *method; /* NULL: the settings', else GET, or POST where there is a body */
    const char *url;
    const char *const *headers; /* added to the settings'; NULL ends */
    const void *body;           /* NULL: the settings' */
    size_t body_bytes;
    double weight; /* how often, beside others; default 1. rf_load_request_init sets it */
    const char *const *expect; /* added to the settings'; NULL ends */
    bool raw;                  /* braces mean nothing */
};
void rf_load_request_init(struct rf_load_request *request);

/* RF_USAGE: a member makes no sense, `why` names it; RF_LOCAL_FAULT: a {line:FILE} can't be read. */
enum rf_exit rf_load_add(struct rf_load *load, enum rf_side side,
                         const struct rf_load_request *request, char *why, size_t why_size);

/* ---- figures ---------------------------------------------------------------------------------- */

/* A second of the run. Warm-up is not in it. */
struct rf_load_second {
    double start_s; /* since the measured part began */
    double length_s;
    uint64_t requests, errors, bytes;
    unsigned connections; /* open at its end */
    uint64_t p50_ns, p90_ns, p99_ns, max_ns;
};

/* A block: with two sides what the comparison rests on; with one the same for a later comparison. NaN: the block can't say. */
struct rf_load_block {
    double start_s, length_s;
    uint64_t requests, errors;
    double rps, mean_ns, p50_ns, p90_ns, p99_ns, error_share;
};

/* What one of several requests added by rf_load_add came to. */
struct rf_load_entry {
    const char *name;
    double weight;
    uint64_t requests, errors, bytes;
    const struct rf_histogram *latency;
};

enum { RF_STATUS_MAX = 1000 };

/* What one side came to. Histograms count successes only, in nanoseconds; they are NULL where they make no sense. A request is an
 * error when it was not answered, not by valid HTTP, with a status of 400 or more (unless an expectation speaks of the status), or not as
 * expected. Bytes that answer no request ("unsolicited") are an error too, and count among `requests` as one that nobody made. */
struct rf_load_figures {
    double seconds; /* measured */
    uint64_t requests, errors;
    double rps; /* requests that ended in the measured seconds, errors included, a second */
    double rps_scheduled;                            /* open loop: as asked for; else 0 */
    uint64_t received_bytes, sent_bytes, body_bytes; /* of HTTP, TLS not counted */
    uint64_t status[RF_STATUS_MAX];
    uint64_t errors_by_kind[RF_KINDS_MAX]; /* index: rf_error.kind */
    const char *first_error;               /* a sentence about the first error; NULL: none */

    const struct rf_histogram *latency; /* request to last byte; open loop: from when it was due */
    const struct rf_histogram *raw;     /* open loop: from when it left */
    const struct rf_histogram *slip;    /* open loop: how much later than due it left */
    const struct rf_histogram *first_byte;    /* request to first byte */
    const struct rf_histogram *connect, *tls; /* of each connection opened, in the warm-up too */

    uint64_t connects, tls_resumed; /* opened in all, warm-up included; of these resumed sessions */
    unsigned connections, connections_max; /* open at the end of the measured part; at most */
    uint64_t outstanding_max;

    double cpu_user_s, cpu_system_s; /* of the workers, in the measured part of this side */

    const struct rf_load_second *second;
    size_t second_count;
    const struct rf_load_block *block;
    size_t block_count;
    const struct rf_load_entry *entry;
    size_t entry_count;

    const char *url;                      /* of the first request */
    const char *ip;                       /* last connected to; NULL: none */
    const char *server;                   /* its Server field, if it had one; NULL */
    const char *tls_version, *tls_cipher; /* NULL: no TLS */
};
/* NULL for side B where there is none. Valid until rf_load_close. After rf_load_run. */
const struct rf_load_figures *rf_load_figures(const struct rf_load *load, enum rf_side side);

/* What of this machine limited the load: an OR. With any of it the figures say more of the generator than of the server. */
enum rf_load_limit {
    RF_LIMIT_CPU = 1, /* a worker used 95% of its core or more */
    RF_LIMIT_SCHEDULE =
        2, /* open loop: more than 1% left over 1 ms late (and 10% of the mean gap), or the rate was missed by 2% */
    RF_LIMIT_PORTS = 4,        /* no local port was free */
    RF_LIMIT_DESCRIPTORS = 8,  /* no descriptor was free */
    RF_LIMIT_OUTSTANDING = 16, /* outstanding_max was reached */
    RF_LIMIT_MEMORY = 32,
};
struct rf_load_machine {
    unsigned limits;    /* enum rf_load_limit */
    double worker_cpu;  /* share of a core that the busiest worker used, 0 to 1 */
    double process_cpu; /* of all cores of the machine that this process used, 0 to 1 */
    double machine_cpu; /* of all cores that anybody used, 0 to 1; negative: not known */
    unsigned threads;
};
struct rf_load_machine rf_load_machine(const struct rf_load *load);

/* ---- two sides ------------------------------------------------------------------------------- */

enum rf_metric {
    RF_METRIC_RPS,
    RF_METRIC_MEAN,
    RF_METRIC_P50,
    RF_METRIC_P90,
    RF_METRIC_P99,
    RF_METRIC_ERRORS, /* share of all requests; compared as a difference */
    RF_METRICS
};
const char *
rf_metric_name(enum rf_metric metric); /* "rps", "mean", "p50", "p90", "p99", "errors" */

enum rf_change { RF_CHANGE_REGRESSED, RF_CHANGE_IMPROVED, RF_CHANGE_SAME, RF_CHANGE_INCONCLUSIVE };
/* "regressed" ... */
const char *rf_change_name(enum rf_change change);

struct rf_comparison {
    struct {
        bool judged;              /* it counts in the verdict */
        double a, b;              /* medians of the blocks (errors: shares of all) */
        double change, low, high; /* b / a and its interval; of errors b - a */
        enum rf_change verdict;
        size_t samples; /* pairs of blocks; of two runs batches */
    } metric[RF_METRICS];
    /* regressed if any judged one is; else inconclusive if any is; else improved if any is; else same. */
    enum rf_change verdict;
    const char *
        reason; /* why it is inconclusive, where that isn't the intervals' doing; static, or NULL */
};
/* After rf_load_run with two sides, or while it runs. */
struct rf_comparison rf_load_comparison(const struct rf_load *load);

/* The same question for two runs of one side each, the first of which may have been saved: only blocks are looked at. False: memory is out. */
bool rf_compare_blocks(const struct rf_load_block *a, size_t a_count, const struct rf_load_block *b,
                       size_t b_count, const struct rf_load_settings *settings,
                       struct rf_comparison *comparison);

/* ---- running ----------------------------------------------------------------------------------- */

/* Builds it: raises the descriptor limit, checks settings and kernel. Of `settings` what is about the network, https, requests, threads, expect,
 * connect_timeout_ms and max_time_ms (default here: 30000 for a request) is used; the rest means nothing here. */
enum rf_exit rf_load_open(struct rf_load **load, const struct rf_settings *settings,
                          const struct rf_load_settings *load_settings, char *why, size_t why_size);
void rf_load_close(struct rf_load *load); /* NULL is allowed */

enum rf_load_phase { RF_PHASE_CONNECT, RF_PHASE_WARMUP, RF_PHASE_MEASURE, RF_PHASE_DRAIN };

/* How it goes, ten times a second at most. The numbers are of the time since the last sample. */
struct rf_load_sample {
    enum rf_load_phase phase;
    double elapsed_s, expected_s; /* of the measured part; expected_s 0: not known */
    enum rf_side side;            /* what is under load */
    double rps;
    uint64_t p50_ns, p99_ns;
    uint64_t requests, errors; /* of the measured part so far */
    unsigned connections;
    uint64_t outstanding;
    const struct rf_comparison *comparison; /* two sides, once there are pairs; else NULL */
};
typedef void rf_load_sample_fn(void *context, const struct rf_load_sample *sample);

/* Blocks until it is over; once for each load. RF_OK: there are figures (errors of requests are in them). RF_LOCAL_FAULT: a name could not be resolved by
 * this machine's fault, or nothing was added; RF_SOME_FAILED: no connection could be made to any address, or the name doesn't exist: `why` says which;
 * RF_INTERRUPTED, RF_TERMINATED: as rf_load_stop said; figures are there as far as it got. `sample` may be NULL. */
enum rf_exit rf_load_run(struct rf_load *load, rf_load_sample_fn *sample, void *context, char *why,
                         size_t why_size);
/* Ends it soon. Any thread, async-signal-safe. */
void rf_load_stop(struct rf_load *load, enum rf_exit exit);

#ifdef __cplusplus
}
#endif
#endif
