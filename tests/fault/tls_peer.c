/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_peer.c: the servers' side of TLS. The model hands down an answer piece by piece; each piece becomes records, and what
 * TLS itself has to say goes out at once or a little later.
 *
 * KeyUpdate and tickets at a chosen moment are nothing that the engine's servers need, so tls.h has no calls for them, and
 * this file looks inside the stream.
 */
#include "tls_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <wolfssl/options.h> /* before any other header of the library */

#include "base/assert.h"
#include "tls/tls_private.h"

enum { RECORD_BYTES_MAX = 16384, LATER_MS_MAX = 6, EXTRA_BYTES_MAX = 256 };

struct tls_peer {
    struct model_peer model_peer; /* first, as the model wants it */
    struct tls_place *place;
    struct tls_stream *stream;
    enum tls_trick trick;
    bool established;
    bool over; /* what still comes is not read, and nothing is said any more */
};

const char *tls_trick_name(enum tls_trick trick) {
    static const char *const names[] = {
#define X(id, kind) #id,
        TRICKS(X)
#undef X
    };
    return names[trick];
}

static unsigned below(const struct tls_peer *server, unsigned count) {
    return (unsigned)random_below(&server->place->model->random, count);
}

static bool plays(struct tls_peer *server, enum tls_trick trick) {
    if (server->trick != trick)
        return false;
    server->place->played[trick]++;
    return true;
}

/* ---- famine -------------------------------------------------------------------------------------- */

/* The library's servers don't survive a lack of memory without a leak of their own (TLSX_KeyShare_Establish in 5.5.4), and how
 * they do is nobody's concern here. While one is at work, the countdown is suspended: it is as much shorter then as
 * allocations have succeeded since it was set. */
static struct famine {
    unsigned countdown;
    bool all;
    int64_t since; /* tls_memory().allocations */
} famine;

void famine_begin(unsigned countdown, bool all) {
    famine = (struct famine){countdown, all, tls_memory().allocations};
    tls_memory_fail(countdown, all);
}

void famine_end(void) {
    famine_begin(0, false);
}

static void spare_server(void) {
    int64_t asked = tls_memory().allocations - famine.since;
    bool over = !famine.all && asked >= famine.countdown;
    if (over)
        famine.countdown = 0;
    else if (famine.countdown)
        famine.countdown -=
            (unsigned)asked < famine.countdown ? (unsigned)asked : famine.countdown - 1;
    tls_memory_fail(0, false);
}

static void spare_no_more(void) {
    famine_begin(famine.countdown, famine.all);
}

unsigned famine_countdown(void) {
    spare_server();
    spare_no_more();
    return famine.countdown;
}

/* ---- what goes out ------------------------------------------------------------------------------- */

static void flush(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    struct bytes output = tls_take_output(server->stream);
    if (output.len)
        sim_peer_send(peer, output.at, output.len);
    bytes_release(&output, server->place->pool);
}

static void hang_up(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    server->over = true;
    sim_peer_close(peer);
}

/* The stream is broken: the client gave up, or was too old. An alert may still go. */
static void give_up(struct sim_peer *peer, struct err err) {
    struct tls_peer *server = sim_peer_user(peer);
    char text[128];
    bool fair = err.kind == ERR_TLS_ALERT || err.kind == ERR_PROTOCOL_MISMATCH;
    if (!fair && server->place->strict) {
        sim_print(stderr);
        fprintf(stderr, "a server says: %s\n", err_text(err, text, sizeof text));
        abort();
    }
    flush(peer);
    hang_up(peer);
}

static bool write_record(struct sim_peer *peer, const void *bytes, size_t count) {
    struct tls_peer *server = sim_peer_user(peer);
    spare_server();
    bool written = tls_write(server->stream, span_of(bytes, count));
    spare_no_more();
    if (written)
        return true;
    give_up(peer, err_make(STAGE_TLS, ERR_TLS_FAILED, 0));
    return false;
}

static void on_flush_timer(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    if (!server->over)
        flush(peer);
}

/* Now, or a little later; what is written meanwhile takes it along. */
static void flush_sometime(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    if (below(server, 3))
        flush(peer);
    else
        sim_peer_timer(peer, 1 + below(server, LATER_MS_MAX), on_flush_timer);
}

/* ---- behind an answer ------------------------------------------------------------------------------ */

/* Both fail on TLS 1.2, which has neither. */
static void update_key(struct tls_peer *server) {
    spare_server();
    wolfSSL_update_keys(server->stream->ssl);
    spare_no_more();
}

