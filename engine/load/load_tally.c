/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_tally.c: counting. Every request that was begun is counted once and here, in the tally of the block in which it ended, and so is
 * every error that is no request's. The worker's thread.
 *
 * Where a side has one entry only, what there is to say of it is what the tallies say, so its own tally is summed up when they are handed in
 * and costs a request nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "load/load_private.h"

/* ---- tallies -------------------------------------------------------------------------------------- */

bool load_tally_init(struct load_tally *tally, bool open_loop) {
    *tally = (struct load_tally){0};
    list_init(&tally->link);
    bool ok = histogram_try_init(&tally->latency, LOAD_HIGHEST_NS) &&
              histogram_try_init(&tally->first_byte, LOAD_HIGHEST_NS) &&
              histogram_try_init(&tally->connect, LOAD_HIGHEST_NS) &&
              histogram_try_init(&tally->tls, LOAD_HIGHEST_NS);
    if (open_loop)
        ok = ok && histogram_try_init(&tally->raw, LOAD_HIGHEST_NS) &&
             histogram_try_init(&tally->slip, LOAD_HIGHEST_NS);
    if (!ok)
        load_tally_deinit(tally);
    return ok;
}

void load_tally_deinit(struct load_tally *tally) {
    histogram_deinit(&tally->latency);
    histogram_deinit(&tally->first_byte);
    histogram_deinit(&tally->raw);
    histogram_deinit(&tally->slip);
    histogram_deinit(&tally->connect);
    histogram_deinit(&tally->tls);
}

static struct histogram kept(struct histogram *histogram) {
    if (histogram->highest)
        histogram_reset(histogram);
    return *histogram;
}

void load_tally_reset(struct load_tally *tally) {
    *tally = (struct load_tally){.latency = kept(&tally->latency),
                                 .first_byte = kept(&tally->first_byte),
                                 .raw = kept(&tally->raw),
                                 .slip = kept(&tally->slip),
                                 .connect = kept(&tally->connect),
                                 .tls = kept(&tally->tls)};
    list_init(&tally->link);
}

struct load_tally *load_tally_new(bool open_loop) {
    struct load_tally *tally = malloc(sizeof *tally);
    if (tally && load_tally_init(tally, open_loop))
        return tally;
    free(tally);
    return NULL;
}

void load_tally_free(struct load_tally *tally) {
    if (!tally)
        return;
    load_tally_deinit(tally);
    free(tally);
}

/* ---- handing in --------------------------------------------------------------------------------------- */

static uint64_t ns_of(struct timeval time) {
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * 1000;
}

void load_cpu_begin(struct load_worker *worker) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    worker->cpu_user_ns = ns_of(usage.ru_utime);
    worker->cpu_system_ns = ns_of(usage.ru_stime);
}

static void add_cpu(struct load_worker *worker, struct load_tally *tally) {
    uint64_t user_ns = worker->cpu_user_ns, system_ns = worker->cpu_system_ns;
    load_cpu_begin(worker);
    tally->cpu_user_ns = worker->cpu_user_ns - user_ns;
    tally->cpu_system_ns = worker->cpu_system_ns - system_ns;
}

static struct load_entry_tally *entry_tally(struct load_worker *worker, uint32_t entry) {
    struct load_entry_tally *tally = &worker->entry[entry];
    if (!tally->latency.highest)
        histogram_init(&tally->latency, LOAD_HIGHEST_NS);
    return tally;
}

static void add_only_entry(struct load_worker *worker, const struct load_tally *tally) {
    if (!worker->order.counted || worker->only_entry[tally->side] < 0 || !tally->requests)
        return;
    struct load_entry_tally *entry = entry_tally(worker, (uint32_t)worker->only_entry[tally->side]);
    entry->requests += tally->requests;
    entry->errors += tally->errors;
    entry->bytes += tally->received_bytes;
    histogram_merge(&entry->latency, &tally->latency);
}

void load_hand_in(struct load_worker *worker, bool last, uint64_t stop_ns) {
    uint8_t side = worker->order.side;
    struct load_tally *tally = worker->now;
    tally->order = worker->order.number;
    tally->block = worker->block;
    tally->worker = worker->options.worker;
    tally->side = side;
    tally->last = last;
    tally->start_ns = worker->block_start_ns;
    tally->stop_ns = stop_ns;
    tally->connections = worker->open[side];
    add_cpu(worker, tally);
    add_only_entry(worker, tally);
    worker->now = worker->shared->hand_in(worker->shared->context, tally);
    CHECK(worker->now);
    worker->tally[side] = worker->now;
    worker->now->outstanding_max = last ? 0 : worker->outstanding;
    worker->now->connections_max = worker->open[side];
}

/* ---- what went wrong ------------------------------------------------------------------------------------- */

