/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_speed.c: what the linked library costs on this processor: AES-128-GCM by itself, and handshakes through the streams that
 * requests use, between a client and a server in memory. Only the client's share of the processor's time counts, so that a busy
 * machine changes little. One thread, which owns all that it makes here.
 *
 * Rejected: the library's own benchmark program, which a distribution doesn't install, and which knows neither our settings nor our
 * verification.
 */
#include "tls/tls_speed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tls/tls_mint.h"
#include "tls/tls_private.h"

#include <wolfssl/wolfcrypt/aes.h>

enum {
    PIECE_BYTES = 16384,
    PIECES_AT_ONCE = 16, /* between looks at the clock */
    FLIGHTS_MAX = 8      /* of a handshake that gets anywhere */
};

#define HOST "localhost"
enum { PORT = 443 };

static uint64_t thread_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- AES-128-GCM ------------------------------------------------------------------------------------- */

struct sealing {
    Aes aes;
    uint8_t piece[PIECE_BYTES];
};

static bool seal_pieces(struct sealing *sealing) {
    static const uint8_t iv[12], head[5] = {23, 3, 3, 0x40, 0x11};
    uint8_t tag[16];
    for (int i = 0; i < PIECES_AT_ONCE; i++)
        if (wc_AesGcmEncrypt(&sealing->aes, sealing->piece, sealing->piece, PIECE_BYTES, iv,
                             sizeof iv, tag, sizeof tag, head, sizeof head) != 0)
            return false;
    return true;
}

static double gcm_measure(uint64_t ns_max) {
    static const uint8_t key[16] = {1};
    /* As the library's own connections have it: the round keys want their alignment. */
    struct sealing *sealing = aligned_alloc(64, (sizeof *sealing + 63) / 64 * 64);
    double bytes_per_s = 0;
    if (!sealing)
        return 0;
    memset(sealing, 0, sizeof *sealing);
    if (wc_AesInit(&sealing->aes, NULL, INVALID_DEVID) == 0 &&
        wc_AesGcmSetKey(&sealing->aes, key, sizeof key) == 0 && seal_pieces(sealing)) {
        uint64_t begun = thread_ns(), spent = 0, pieces = 0;
        while (spent < ns_max && seal_pieces(sealing)) {
            pieces += PIECES_AT_ONCE;
            spent = thread_ns() - begun;
        }
        if (spent)
            bytes_per_s = (double)pieces * PIECE_BYTES * 1e9 / (double)spent;
        wc_AesFree(&sealing->aes);
    }
    free(sealing);
    return bytes_per_s;
}

/* ---- handshakes -------------------------------------------------------------------------------------- */

struct pair {
    struct pool_depot depot;
    struct pool pool;
    struct tls_mint mint;
    int ca_fd; /* the authority's certificate as a file, which is what options name */
    struct tls *server, *client;
    uint64_t client_ns;
};

/* The client's turn: takes what the server sent and answers. False: it failed. */
static bool client_turn(struct pair *pair, struct tls_stream *stream, bool *done,
                        struct bytes *wire) {
    struct bytes from_server = *wire;
    struct span in = bytes_span(&from_server), data;
    struct err err;
    bool good = true;
    uint64_t begun = thread_ns();
    if (!*done) {
        enum step step = tls_shake(stream, &in, &err);
        *done = step == STEP_DONE;
        good = step != STEP_BAD;
    }
    while (good && *done && in.len) /* tickets */
        good = tls_read(stream, &in, &data, &err) == TLS_MORE;
    *wire = tls_take_output(stream);
    pair->client_ns += thread_ns() - begun;
    bytes_release(&from_server, &pair->pool);
    return good;
}

static bool server_turn(struct pair *pair, struct tls_stream *stream, bool *done,
                        struct bytes *wire) {
    struct bytes from_client = *wire;
    struct span in = bytes_span(&from_client);
    struct err err;
    enum step step = *done ? STEP_DONE : tls_shake(stream, &in, &err);
    *done = step == STEP_DONE;
    *wire = tls_take_output(stream);
    bytes_release(&from_client, &pair->pool);
    return step != STEP_BAD;
}

