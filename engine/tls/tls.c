/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls.c: opening and closing a struct tls: one thread's settings, which all its streams share. And the lines of
 * SSLKEYLOGFILE, in the form that NSS began and Wireshark reads.
 */
#include <stdio.h>
#include <unistd.h>

#include "tls/tls_private.h"

/* The library has wolfSSL_get_keys in such builds only. */
#if defined(OPENSSL_EXTRA) || defined(WOLFSSL_EXTRA) || defined(WOLFSSL_WPAS_SMALL) ||             \
    defined(RINGFETCH_MASTER_SECRET_CAN_BE_READ)
#define TLS_HAVE_MASTER_SECRET 1
#endif

/* ---- bytes in, bytes out: what the library calls instead of the socket's functions ---- */

static int on_receive(WOLFSSL *ssl, char *buffer, int size, void *context) {
    struct tls_stream *stream = context;
    (void)ssl;
    if (!stream->in.len)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    size_t count = stream->in.len < (size_t)size ? stream->in.len : (size_t)size;
    if (!stream->met) {
        stream->met = true;
        stream->first_byte = stream->in.at[0];
    }
    memcpy(buffer, stream->in.at, count);
    stream->in = span_skip(stream->in, count);
    return (int)count;
}

static int on_send(WOLFSSL *ssl, char *buffer, int size, void *context) {
    struct tls_stream *stream = context;
    (void)ssl;
    bytes_add(&stream->out, stream->tls->pool, span_of(buffer, (size_t)size));
    return size;
}

#ifdef HAVE_EXT_CACHE
/* Also for each ticket of TLS 1.3. The session is taken when the library has returned: it's still at work on it now. */
static int on_session(WOLFSSL *ssl, WOLFSSL_SESSION *session) {
    struct tls_stream *stream = wolfSSL_GetIOReadCtx(ssl);
    (void)session;
    stream->session_arrived = true;
    return 0;
}
#endif

/* Of TLS 1.2 the library's server keeps sessions with an ID, which all threads share, and gives no tickets: it breaks a
 * handshake off when it's offered one that another thread or an earlier process gave. */
static void server_sessions_open(struct tls *tls) {
#ifdef HAVE_SESSION_TICKET
    wolfSSL_CTX_NoTicketTLSv12(tls->ctx);
    if (!tls->resumption)
        wolfSSL_CTX_no_ticket_TLSv13(tls->ctx);
#endif
    if (!tls->resumption)
        wolfSSL_CTX_set_session_cache_mode(tls->ctx, WOLFSSL_SESS_CACHE_OFF);
}

/* Tickets of TLS 1.2 (RFC 5077) are taken from a library that tools/dev/build-wolfssl has taught what a declined one is;
 * others break the handshake off then, and have sessions with an ID only. Tickets of TLS 1.3 need no asking. Without memory
 * for the question there are none. */
static void client_sessions_open(struct tls *tls) {
    wolfSSL_CTX_set_session_cache_mode(tls->ctx, WOLFSSL_SESS_CACHE_NO_INTERNAL |
                                                     WOLFSSL_SESS_CACHE_NO_AUTO_CLEAR);
    if (!tls->resumption)
        return;
#ifdef HAVE_EXT_CACHE
    wolfSSL_CTX_sess_set_new_cb(tls->ctx, on_session);
#endif
#if defined(HAVE_SESSION_TICKET) && defined(RINGFETCH_TICKETS_CAN_BE_DECLINED)
    wolfSSL_CTX_UseSessionTicket(tls->ctx);
#endif
}

int tls_open(struct tls **out, const struct tls_options *options, struct pool *pool, char *why,
             size_t why_size) {
    struct tls_why complaint = {why, why_size};
    *out = NULL;
    if (!tls_library_start())
        return tls_complain(&complaint, "the TLS library could not be started");
    struct tls *tls = pool_acquire_zeroed(pool, sizeof *tls);
    tls->pool = pool;
    tls->server = options->server;
    tls->insecure = options->insecure;
    tls->resumption = !options->no_resumption;
    tls->keylog = -1;
    if (tls_options_apply(tls, options, &complaint) < 0) {
        tls_close(tls);
        return -1;
    }
    wolfSSL_CTX_SetIORecv(tls->ctx, on_receive);
    wolfSSL_CTX_SetIOSend(tls->ctx, on_send);
    if (tls->server)
        server_sessions_open(tls);
    else
        client_sessions_open(tls);
    *out = tls;
    return 0;
}

