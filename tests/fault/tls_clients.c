/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_clients.c: the exchanges' owners in tls_world.h's world: what they want, what they are moody enough to do in the middle
 * of it, and what they may expect of each upcall and of the end. They share nothing but the tls_world; the ring's thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tls_world.h"

enum {
    LATE_MS = 8, /* a timer's millisecond, a late turn's, and some for turns between */
    UPLOAD_BYTES_MAX = 600000,
};

/* ---- what is expected ---------------------------------------------------------------------------- */

void client_print(const struct client *client) {
    char text[128];
    const struct exchange *exchange = &client->exchange;
    fprintf(stderr,
            "client %u: %s %s %s, %u bytes, got %zu, ends %u, paused %d, stopped %d, cancelled %d, "
            "%s at stage %s (%d), TLS %u, wire %" PRIu64 ", reused %d\n",
            client->id, client->method, model_name(client->behaviour), client->host, client->bytes,
            client->got, client->ends, client->paused, client->stopped, client->cancelled,
            err_text(client->err, text, sizeof text), err_stage_name(client->err),
            client->err.detail, exchange_tls(exchange)->version, exchange->wire_bytes,
            exchange->reused);
}

static bool played(const struct client *client, enum tls_trick trick) {
    const struct tls_place *place = world_place(client->host);
    return place && place->played[trick];
}

static bool is_late(const struct client *client) {
    uint64_t deadline_ns = client->exchange.deadline_ns;
    return deadline_ns && ring_now(tls_world.ring) >= deadline_ns;
}

/* The network alone may take longer than the time limits. */
static bool is_slow(void) {
    return tls_world.options.delay_ms_max > 100;
}

/* Whether the servers have done anything to deserve this error of stage tls. */
static bool is_deserved_tls(const struct client *client) {
    const struct settings *settings = &tls_world.settings;
    const struct tls_place *place = world_place(client->host);
    switch (client->err.kind) {
    case ERR_BAD_TLS:
        return played(client, TRICK_GARBAGE) || played(client, TRICK_GREETING) ||
               played(client, TRICK_GREETING_CUT) || played(client, TRICK_SPOILT);
    case ERR_TLS_ALERT:
        return played(client, TRICK_ALERT) || settings->mismatched;
    case ERR_PROTOCOL_MISMATCH:
        return settings->mismatched || played(client, TRICK_ALERT);
    case ERR_WRONG_HOST:
        return place == &tls_world.place[PLACE_WRONG_HOST];
    case ERR_UNKNOWN_ISSUER:
        return place == &tls_world.place[PLACE_STRANGER];
    case ERR_TIMED_OUT:
        return is_late(client) || is_slow() || played(client, TRICK_MUTE) ||
               played(client, TRICK_HALF);
    case ERR_HANDSHAKE_CUT:
    case ERR_CANCELLED:
        return true;
    default: /* of sockets */
        return client->err.kind == err_from_errno(STAGE_TLS, client->err.detail).kind;
    }
}

static bool is_deserved(const struct client *client) {
    if (client->cancelled || tls_world.settings.starved)
        return true;
    if (client->err.stage == STAGE_TLS)
        return is_deserved_tls(client);
    switch (client->err.kind) {
    case ERR_STALLED:
        return is_slow() || client->behaviour == DO_SILENT || client->behaviour == DO_STALLS;
    case ERR_BAD_CHUNK:
        return client->behaviour == DO_BAD_CHUNK;
    case ERR_BAD_LENGTH:
        return client->behaviour == DO_BAD_LENGTH;
    case ERR_TOO_MANY_INTERIM:
        return client->behaviour == DO_INTERIM_ENDLESS;
    case ERR_HTTP_09: /* what was said to another before may be taken for the answer */
        return client->behaviour == DO_GARBAGE || client->exchange.reused;
    case ERR_BAD_STATUS_LINE:
    case ERR_BAD_FIELD:
    case ERR_HEAD_TOO_LARGE:
    case ERR_BAD_TRANSFER_ENCODING:
    case ERR_BAD_UPGRADE:
        return false;
    default:
        return true;
    }
}

