/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * http_model.c: the servers' side. An answer is composed as a whole and then sent at once or in drips,
 * and something may happen after it. One request at a time, as the client does not pipeline.
 */
#include "http_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum after { AFTER_NOTHING, AFTER_CLOSE, AFTER_RESET, AFTER_SURPLUS };
enum { IN_BYTES_MAX = 16384, INTERIM_SENT = 40 };

struct answer {
    struct http_model *model;
    char in[IN_BYTES_MAX];
    size_t in_len, upload_left;
    bool uploading; /* the head has been read, the rest of the request's body is to come */
    bool answering;
    unsigned id, bytes;
    enum behaviour behaviour;
    bool head_only;
    uint8_t *out;
    size_t out_len, out_at, out_room;
    enum after after;
    unsigned after_ms;
};

void http_model_init(struct http_model *model, uint64_t seed) {
    *model = (struct http_model){.other_host = "192.0.2.2"};
    random_seed(&model->random, seed * 7919 + 1);
}

uint8_t model_byte(unsigned id, size_t at) {
    return (uint8_t)(id * 31 + at * 7 + (at >> 8));
}

const char *model_name(enum behaviour behaviour) {
    static const char *const names[] = {
#define X(id, kind) #id,
        BEHAVIOURS(X)
#undef X
    };
    return names[behaviour];
}

/* ---- composing --------------------------------------------------------------------------------- */

static void put(struct answer *answer, const void *bytes, size_t count) {
    if (answer->out_len + count > answer->out_room) {
        answer->out_room = 2 * (answer->out_len + count);
        answer->out = realloc(answer->out, answer->out_room);
        CHECK(answer->out);
    }
    memcpy(answer->out + answer->out_len, bytes, count);
    answer->out_len += count;
}

__attribute__((format(printf, 2, 3))) static void say(struct answer *answer, const char *format,
                                                      ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(answer, text, (size_t)len);
}

static void put_body(struct answer *answer, size_t from, size_t count) {
    for (size_t i = from; i < from + count; i++) {
        uint8_t byte = model_byte(answer->id, i);
        put(answer, &byte, 1);
    }
}

static void with_length(struct answer *answer, const char *status, const char *fields) {
    say(answer, "HTTP/1.1 %s\r\nContent-Length: %u\r\n%s\r\n", status, answer->bytes, fields);
    if (!answer->head_only)
        put_body(answer, 0, answer->bytes);
}