static void send_ticket(struct tls_peer *server) {
    spare_server();
    wolfSSL_send_SessionTicket(server->stream->ssl);
    spare_no_more();
}

static void on_ticket_timer(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    if (server->over)
        return;
    send_ticket(server);
    flush(peer);
}

/* Behind any other answer more bytes would be a part of it. */
static bool is_whole(const struct sim_peer *peer) {
    switch (http_model_behaviour(peer)) {
    case DO_UNTIL_CLOSE:
    case DO_TRUNCATED:
    case DO_RESETS:
    case DO_STALLS:
        return false;
    default:
        return true;
    }
}

static size_t extra_response(char text[static EXTRA_BYTES_MAX]) {
    int len = snprintf(text, EXTRA_BYTES_MAX,
                       "HTTP/1.1 %d Not Yours\r\nContent-Length: 6\r\n\r\nsecret", STATUS_EXTRA);
    return (size_t)len;
}

/* The answer's end and another response in one record: whoever reads the one has the other. */
static bool write_with_extra(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    struct tls_peer *server = sim_peer_user(peer);
    char record[RECORD_BYTES_MAX], extra[EXTRA_BYTES_MAX];
    size_t more = extra_response(extra);
    if (count + more > sizeof record || !is_whole(peer) || !plays(server, TRICK_EXTRA_INSIDE))
        return write_record(peer, bytes, count);
    memcpy(record, bytes, count);
    memcpy(record + count, extra, more);
    return write_record(peer, record, count + more);
}

/* One bit of the record's end, where the tag is: not of its head, which would make the client wait for more. */
static void send_spoilt(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    struct bytes output = tls_take_output(server->stream);
    if (output.len) {
        output.at[output.len - 1 - below(server, 8)] ^= 1;
        sim_peer_send(peer, output.at, output.len);
    }
    bytes_release(&output, server->place->pool);
    server->over = true;
}

static bool write_last(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    struct tls_peer *server = sim_peer_user(peer);
    if (plays(server, TRICK_SPOILT)) {
        flush(peer);
        if (write_record(peer, bytes, count))
            send_spoilt(peer);
        return false;
    }
    return write_with_extra(peer, bytes, count);
}

static void end_tls(struct tls_peer *server) {
    spare_server();
    tls_end(server->stream);
    spare_no_more();
}

static void say_goodbye(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    end_tls(server);
    server->place->said_end[http_model_id(peer)] = true;
}

static void play_behind(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    if (is_whole(peer) && plays(server, TRICK_EXTRA_BEHIND))
        write_record(peer, "unasked", 7);
    else if (plays(server, TRICK_KEY_UPDATE))
        update_key(server);
    else if (plays(server, TRICK_TICKET))
        send_ticket(server);
    else if (plays(server, TRICK_TICKET_LATE))
        sim_peer_timer(peer, 1 + below(server, LATER_MS_MAX), on_ticket_timer);
    else if (plays(server, TRICK_GOODBYE_HALF))
        say_goodbye(peer);
}

/* ---- the model's wire ---------------------------------------------------------------------------- */

static size_t cut(struct tls_peer *server, size_t count) {
    static const unsigned sizes[] = {200, 4000, RECORD_BYTES_MAX};
    unsigned most = sizes[below(server, 3)];
    if (count <= RECORD_BYTES_MAX && below(server, 2))
        return count;
    return 1 + below(server, count < most ? (unsigned)count : most);
}

static void wire_send(struct sim_peer *peer, const void *bytes, size_t count, bool last) {
    struct tls_peer *server = sim_peer_user(peer);
    const uint8_t *at = bytes;
    while (count && !server->over) {
        size_t piece = cut(server, count);
        bool end = last && piece == count;
        if (end ? !write_last(peer, at, piece) : !write_record(peer, at, piece))
            return;
        if (end)
            play_behind(peer);
        else if (plays(server, TRICK_KEY_UPDATE_WITHIN))
            update_key(server);
        if (below(server, 3) == 0)
            flush(peer);
        at += piece;
        count -= piece;
    }
    if (!server->over)
        flush(peer);
}

static void wire_close(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    if (server->over)
        return;
    if (server->established && below(server, 100) >= server->place->rude_chance)
        say_goodbye(peer);
    flush(peer);
    hang_up(peer);
}

static void wire_reset(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    server->over = true;
    sim_peer_reset(peer);
}

static const struct model_wire tls_wire = {wire_send, wire_close, wire_reset};