static bool is_whole(const struct client *client) {
    if (strcmp(client->method, "HEAD") == 0 || client->behaviour == DO_EMPTY)
        return client->got == 0;
    if (client->behaviour == DO_UNTIL_CLOSE && !world_said_end(client->id))
        return false;
    return client->got == client->bytes;
}

/* What a record would say of TLS is about the connection that carried the exchange, and says no more than happened. */
static void check_facts(const struct client *client) {
    const struct exchange *exchange = &client->exchange;
    const struct tls_facts *tls = exchange_tls(exchange);
    enum err_stage stage = (enum err_stage)client->err.stage;
    EXPECT_OF(client, !tls->insecure);
    if (exchange->wire_bytes) {
        EXPECT_OF(client, tls->version != TLS_VERSION_NONE && tls->cipher);
        EXPECT_OF(client, tls->cert && !err_is(tls->verify));
        EXPECT_OF(client, tls_cert_is_for(tls->cert, span_of(exchange->origin->host,
                                                             exchange->origin->host_len)));
    }
    if (stage == STAGE_RESOLVE || stage == STAGE_CONNECT)
        EXPECT_OF(client, client->cancelled || (tls->version == TLS_VERSION_NONE && !tls->cert));
    if (tls->resumed) /* where nothing is to be resumed, a trick may still have sent a ticket */
        EXPECT_OF(client, !tls_world.settings.client_forgets &&
                              (!tls_world.settings.server_forgets || played(client, TRICK_TICKET) ||
                               played(client, TRICK_TICKET_LATE)));
    if (client->err.kind == ERR_WRONG_HOST || client->err.kind == ERR_UNKNOWN_ISSUER)
        EXPECT_OF(client, tls->cert && tls->verify.kind == client->err.kind);
}

/* ---- the exchanges' owner ------------------------------------------------------------------------ */

static struct client *client_of(struct exchange *exchange) {
    return CONTAINER_OF(exchange, struct client, exchange);
}