/* Until both are done and nothing is on its way any more. */
static bool converse(struct pair *pair, struct tls_stream *client, struct tls_stream *server) {
    struct bytes wire = {0};
    bool client_done = false, server_done = false, good = true;
    for (int i = 0; good && i < FLIGHTS_MAX; i++) {
        good = client_turn(pair, client, &client_done, &wire);
        if (good && wire.len)
            good = server_turn(pair, server, &server_done, &wire);
        if (client_done && server_done && !wire.len)
            break;
    }
    bytes_release(&wire, &pair->pool);
    return good && client_done && server_done;
}

static bool shake_once(struct pair *pair, bool resumed) {
    struct err err;
    struct span host = span_of(HOST, sizeof HOST - 1);
    struct tls_stream *server = tls_stream_open(pair->server, span_of(NULL, 0), 0, &err);
    uint64_t begun = thread_ns();
    struct tls_stream *client = tls_stream_open(pair->client, host, PORT, &err);
    pair->client_ns += thread_ns() - begun;
    bool good = server && client && converse(pair, client, server);
    if (good) {
        struct tls_facts facts = tls_stream_facts(client);
        good = facts.version == TLS_VERSION_1_3 && facts.resumed == resumed;
        tls_facts_drop(&facts);
    }
    begun = thread_ns();
    tls_stream_close(client);
    pair->client_ns += thread_ns() - begun;
    tls_stream_close(server);
    return good;
}

/* One handshake first: it reads the roots, and leaves the session that the others resume. */
static double shakes_measure(struct pair *pair, bool resumed, uint64_t ns_max) {
    uint64_t count = 0, begun = thread_ns();
    if (!shake_once(pair, false))
        return 0;
    pair->client_ns = 0;
    while (thread_ns() - begun < ns_max) {
        if (!shake_once(pair, resumed))
            return 0;
        count++;
    }
    return pair->client_ns ? (double)count * 1e9 / (double)pair->client_ns : 0;
}

static bool client_open(struct pair *pair, bool resumption) {
    char path[32], why[200];
    snprintf(path, sizeof path, "/proc/self/fd/%d", pair->ca_fd);
    const struct tls_options options = {
        .cacert = path,
        .version_min = TLS_VERSION_1_3,
        .ciphers = "TLS_AES_128_GCM_SHA256",
        .no_resumption = !resumption,
    };
    return tls_open(&pair->client, &options, &pair->pool, why, sizeof why) == 0;
}

static bool pair_open(struct pair *pair) {
    static const char *const names[] = {HOST, NULL};
    char why[200];
    pair->ca_fd = -1;
    pool_depot_init(&pair->depot);
    pool_init(&pair->pool, &pair->depot);
    if (tls_mint_init(&pair->mint, &(struct tls_mint_options){.names = names}, why, sizeof why))
        return false;
    pair->ca_fd = memfd_create("ca", MFD_CLOEXEC);
    ssize_t ca_len = (ssize_t)strlen(pair->mint.ca);
    if (pair->ca_fd < 0 || write(pair->ca_fd, pair->mint.ca, (size_t)ca_len) != ca_len)
        return false;
    const struct tls_options options = {
        .server = true,
        .cert_pem = span_text(pair->mint.cert),
        .key_pem = span_text(pair->mint.key),
    };
    return tls_open(&pair->server, &options, &pair->pool, why, sizeof why) == 0;
}

static void pair_close(struct pair *pair) {
    tls_close(pair->server);
    tls_mint_deinit(&pair->mint);
    if (pair->ca_fd >= 0)
        close(pair->ca_fd);
    pool_depot_deinit(&pair->depot);
}

static double client_measure(struct pair *pair, bool resumed, uint64_t ns_max) {
    double per_s = 0;
    if (client_open(pair, resumed)) {
        per_s = shakes_measure(pair, resumed, ns_max);
        tls_close(pair->client);
        pair->client = NULL;
    }
    return per_s;
}

void tls_speed_measure(struct tls_speed *speed, uint64_t ns_each) {
    struct pair *pair = calloc(1, sizeof *pair);
    *speed = (struct tls_speed){0};
    if (!pair || !tls_library_start()) {
        free(pair);
        return;
    }
    speed->gcm_bytes_per_s = gcm_measure(ns_each);
    if (pair_open(pair)) {
        speed->handshakes_per_s = client_measure(pair, false, ns_each);
        speed->resumptions_per_s = client_measure(pair, true, ns_each);
    }
    pair_close(pair);
    free(pair);
}