/* ---- the handshake --------------------------------------------------------------------------------- */

/* Tricks that need no handshake at all. True: that was it. */
static bool answer_hello(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    static const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, 80};
    static const char garbage[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    if (plays(server, TRICK_GARBAGE))
        sim_peer_send(peer, garbage, sizeof garbage - 1);
    else if (plays(server, TRICK_ALERT))
        sim_peer_send(peer, alert, sizeof alert);
    else if (!plays(server, TRICK_MUTE))
        return false;
    server->over = true;
    return true;
}

static bool is_cut_short(const struct tls_peer *server) {
    return server->trick == TRICK_HALF || server->trick == TRICK_CUT ||
           server->trick == TRICK_RESET;
}

/* Not all of the flight. */
static void cut_flight(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    struct bytes output = tls_take_output(server->stream);
    if (output.len > 1) {
        sim_peer_send(peer, output.at, 1 + below(server, (unsigned)output.len - 1));
        if (plays(server, TRICK_CUT))
            sim_peer_close(peer);
        else if (plays(server, TRICK_RESET))
            sim_peer_reset(peer);
        else
            plays(server, TRICK_HALF);
        server->over = true;
    }
    bytes_release(&output, server->place->pool);
}

static void shake(struct sim_peer *peer, struct span *in) {
    struct tls_peer *server = sim_peer_user(peer);
    struct err err;
    spare_server();
    enum step step = tls_shake(server->stream, in, &err);
    spare_no_more();
    switch (step) {
    case STEP_DONE:
        server->established = true;
        server->place->established++;
        flush_sometime(peer);
        break;
    case STEP_BAD:
        give_up(peer, err);
        break;
    default:
        if (is_cut_short(server))
            cut_flight(peer);
        else
            flush(peer);
        break;
    }
}

/* ---- what comes in --------------------------------------------------------------------------------- */

static void read_all(struct sim_peer *peer, struct span in) {
    struct tls_peer *server = sim_peer_user(peer);
    uint8_t copy
        [RECORD_BYTES_MAX]; /* the model answers, by the same tls, before it has looked at everything */
    struct span data;
    struct err err;
    while (!server->over) {
        spare_server();
        enum tls_got got = tls_read(server->stream, &in, &data, &err);
        spare_no_more();
        switch (got) {
        case TLS_DATA:
            CHECK(data.len && data.len <= sizeof copy);
            memcpy(copy, data.at, data.len);
            http_model_take(peer, copy, data.len);
            break;
        case TLS_MORE:
            return;
        case TLS_END:
            end_tls(server);
            flush(peer);
            hang_up(peer);
            return;
        default:
            give_up(peer, err);
            return;
        }
    }
}

static void on_received(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    struct tls_peer *server = sim_peer_user(peer);
    struct span in = span_of(bytes, count);
    if (!count) {
        hang_up(peer);
        return;
    }
    if (server->over || (!server->established && answer_hello(peer)))
        return;
    if (!server->established)
        shake(peer, &in);
    if (server->established)
        read_all(peer, in);
}

static enum tls_trick draw_trick(struct tls_peer *server) {
    const struct tls_place *place = server->place;
    if (place->trick || below(server, 100) >= place->trick_chance)
        return place->trick;
    return (enum tls_trick)below(server, TRICK_COUNT);
}

static void on_accepted(struct sim_peer *peer) {
    static const char greeting[] = "220 mail.example ESMTP ready\r\n";
    struct tls_peer *server = calloc(1, sizeof *server);
    struct err err;
    CHECK(server);
    server->model_peer.wire = &tls_wire;
    server->place = sim_peer_context(peer);
    server->trick = draw_trick(server);
    sim_peer_set_user(peer, server);
    http_model_accept(peer, server->place->model);
    spare_server();
    server->stream = tls_stream_open(server->place->tls, span_of("", 0), 0, &err);
    spare_no_more();
    CHECK(server->stream);
    bool greets = plays(server, TRICK_GREETING) || plays(server, TRICK_GREETING_CUT);
    if (greets)
        sim_peer_send(peer, greeting, sizeof greeting - 1);
    if (server->trick == TRICK_GREETING_CUT)
        hang_up(peer);
    server->over |= greets;
}

static void on_closed(struct sim_peer *peer) {
    struct tls_peer *server = sim_peer_user(peer);
    http_model_forget(peer);
    tls_stream_close(server->stream);
    free(server);
}

const struct sim_server_ops tls_peer_ops = {on_accepted, on_received, on_closed};