static size_t write_head(struct exchange *exchange, char *memory, size_t room) {
    struct client *client = client_of(exchange);
    char length[64] = "";
    if (exchange->body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", exchange->body->count);
    int len = snprintf(memory, room, "%s /%u/%u/%u HTTP/1.1\r\nHost: h\r\n%s\r\n", client->method,
                       client->behaviour, client->bytes, client->id, length);
    return (size_t)len + 1 > room ? (size_t)len + 1 : (size_t)len;
}

static void meddle(struct client *client);

/* Another exchange's connection, and so another stream of the same TLS, may have its say in the middle of an upcall. */
static enum exchange_answer whim(struct client *client) {
    if (tls_world.settings.calm)
        return EXCHANGE_GO;
    struct client *other = &tls_world.client[below(CLIENTS)];
    if (other != client && chance(10))
        meddle(other);
    if (chance(client->pause_chance)) {
        client->paused = true;
        return EXCHANGE_PAUSE;
    }
    if (!chance(client->stop_chance))
        return EXCHANGE_GO;
    client->stopped = true;
    return EXCHANGE_STOP;
}

static enum exchange_answer on_head(struct exchange *exchange, const struct response_head *head,
                                    const struct response_framing *framing) {
    struct client *client = client_of(exchange);
    (void)framing;
    EXPECT_OF(client, client->begun && !client->ends && !client->paused && !client->stopped);
    EXPECT_OF(client, head->status >= 200 && head->status != STATUS_EXTRA);
    EXPECT_OF(client, exchange_at(exchange, AT_SECURED) || exchange->reused);
    client->got = 0;
    return whim(client);
}

static enum exchange_answer on_body(struct exchange *exchange, struct span bytes) {
    struct client *client = client_of(exchange);
    EXPECT_OF(client, !client->ends && !client->paused && !client->stopped && bytes.len);
    EXPECT_OF(client, client->got + bytes.len <= client->bytes);
    for (size_t i = 0; i < bytes.len; i++)
        EXPECT_OF(client, bytes.at[i] == model_byte(client->id, client->got + i));
    client->got += bytes.len;
    return whim(client);
}

static void on_end(struct exchange *exchange, struct err err) {
    struct client *client = client_of(exchange);
    uint64_t now = ring_now(tls_world.ring);
    client->err = err;
    client->ends++;
    client->paused = false;
    tls_world.ended++;
    tls_world.ok += !err_is(err);
    tls_world.resumed += exchange_tls(exchange)->resumed;
    EXPECT_OF(client, client->begun && client->ends == 1);
    EXPECT_OF(client, !err_is(err) || !client->stopped || client->cancelled);
    EXPECT_OF(client, err_is(err) || client->stopped || is_whole(client));
    EXPECT_OF(client, !err_is(err) || (err.stage != STAGE_NONE && is_deserved(client)));
    EXPECT_OF(client, !exchange->deadline_ns || client->cancelled ||
                          now <= exchange->deadline_ns + LATE_MS * NS_PER_MS);
    /* Asking twice: once, and only where that does no harm. */
    EXPECT_OF(client, tls_world.model.asked[client->id] <= (exchange->idempotent ? 2u : 1u));
    if (!tls_world.settings.starved)
        check_facts(client);
    if (!tls_world.cert && exchange_tls(exchange)->cert)
        tls_world.cert = tls_cert_keep(exchange_tls(exchange)->cert);
    if (below(2))
        exchange_forget(exchange, &tls_world.memory); /* else at the very end */
    origin_drop(tls_world.conns, client->origin);
}

static const struct exchange_ops exchange_ops = {write_head, on_head, on_body, on_end};

static void client_begin(struct client *client) {
    char text[64], href[256];
    struct url url;
    snprintf(text, sizeof text, "https://%s/", client->host);
    EXPECT(url_parse(&url, span_text(text), NULL, href, sizeof href) == URL_OK);
    client->origin = origin_acquire(tls_world.conns, &url);
    client->begun = true;
    tls_world.begun++;
    exchange_begin(tls_world.conns, &client->exchange, client->origin);
}

/* ---- what the clients want ------------------------------------------------------------------------ */

static const char *pick_host(void) {
    static const char *const good[] = {"192.0.2.1", "192.0.2.2", "127.0.0.1", "[2001:db8::1]",
                                       "two.test"};
    static const char *const bad[] = {"192.0.2.3", "192.0.2.4", "192.0.2.7", "192.0.2.8",
                                      "192.0.2.9", "dead.test", "late.test"};
    if (below(3)) /* many at one host, or no connection would serve twice */
        return good[tls_world.seed % 5];
    return below(2) ? good[below(5)] : bad[below(7)];
}

static void give_body(struct exchange *exchange, unsigned id) {
    size_t count = below(20) ? below(20000) : below(UPLOAD_BYTES_MAX);
    exchange->body = pool_acquire(&tls_world.memory, sizeof *exchange->body + count);
    exchange->body->count = count;
    atomic_init(&exchange->body->references, 1);
    for (size_t i = 0; i < count; i++)
        exchange->body->at[i] = model_byte(id, i);
}

void client_init(struct client *client, unsigned id) {
    static const char *const methods[] = {"GET", "GET", "GET", "HEAD", "PUT", "POST"};
    *client = (struct client){.id = id, .method = methods[below(6)], .host = pick_host()};
    client->behaviour = (enum behaviour)below(below(3) ? DO_INTERIM_ENDLESS : DO_FOR_EXCHANGES);
    client->bytes = below(below(4) ? 300 : MODEL_BYTES_MAX);
    client->pause_chance = below(3) ? 0 : below(40);
    client->stop_chance = below(5) ? 0 : below(30);
    struct exchange *exchange = &client->exchange;
    exchange->ops = &exchange_ops;
    exchange->head_method = strcmp(client->method, "HEAD") == 0;
    exchange->idempotent = strcmp(client->method, "POST") != 0;
    if (strchr(client->method, 'P'))
        give_body(exchange, id);
}

void client_init_plain(struct client *client, unsigned id) {
    static const char *const hosts[] = {"192.0.2.1", "192.0.2.2", "127.0.0.1", "[2001:db8::1]",
                                        "two.test"};
    *client = (struct client){.id = id, .method = "GET", .host = hosts[id % 5]};
    client->bytes = below(40000);
    client->exchange = (struct exchange){.ops = &exchange_ops, .idempotent = true};
}

static void client_deinit(struct client *client) {
    struct body_bytes *body = client->exchange.body;
    exchange_forget(&client->exchange, &tls_world.memory);
    if (!body)
        return;
    EXPECT_OF(client, body->references == 1);
    pool_release(&tls_world.memory, body, sizeof *body + body->count);
}

/* ---- a run ------------------------------------------------------------------------------------------ */

static void begin_next(void) {
    struct client *client = &tls_world.client[tls_world.begun];
    if (tls_world.settings.famine_lasts) /* what this machine lacks is waited for */
        client->exchange.deadline_ns = ring_now(tls_world.ring) + 2 * NS_PER_S;
    if (!tls_world.settings.calm && chance(30))
        client->exchange.deadline_ns = ring_now(tls_world.ring) + (1 + below(8000)) * NS_PER_MS;
    client_begin(client);
}

static void meddle(struct client *client) {
    struct err err = err_make(STAGE_LOCAL, ERR_CANCELLED, 0);
    if (!client->begun || client->ends)
        return;
    if (client->paused && below(2)) {
        client->paused = false;
        exchange_resume(tls_world.conns, &client->exchange);
    } else if (!tls_world.settings.calm && below(300) == 0) {
        client->cancelled = true;
        exchange_cancel(tls_world.conns, &client->exchange, err);
        EXPECT_OF(client, client->ends == 1 && client->err.kind == ERR_CANCELLED);
    }
}

static void stop_everything(void) {
    struct err err = err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0);
    for (unsigned i = 0; i < tls_world.begun; i++) {
        struct client *client = &tls_world.client[i];
        client->cancelled |= !client->ends;
        exchange_cancel(tls_world.conns, &client->exchange, err);
        EXPECT_OF(client, client->ends == 1);
    }
    tls_world.settings.wanted = tls_world.begun;
}