static void explain_tls(const struct load_conn *conn, struct err err, char *text, size_t size) {
    struct tls_facts facts = tls_stream_facts(conn->tls);
    struct span name = conn->lane->target->host;
    char host[WHY_BYTES];
    snprintf(host, sizeof host, "%.*s", (int)name.len, (const char *)name.at);
    tls_explain(err, &facts, host, text, size);
    tls_facts_drop(&facts);
}

void load_note_error(struct load_worker *worker, uint8_t side, const struct load_conn *conn,
                     struct err err) {
    char *sentence = worker->facts[side].first_error, text[WHY_BYTES], address[ADDRESS_TEXT_BYTES];
    size_t size = sizeof worker->facts[side].first_error;
    if (sentence[0])
        return;
    if (err.stage == STAGE_TLS && conn && conn->tls)
        explain_tls(conn, err, text, sizeof text);
    else
        err_text(err, text, sizeof text);
    sa_family_t family = conn ? conn->address.any.sa_family : AF_UNSPEC;
    if (err.stage == STAGE_CONNECT && (family == AF_INET || family == AF_INET6))
        snprintf(sentence, size, "%.160s: %s port %u", text, address_text(&conn->address, address),
                 address_port(&conn->address));
    else
        snprintf(sentence, size, "%s", text);
}

static void count_error(struct load_worker *worker, const struct load_outcome *outcome) {
    worker->now->errors++;
    worker->now->kind[outcome->err.kind]++;
    load_note_error(worker, worker->order.side, outcome->conn, outcome->err);
}

/* ---- a request is over -------------------------------------------------------------------------------------- */

static void record_times(struct load_tally *tally, const struct load_outcome *outcome,
                         uint64_t now) {
    const struct load_request *request = outcome->request;
    uint64_t raw = now - request->sent_ns;
    uint64_t first = outcome->conn->first_byte_ns;
    if (request->due_ns) {
        histogram_record(&tally->latency, now - request->due_ns);
        histogram_record(&tally->raw, raw);
    } else {
        histogram_record(&tally->latency, raw);
    }
    histogram_record(&tally->first_byte, first - request->sent_ns);
}

static void count_entry(struct load_worker *worker, const struct load_outcome *outcome,
                        uint64_t now) {
    const struct load_request *request = outcome->request;
    struct load_entry_tally *entry = entry_tally(worker, request->entry);
    entry->requests++;
    if (outcome->conn && outcome->status)
        entry->bytes += outcome->conn->response_bytes;
    if (err_is(outcome->err))
        entry->errors++;
    else
        histogram_record(&entry->latency,
                         now - (request->due_ns ? request->due_ns : request->sent_ns));
}

void load_count(struct load_worker *worker, const struct load_outcome *outcome) {
    if (UNLIKELY(worker->dropped))
        return;
    uint64_t now = ring_now(worker->ring);
    if (UNLIKELY(now >= worker->roll_ns))
        load_roll(worker, now);
    struct load_tally *tally = worker->now;
    tally->requests++;
    tally->late += now >= worker->order.stop_ns;
    if (outcome->status) {
        tally->status[outcome->status]++;
        tally->body_bytes += outcome->conn->body_bytes;
    }
    if (UNLIKELY(err_is(outcome->err)))
        count_error(worker, outcome);
    else
        record_times(tally, outcome, now);
    if (worker->order.counted && worker->only_entry[worker->order.side] < 0)
        count_entry(worker, outcome, now);
}

/* Whose answer the bytes came behind; on a connection that has answered nothing, whoever might have asked. */
static uint32_t stray_entry(const struct load_conn *conn) {
    const struct load_worker *worker = conn->worker;
    const struct load_lane *lane = conn->lane;
    uint32_t entry = 0;
    if (conn->served)
        return conn->request[(conn->first ? conn->first : worker->options.pipeline) - 1].entry;
    while (&worker->lane[worker->plan->entry[entry].target] != lane)
        entry++;
    return entry;
}

/* It is counted as a request that no one made, so that errors are never more than requests are. */
void load_count_stray(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    const struct load_request request = {.entry = stray_entry(conn)};
    if (worker->active && worker->order.side == conn->lane->side)
        load_count(worker, &(struct load_outcome){.request = &request,
                                                  .conn = conn,
                                                  .err = err_make(STAGE_HEAD, ERR_UNSOLICITED, 0)});
}

/* What a server says is anybody's bytes; here it becomes text for a terminal. */
void load_note_server(struct load_worker *worker, uint8_t side, const struct response_head *head) {
    struct load_facts *facts = &worker->facts[side];
    const struct http_field *field = facts->server[0] ? NULL : response_field(head, "server");
    if (!field)
        return;
    size_t len =
        field->value.len < sizeof facts->server ? field->value.len : sizeof facts->server - 1;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = field->value.at[i];
        facts->server[i] = (char)(c < 0x20 || c >= 0x7f ? '?' : c);
    }
    facts->server[len] = 0;
}