static void chunked(struct answer *answer, bool spoilt) {
    struct random *random = &answer->model->random;
    say(answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (answer->head_only)
        return;
    for (size_t at = 0; at < answer->bytes;) {
        size_t left = answer->bytes - at, most = random_below(random, 3) ? 100 : 20000;
        size_t count = 1 + random_below(random, left < most ? left : most);
        say(answer, "%zx%s\r\n", count, random_below(random, 8) ? "" : ";extension=\"1\"");
        put_body(answer, at, count);
        say(answer, "\r\n");
        at += count;
        if (spoilt && at >= answer->bytes / 2)
            break;
    }
    if (spoilt)
        say(answer, "zz\r\n");
    else
        say(answer, "0\r\n%s\r\n", random_below(random, 3) ? "" : "Trailer-Field: x\r\n");
}

static void interim(struct answer *answer, unsigned count) {
    while (count--)
        say(answer, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
}

static void cut_short(struct answer *answer, enum after after) {
    size_t body = answer->head_only ? 0 : answer->bytes;
    with_length(answer, "200 OK", "");
    if (body)
        answer->out_len -= 1 + random_below(&answer->model->random, body);
    else
        answer->out_len -= 3;
    answer->after = after;
}

static void redirect(struct answer *answer) {
    struct http_model *model = answer->model;
    if (answer->behaviour == DO_REDIRECT_LOOP)
        say(answer, "HTTP/1.1 302 Found\r\nLocation: ?again\r\nContent-Length: 4\r\n\r\nhere");
    else
        say(answer,
            "HTTP/1.1 301 Moved\r\nLocation: http://%s/%u/%u/%u\r\nContent-Length: 0\r\n\r\n",
            model->other_host, DO_LENGTH, answer->bytes, answer->id + MODEL_REDIRECTED);
}

static void later(struct answer *answer, enum after after) {
    with_length(answer, "200 OK", "");
    answer->after = after;
    answer->after_ms = (unsigned)random_below(&answer->model->random, 6);
}

static void fail_at_first(struct answer *answer, unsigned times, const char *status,
                          const char *fields) {
    if (answer->model->asked[answer->id] > times)
        with_length(answer, "200 OK", "");
    else
        say(answer, "HTTP/1.1 %s\r\n%sContent-Length: 5\r\n\r\nerror", status, fields);
}

static void compose_bad(struct answer *answer) {
    switch (answer->behaviour) {
    case DO_INTERIM_ENDLESS:
        interim(answer, INTERIM_SENT);
        break;
    case DO_TRUNCATED:
        cut_short(answer, AFTER_CLOSE);
        break;
    case DO_RESETS:
        cut_short(answer, AFTER_RESET);
        break;
    case DO_STALLS:
        cut_short(answer, AFTER_NOTHING);
        break;
    case DO_GARBAGE:
        say(answer, "220 mail.example ESMTP\r\n");
        break;
    case DO_BAD_CHUNK:
        chunked(answer, true);
        break;
    case DO_BAD_LENGTH:
        say(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n");
        break;
    case DO_SLAMS:
        answer->after = AFTER_CLOSE;
        break;
    case DO_REDIRECT:
    case DO_REDIRECT_LOOP:
        redirect(answer);
        break;
    case DO_BUSY:
        fail_at_first(answer, answer->bytes % 3, "503 Busy", "Retry-After: 3\r\n");
        break;
    case DO_PATCHY:
        fail_at_first(answer, 2, "500 Oops", "");
        break;
    case DO_MISSING:
        with_length(answer, "404 Not Found", "");
        break;
    default: /* silence */
        break;
    }
}

static void compose(struct answer *answer) {
    switch (answer->behaviour) {
    case DO_LENGTH:
    case DO_DRIPS:
    case DO_EARLY:
        with_length(answer, "200 OK", "Content-Type: text/plain\r\n");
        break;
    case DO_CHUNKED:
        chunked(answer, false);
        break;
    case DO_UNTIL_CLOSE:
        say(answer, "HTTP/1.1 200 OK\r\n\r\n");
        if (!answer->head_only)
            put_body(answer, 0, answer->bytes);
        answer->after = AFTER_CLOSE;
        break;
    case DO_LAST:
        with_length(answer, "200 OK", "Connection: close\r\n");
        answer->after = AFTER_CLOSE;
        break;
    case DO_CLOSES:
        with_length(answer, "200 OK", "");
        answer->after = AFTER_CLOSE;
        break;
    case DO_CLOSES_LATER:
        later(answer, AFTER_CLOSE);
        break;
    case DO_RESETS_LATER:
        later(answer, AFTER_RESET);
        break;
    case DO_SURPLUS:
        with_length(answer, "200 OK", "");
        say(answer, "more than was asked");
        break;
    case DO_SURPLUS_LATER:
        later(answer, AFTER_SURPLUS);
        break;
    case DO_INTERIM:
        interim(answer, 1 + (unsigned)random_below(&answer->model->random, 3));
        with_length(answer, "200 OK", "");
        break;
    case DO_EMPTY:
        say(answer, "HTTP/1.1 204 No Content\r\n\r\n");
        break;
    default:
        compose_bad(answer);
        break;
    }
}

/* ---- sending ----------------------------------------------------------------------------------- */

static struct model_peer *model_peer_of(const struct sim_peer *peer) {
    return sim_peer_user(peer);
}

static struct answer *answer_of(const struct sim_peer *peer) {
    return model_peer_of(peer)->answer;
}

unsigned http_model_id(const struct sim_peer *peer) {
    return answer_of(peer)->id;
}

enum behaviour http_model_behaviour(const struct sim_peer *peer) {
    return answer_of(peer)->behaviour;
}

static void finish(struct sim_peer *peer) {
    struct answer *answer = answer_of(peer);
    const struct model_wire *wire = model_peer_of(peer)->wire;
    switch (answer->after) {
    case AFTER_CLOSE:
        wire->close(peer);
        break;
    case AFTER_RESET:
        wire->reset(peer);
        break;
    case AFTER_SURPLUS:
        wire->send(peer, "unasked", 7, false);
        break;
    default:
        break;
    }
    answer->after = AFTER_NOTHING;
}

static void send_more(struct sim_peer *peer) {
    struct answer *answer = answer_of(peer);
    struct random *random = &answer->model->random;
    size_t left = answer->out_len - answer->out_at, count = left;
    bool drips = answer->behaviour == DO_DRIPS;
    if (drips && left > 16)
        count = 1 + random_below(random, random_below(random, 2) ? 16 : left);
    const uint8_t *bytes = answer->out + answer->out_at;
    answer->out_at += count;
    model_peer_of(peer)->wire->send(peer, bytes, count, count == left);
    if (answer->out_at < answer->out_len) {
        sim_peer_timer(peer, 1 + (unsigned)random_below(random, 400), send_more);
        return;
    }
    answer->answering = false;
    if (answer->after != AFTER_NOTHING && answer->after_ms)
        sim_peer_timer(peer, answer->after_ms, finish);
    else
        finish(peer);
}

static void begin_answer(struct sim_peer *peer) {
    struct answer *answer = answer_of(peer);
    answer->out_len = answer->out_at = 0;
    answer->after = AFTER_NOTHING;
    answer->after_ms = 0;
    answer->answering = true;
    compose(answer);
    send_more(peer);
}

/* ---- requests ------------------------------------------------------------------------------------ */

/* Reads a whole head from the front of what came. */
static bool read_head(struct answer *answer) {
    char *end = memmem(answer->in, answer->in_len, "\r\n\r\n", 4), method[16];
    unsigned behaviour, bytes, id;
    if (!end)
        return false;
    *end = 0;
    int got = sscanf(answer->in, "%15s /%u/%u/%u", method, &behaviour, &bytes, &id);
    CHECK(got == 4 && behaviour < BEHAVIOUR_COUNT && bytes <= MODEL_BYTES_MAX &&
          id < MODEL_IDS_MAX);
    const char *length = strcasestr(answer->in, "content-length:");
    answer->upload_left = length ? strtoul(length + 15, NULL, 10) : 0;
    answer->behaviour = (enum behaviour)behaviour;
    answer->bytes = bytes;
    answer->id = id;
    answer->head_only = strcmp(method, "HEAD") == 0;
    answer->model->asked[id]++;
    answer->model->upload_bytes[id] = 0;
    size_t head = (size_t)(end + 4 - answer->in);
    answer->in_len -= head;
    memmove(answer->in, answer->in + head, answer->in_len);
    return true;
}

static void take_upload(struct answer *answer) {
    size_t count = answer->in_len < answer->upload_left ? answer->in_len : answer->upload_left;
    size_t at = answer->model->upload_bytes[answer->id];
    for (size_t i = 0; i < count; i++)
        CHECK((uint8_t)answer->in[i] == model_byte(answer->id, at + i));
    answer->model->upload_bytes[answer->id] += count;
    answer->upload_left -= count;
    answer->in_len -= count;
    memmove(answer->in, answer->in + count, answer->in_len);
}

static void look(struct sim_peer *peer) {
    struct answer *answer = answer_of(peer);
    if (!answer->uploading) {
        if (!read_head(answer))
            return;
        answer->uploading = true;
        if (answer->behaviour == DO_EARLY)
            begin_answer(peer);
    }
    take_upload(answer);
    if (answer->upload_left)
        return;
    answer->uploading = false;
    if (answer->behaviour != DO_EARLY)
        begin_answer(peer);
}

void http_model_take(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    struct answer *answer = answer_of(peer);
    if (!count) {
        model_peer_of(peer)->wire->close(peer);
        return;
    }
    while (count) {
        size_t piece = IN_BYTES_MAX - answer->in_len;
        if (piece > count)
            piece = count;
        CHECK(piece);
        memcpy(answer->in + answer->in_len, bytes, piece);
        answer->in_len += piece;
        bytes += piece;
        count -= piece;
        look(peer);
    }
}

void http_model_accept(struct sim_peer *peer, struct http_model *model) {
    struct answer *answer = calloc(1, sizeof *answer);
    CHECK(answer);
    answer->model = model;
    model->peers++;
    model_peer_of(peer)->answer = answer;
}

void http_model_forget(struct sim_peer *peer) {
    struct answer *answer = answer_of(peer);
    answer->model->peers--;
    free(answer->out);
    free(answer);
}

/* ---- without anything between --------------------------------------------------------------------- */

static void plain_send(struct sim_peer *peer, const void *bytes, size_t count, bool last) {
    (void)last;
    sim_peer_send(peer, bytes, count);
}

static const struct model_wire plain_wire = {plain_send, sim_peer_close, sim_peer_reset};

static void on_accepted(struct sim_peer *peer) {
    struct model_peer *user = calloc(1, sizeof *user);
    CHECK(user);
    user->wire = &plain_wire;
    sim_peer_set_user(peer, user);
    http_model_accept(peer, sim_peer_context(peer));
}

static void on_closed(struct sim_peer *peer) {
    http_model_forget(peer);
    free(sim_peer_user(peer));
}

const struct sim_server_ops http_model_ops = {on_accepted, http_model_take, on_closed};