static void drive(struct ring_timer *timer) {
    const struct settings *settings = &tls_world.settings;
    while (tls_world.begun < settings->wanted && (settings->burst || below(3)) &&
           !(settings->serial && tls_world.ended < tls_world.begun))
        begin_next();
    for (unsigned i = 0; i < tls_world.begun; i++)
        meddle(&tls_world.client[i]);
    if (settings->starved && !settings->famine && below(4) == 0)
        famine_begin(1 + below(below(2) ? 100 : 2000), below(8) == 0);
    if (!settings->calm && below(1500) == 0)
        stop_everything();
    if (tls_world.ended < settings->wanted)
        ring_timer_set(tls_world.ring, timer,
                       ring_now(tls_world.ring) + below(settings->pace_ms) * NS_PER_MS);
}

struct sim_report world_run(client_init_fn *init) {
    world_open();
    for (unsigned i = 0; i < tls_world.settings.wanted; i++)
        init(&tls_world.client[i], i);
    famine_begin(tls_world.settings.famine, tls_world.settings.famine_lasts);
    ring_timer_init(&tls_world.driver, drive);
    ring_timer_set(tls_world.ring, &tls_world.driver, ring_now(tls_world.ring));
    while (tls_world.ended < tls_world.settings.wanted)
        ring_turn(tls_world.ring, true);
    EXPECT(tls_world.ended == tls_world.begun);
    ring_timer_stop(&tls_world.driver);
    /* Some connections are left to die of idleness, some are closed. */
    for (unsigned turns = below(30); turns && conn_pool_connections(tls_world.conns); turns--)
        ring_turn(tls_world.ring, true);
    tls_world.famine_left = famine_countdown();
    world_empty();
    for (unsigned i = 0; i < CLIENTS; i++)
        client_deinit(&tls_world.client[i]);
    return world_close();
}
