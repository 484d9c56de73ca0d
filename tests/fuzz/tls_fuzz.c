/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_fuzz.c: whatever a peer sends in place of TLS, before, in and after the handshake: a stream answers with one of the
 * outcomes that tls.h promises and stays in its memory. A real server in the same process speaks until a place that the
 * input names; from there on its bytes are changed or replaced.
 *
 * Input: a byte of flags (below), two with the number of bytes that pass unchanged, one with the size of the parts that the client
 * is fed with (0: whole), then the bytes to change with. Keys are new in each run, as they are in life: an input stands for a
 * place and a change, not for the very same bytes. Build with clang -fsanitize=fuzzer,address,undefined,
 * engine/tls and engine/base; start from corpus/tls.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "tls/tls.h"
#include "tls/tls_mint.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

enum {
    FLAG_TLS_1_2 = 1,
    FLAG_REPLACE =
        2, /* the bytes come instead of the server's; else they change them by exclusive or */
    FLAG_TO_SERVER = 4, /* they go to a server, instead of a client's */
    ROUNDS_MAX = 12,
    HEAD_BYTES = 4,
    PLAIN_BYTES = 20000 /* more than one record holds */
};

static struct {
    struct pool_depot depot;
    struct pool pool;
    struct tls *server, *client_1_2, *client_1_3;
} world;

/* One connection: from its server to its client, or the other way round. */
struct run {
    struct tls_stream *sender, *taker;
    struct span changes;
    size_t genuine, passed, part;
    size_t plain_bytes; /* that the taker got */
    bool replace, changed, sender_done, taker_done, wrote, over, ended;
};

static struct tls *client_open(int ca_fd, enum tls_version version) {
    char path[32], why[200];
    struct tls *tls;
    snprintf(path, sizeof path, "/proc/self/fd/%d", ca_fd);
    const struct tls_options options = {
        .cacert = path,
        .version_min = version,
        .version_max = version,
        .alpn = "http/1.1",
        .no_resumption = true,
    };
    CHECK(tls_open(&tls, &options, &world.pool, why, sizeof why) == 0);
    return tls;
}

static void world_open(void) {
    struct tls_mint mint;
    char why[200];
    pool_depot_init(&world.depot);
    pool_init(&world.pool, &world.depot);
    CHECK(tls_mint_init(&mint, &(struct tls_mint_options){0}, why, sizeof why) == 0);
    int ca_fd = memfd_create("ca", MFD_CLOEXEC);
    ssize_t ca_len = (ssize_t)strlen(mint.ca);
    CHECK(ca_fd >= 0 && write(ca_fd, mint.ca, (size_t)ca_len) == ca_len);
    const struct tls_options options = {
        .server = true,
        .cert_pem = span_text(mint.cert),
        .key_pem = span_text(mint.key),
        .alpn = "http/1.1",
        .no_resumption = true,
    };
    CHECK(tls_open(&world.server, &options, &world.pool, why, sizeof why) == 0);
    world.client_1_2 = client_open(ca_fd, TLS_VERSION_1_2);
    world.client_1_3 = client_open(ca_fd, TLS_VERSION_1_3);
    tls_mint_deinit(&mint);
}

static void check_facts(const struct tls_stream *stream) {
    struct tls_facts facts = tls_stream_facts(stream);
    char text[300];
    CHECK(!facts.resumed && !facts.insecure);
    tls_explain(facts.verify, &facts, "localhost", text, sizeof text);
    CHECK(strlen(text) < sizeof text && strlen(tls_stream_alpn(stream)) < 16);
    tls_facts_drop(&facts);
}

/* As many plain bytes as there are. False: the stream is over. */
static bool read_all(struct tls_stream *stream, struct span *in, size_t *plain_bytes, bool *ended) {
    struct span data;
    struct err err;
    for (;;) {
        size_t before = in->len;
        switch (tls_read(stream, in, &data, &err)) {
        case TLS_DATA:
            CHECK(data.len > 0 && data.len <= 16384 && in->len <= before);
            *plain_bytes += data.len;
            continue;
        case TLS_MORE:
            CHECK(in->len == 0);
            return true;
        case TLS_END:
            *ended = true;
            return false;
        case TLS_BAD:
            CHECK(err.stage == STAGE_TLS && err_is(err));
            return false;
        }
    }
}

/* Goes on with the handshake, unless it is over. False: the stream is. */
static bool shake(struct tls_stream *stream, bool *done, struct span *in) {
    struct err err;
    if (*done)
        return true;
    enum step step = tls_shake(stream, in, &err);
    CHECK(step != STEP_BAD || (err.stage == STAGE_TLS && err_is(err)));
    CHECK(step != STEP_MORE || in->len == 0);
    *done = step == STEP_DONE;
    return step != STEP_BAD;
}

static void feed_sender(struct run *run, struct span in) {
    size_t plain_bytes = 0;
    bool ended;
    if (!shake(run->sender, &run->sender_done, &in) ||
        (run->sender_done && !read_all(run->sender, &in, &plain_bytes, &ended)))
        run->over = true;
    CHECK(plain_bytes == 0); /* the taker says nothing */
}