void tls_close(struct tls *tls) {
    if (!tls)
        return;
    tls_sessions_deinit(tls);
    tls_roots_deinit(tls);
    tls_known_deinit(tls);
    if (tls->ctx)
        wolfSSL_CTX_free(tls->ctx);
    if (tls->keylog >= 0)
        close(tls->keylog);
    if (tls->pins)
        pool_release(tls->pool, tls->pins, TLS_PINS_MAX * sizeof *tls->pins);
    pool_release_text(tls->pool, tls->alpn);
    pool_release(tls->pool, tls, sizeof *tls);
}

/* ---- SSLKEYLOGFILE ---- */

static char *hex(char *to, const uint8_t *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    return to;
}

/* One write a line, into a file opened for appending, so that threads and processes don't cut each other's. That a line
 * is lost when the disk is full is no reason to end a connection. */
static void log_line(WOLFSSL *ssl, const char *label, const uint8_t *secret, size_t secret_bytes) {
    enum { RANDOM_BYTES = 32, SECRET_MAX = 64 };
    const struct tls_stream *stream = wolfSSL_GetIOReadCtx(ssl);
    uint8_t client_random[RANDOM_BYTES];
    char line[64 + 2 * (RANDOM_BYTES + SECRET_MAX) + 3];
    if (secret_bytes > SECRET_MAX ||
        wolfSSL_get_client_random(ssl, client_random, RANDOM_BYTES) != RANDOM_BYTES)
        return;
    char *end = line + snprintf(line, 64, "%s ", label);
    end = hex(end, client_random, RANDOM_BYTES);
    *end++ = ' ';
    end = hex(end, secret, secret_bytes);
    *end++ = '\n';
    if (write(stream->tls->keylog, line, (size_t)(end - line)) < 0)
        return;
}

/* TLS 1.2's one secret, after the handshake, while the library still has it. */
static void log_master(WOLFSSL *ssl) {
#ifdef TLS_HAVE_MASTER_SECRET
    unsigned char *master, *server_random, *client_random;
    unsigned master_bytes, server_bytes, client_bytes;
    if (wolfSSL_get_keys(ssl, &master, &master_bytes, &server_random, &server_bytes, &client_random,
                         &client_bytes) == WOLFSSL_SUCCESS)
        log_line(ssl, "CLIENT_RANDOM", master, master_bytes);
#else
    (void)ssl;
#endif
}

#if defined(HAVE_SECRET_CALLBACK) && defined(WOLFSSL_TLS13)
static int on_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int bytes, void *context) {
    static const char *const labels[] = {
        [CLIENT_EARLY_TRAFFIC_SECRET] = "CLIENT_EARLY_TRAFFIC_SECRET",
        [CLIENT_HANDSHAKE_TRAFFIC_SECRET] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        [SERVER_HANDSHAKE_TRAFFIC_SECRET] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        [CLIENT_TRAFFIC_SECRET] = "CLIENT_TRAFFIC_SECRET_0",
        [SERVER_TRAFFIC_SECRET] = "SERVER_TRAFFIC_SECRET_0",
        [EARLY_EXPORTER_SECRET] = "EARLY_EXPORTER_SECRET",
        [EXPORTER_SECRET] = "EXPORTER_SECRET",
    };
    (void)context;
    if (id >= 0 && (size_t)id < sizeof labels / sizeof *labels && labels[id])
        log_line(ssl, labels[id], secret, (size_t)bytes);
    return 0;
}
#endif

void tls_keylog_attach(struct tls_stream *stream) {
    if (stream->tls->keylog < 0)
        return;
    wolfSSL_KeepArrays(stream->ssl);
#if defined(HAVE_SECRET_CALLBACK) && defined(WOLFSSL_TLS13)
    wolfSSL_set_tls13_secret_cb(stream->ssl, on_secret, NULL);
#endif
}

void tls_keylog_finish(struct tls_stream *stream) {
    if (stream->tls->keylog < 0)
        return;
    if (tls_stream_version(stream) == TLS_VERSION_1_2)
        log_master(stream->ssl);
    wolfSSL_FreeArrays(stream->ssl);
}