static void feed_taker(struct run *run, struct span in) {
    if (!shake(run->taker, &run->taker_done, &in) ||
        (run->taker_done && !read_all(run->taker, &in, &run->plain_bytes, &run->ended)))
        run->over = true;
}

/* The same in parts, each in a heap block of exactly its size, so that the sanitizer sees a byte too many being read. */
static void feed_parts(struct run *run, struct span in) {
    while (in.len && !run->over) {
        size_t len = run->part && run->part < in.len ? run->part : in.len;
        uint8_t *copy = malloc(len);
        CHECK(copy);
        memcpy(copy, in.at, len);
        feed_taker(run, span_of(copy, len));
        free(copy);
        in = span_skip(in, len);
    }
}

/* What the sender said, with the input's changes from the place on that the input names. */
static void pass_on(struct run *run, struct bytes *said) {
    size_t before = run->passed, unchanged = run->genuine > before ? run->genuine - before : 0;
    run->passed += said->len;
    if (unchanged >= said->len) {
        feed_parts(run, bytes_span(said));
        return;
    }
    if (run->replace) {
        run->changed = true;
        feed_parts(run, span_of(said->at, unchanged));
        feed_parts(run, run->changes);
        run->over = true;
        return;
    }
    size_t count =
        said->len - unchanged < run->changes.len ? said->len - unchanged : run->changes.len;
    run->changed |= count > 0;
    for (size_t i = 0; i < count; i++)
        said->at[unchanged + i] ^= run->changes.at[i];
    run->changes = span_skip(run->changes, count);
    feed_parts(run, bytes_span(said));
}

/* After the handshake the sender says something and ends. */
static void say_something(struct run *run) {
    static const uint8_t plain[PLAIN_BYTES];
    if (!run->sender_done || run->wrote)
        return;
    run->wrote = true;
    CHECK(tls_write(run->sender, span_of(plain, 300)));
    CHECK(tls_write(run->sender, span_of(plain, PLAIN_BYTES - 300)));
    tls_end(run->sender);
}

static void converse(struct run *run) {
    for (int i = 0; i < ROUNDS_MAX && !run->over; i++) {
        say_something(run);
        struct bytes said = tls_take_output(run->sender);
        pass_on(run, &said);
        bytes_release(&said, &world.pool);
        struct bytes answer = tls_take_output(run->taker);
        struct span in = bytes_span(&answer);
        if (in.len)
            feed_sender(run, in);
        bytes_release(&answer, &world.pool);
    }
}

/* Whatever has happened, these stay harmless. */
static void check_aftermath(struct run *run) {
    struct span nothing = span_of("", 0), data;
    struct err err;
    check_facts(run->taker);
    if (run->taker_done) {
        struct tls_facts facts = tls_stream_facts(run->taker);
        CHECK(facts.version != TLS_VERSION_NONE && facts.cipher && !err_is(facts.verify));
        tls_facts_drop(&facts);
        tls_read(run->taker, &nothing, &data, &err);
        tls_write(run->taker, span_of("x", 1));
    } else {
        tls_shake(run->taker, &nothing, &err);
    }
    tls_end(run->taker);
    tls_end(run->taker);
    struct bytes rest = tls_take_output(run->taker);
    bytes_release(&rest, &world.pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len) {
    struct err err;
    if (len < HEAD_BYTES)
        return 0;
    if (!world.server)
        world_open();
    struct tls *tls = input[0] & FLAG_TLS_1_2 ? world.client_1_2 : world.client_1_3;
    struct tls_stream *client = tls_stream_open(tls, span_text("localhost"), 443, &err);
    struct tls_stream *server = tls_stream_open(world.server, span_of(NULL, 0), 0, &err);
    CHECK(client && server);
    struct run run = {
        .sender = input[0] & FLAG_TO_SERVER ? client : server,
        .taker = input[0] & FLAG_TO_SERVER ? server : client,
        .changes = span_of(input + HEAD_BYTES, len - HEAD_BYTES),
        .genuine = (size_t)input[1] << 8 | input[2],
        .part = input[3],
        .replace = input[0] & FLAG_REPLACE,
    };
    if (run.taker == client) { /* the hello goes first, and as it is */
        struct span nothing = span_of(NULL, 0);
        CHECK(shake(client, &run.taker_done, &nothing));
        struct bytes hello = tls_take_output(client);
        feed_sender(&run, bytes_span(&hello));
        bytes_release(&hello, &world.pool);
    } else {
        feed_sender(&run, span_of(NULL, 0));
    }
    converse(&run);
    /* What nobody changed arrives. */
    CHECK(run.changed || (run.ended && run.plain_bytes == PLAIN_BYTES));
    CHECK(run.plain_bytes <= PLAIN_BYTES);
    check_aftermath(&run);
    tls_stream_close(client);
    tls_stream_close(server);
    return 0;
}
