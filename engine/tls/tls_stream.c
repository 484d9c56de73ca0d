/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_stream.c: one connection: handshake, records, end. The thread of its struct tls.
 *
 * The library pulls bytes where we are pushed them: its receive function serves from the span that tls_shake or tls_read was
 * given and says "would block" at its end, and the library keeps what it has of an unfinished record. Once something failed, the
 * stream is broken for good: only its output, the alert, is still of use.
 */

#include "tls/tls_private.h"

enum {
    CONTENT_ALERT = 21, /* RFC 8446 B.1 */
    CONTENT_HANDSHAKE = 22,
    ALERT_FATAL = 2,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INSUFFICIENT_SECURITY = 71
};

/* ---- opening and closing ---- */

static bool is_name(const char *host) {
    size_t len = strlen(host), digits = strspn(host, "0123456789.");
    return len && digits != len && !strchr(host, ':');
}

/* RFC 6066 3: names only, and without the root's dot. */
static bool set_sni(struct tls_stream *stream) {
    size_t len = strlen(stream->host);
    if (!is_name(stream->host))
        return true;
    if (stream->host[len - 1] == '.')
        len--;
#ifdef HAVE_SNI
    return wolfSSL_UseSNI(stream->ssl, WOLFSSL_SNI_HOST_NAME, stream->host, (unsigned short)len) ==
           WOLFSSL_SUCCESS;
#else
    return true;
#endif
}

static bool set_alpn(struct tls_stream *stream) {
#ifdef HAVE_ALPN
    char *list = stream->tls->alpn;
    return !list || wolfSSL_UseALPN(stream->ssl, list, (unsigned)strlen(list),
                                    WOLFSSL_ALPN_CONTINUE_ON_MISMATCH) == WOLFSSL_SUCCESS;
#else
    return true;
#endif
}

static bool prepare(struct tls_stream *stream) {
    struct tls *tls = stream->tls;
    stream->ssl = wolfSSL_new(tls->ctx);
    if (!stream->ssl)
        return false;
    wolfSSL_SetIOReadCtx(stream->ssl, stream);
    wolfSSL_SetIOWriteCtx(stream->ssl, stream);
    wolfSSL_SetCertCbCtx(stream->ssl, stream);
    tls_keylog_attach(stream);
    if (!set_alpn(stream))
        return false;
    if (tls->server)
        return true;
    if (!set_sni(stream))
        return false;
#ifdef HAVE_SERVER_RENEGOTIATION_INFO
    /* Some servers refuse who doesn't say it (RFC 5746 3.4). */
    if (wolfSSL_UseSecureRenegotiation(stream->ssl) != WOLFSSL_SUCCESS)
        return false;
#endif
    if (tls->resumption)
        tls_sessions_offer(stream);
    return true;
}

struct tls_stream *tls_stream_open(struct tls *tls, struct span host, uint16_t port,
                                   struct err *err) {
    tls_memory_forget();
    if (!tls->server && !tls->insecure && !tls_roots_ready(tls)) {
        *err = err_make(STAGE_TLS, tls_memory_was_short() ? ERR_MEMORY : ERR_NO_ROOTS, 0);
        return NULL;
    }
    struct tls_stream *stream = pool_acquire_zeroed(tls->pool, sizeof *stream);
    stream->tls = tls;
    stream->port = port;
    stream->host = pool_text(tls->pool, host.len ? (const char *)host.at : "", host.len);
    if (!prepare(stream)) {
        tls_stream_close(stream);
        *err = err_make(STAGE_TLS, ERR_MEMORY, 0);
        return NULL;
    }
    return stream;
}

void tls_stream_close(struct tls_stream *stream) {
    if (!stream)
        return;
    struct pool *pool = stream->tls->pool;
    if (stream->ssl)
        wolfSSL_free(stream->ssl);
    tls_cert_drop(stream->cert);
    bytes_release(&stream->out, pool);
    pool_release_text(pool, stream->host);
    pool_release(pool, stream, sizeof *stream);
}

/* ---- what went wrong ---- */

static struct err of_alert(const struct tls_stream *stream, int alert) {
    /* Before the server's hello, what it rejects is what was offered; a client always rejects what was chosen. */
    bool first = !stream->done && (stream->tls->server || stream->first_byte == CONTENT_ALERT);
    bool no_match = alert == ALERT_PROTOCOL_VERSION || alert == ALERT_HANDSHAKE_FAILURE ||
                    alert == ALERT_INSUFFICIENT_SECURITY;
    return err_make(STAGE_TLS, first && no_match ? ERR_PROTOCOL_MISMATCH : ERR_TLS_ALERT, alert);
}

/* Kinds of errors that the peer's bytes can't cause. */
static bool is_ours(int code) {
    switch (code) {
    case BAD_FUNC_ARG:
    case BAD_STATE_E:
    case BAD_MUTEX_E:
    case NOT_COMPILED_IN:
    case RNG_FAILURE_E:
    case OPEN_RAN_E:
    case READ_RAN_E:
    case WC_INIT_E:
    case SOCKET_ERROR_E:
    case NO_PRIVATE_KEY:
        return true;
    default:
        return false;
    }
}

static bool is_mismatch(int code) {
    return code == VERSION_ERROR || code == MATCH_SUITE_ERROR || code == UNSUPPORTED_SUITE ||
           code == UNSUPPORTED_PROTO_VERSION;
}

/* The fatal alert that the peer sent; 0: none. close_notify, which is 0 as well, is no error. */
static int fatal_alert(const struct tls_stream *stream, int code) {
    WOLFSSL_ALERT_HISTORY alerts;
    if (code != FATAL_ERROR || wolfSSL_get_alert_history(stream->ssl, &alerts) != WOLFSSL_SUCCESS ||
        alerts.last_rx.level != ALERT_FATAL || alerts.last_rx.code < 0)
        return 0;
    return alerts.last_rx.code;
}

static bool is_tls(const struct tls_stream *stream) {
    return !stream->met || stream->first_byte == CONTENT_ALERT ||
           stream->first_byte == CONTENT_HANDSHAKE;
}

static struct err of_code(const struct tls_stream *stream, int code) {
    enum err_kind kind = stream->done ? ERR_NONE : tls_verify_kind(code);
    int alert = fatal_alert(stream, code);
    if (tls_memory_was_short() || code == MEMORY_E || code == MEMORY_ERROR)
        return err_make(STAGE_TLS, ERR_MEMORY, 0);
    if (err_is(stream->verify))
        return stream->verify;
    if (!is_tls(stream))
        return err_make(STAGE_TLS, ERR_BAD_TLS, code);
    /* close_notify: the peer went away as the protocol wants it. */
    if (code == WOLFSSL_ERROR_ZERO_RETURN && !stream->done)
        return err_make(STAGE_TLS, ERR_HANDSHAKE_CUT, 0);
    if (alert)
        return of_alert(stream, alert);
    if (kind != ERR_NONE)
        return err_make(STAGE_TLS, kind, code);
    if (is_mismatch(code) && !stream->done)
        return err_make(STAGE_TLS, ERR_PROTOCOL_MISMATCH, 0);
    return err_make(STAGE_TLS, is_ours(code) ? ERR_TLS_FAILED : ERR_BAD_TLS, code);
}

static struct err broken_by(struct tls_stream *stream, struct err err) {
    if (!stream->broken) {
        bool resuming = stream->offered && !stream->done;
        /* With a session only its version was offered: that there is no other in common isn't known, so it's tried again. */
        if (resuming && err.kind == ERR_PROTOCOL_MISMATCH)
            err = err_make(STAGE_TLS, ERR_HANDSHAKE_CUT, 0);
        stream->broken = true;
        stream->refused = err;
        /* Whatever it was: the next attempt must not meet it again. */
        if (resuming)
            tls_sessions_forget(stream);
    }
    /* An objection that the library had after the callback (a staple, a key's use) is one to the certificate too. */
    if (!stream->done && !err_is(stream->verify) && tls_verify_kind(err.detail) == err.kind &&
        err.kind)
        stream->verify = err;
    return stream->refused;
}

/* ---- the handshake ---- */

static void note_alpn(struct tls_stream *stream) {
#ifdef HAVE_ALPN
    char *name = NULL;
    unsigned short len = 0;
    if (!stream->tls->alpn || wolfSSL_ALPN_GetProtocol(stream->ssl, &name, &len) != WOLFSSL_SUCCESS)
        return;
    if (name && len < sizeof stream->alpn)
        memcpy(stream->alpn, name, len);
#endif
}

static void keep_session(struct tls_stream *stream) {
    if (!stream->session_arrived)
        return;
    stream->session_arrived = false;
    if (stream->done && !stream->broken && !stream->tls->server && stream->tls->resumption)
        tls_sessions_keep(stream);
}

static bool is_trusted(const struct tls_stream *stream) {
    if (stream->tls->server)
        return true;
    return stream->seen ? stream->accepted : stream->offered && stream->resumed;
}

static enum step established(struct tls_stream *stream, struct err *err) {
    stream->resumed = wolfSSL_session_reused(stream->ssl) == 1;
    /* Whatever the library did: who was not looked at is not trusted. */
    if (!is_trusted(stream)) {
        *err =
            broken_by(stream, err_is(stream->verify) ? stream->verify
                                                     : err_make(STAGE_TLS, ERR_BAD_CERTIFICATE, 0));
        return STEP_BAD;
    }
    if (stream->offered && !stream->resumed)
        tls_sessions_forget(stream);
    stream->done = true;
    note_alpn(stream);
    tls_keylog_finish(stream);
    keep_session(stream);
    return STEP_DONE;
}

enum step tls_shake(struct tls_stream *stream, struct span *in, struct err *err) {
    if (stream->broken) {
        *err = stream->refused;
        return STEP_BAD;
    }
    if (stream->done)
        return STEP_DONE;
    tls_memory_forget();
    stream->in = *in;
    int result = stream->tls->server ? wolfSSL_accept(stream->ssl) : wolfSSL_connect(stream->ssl);
    *in = stream->in;
    stream->in = (struct span){0};
    if (result == WOLFSSL_SUCCESS)
        return established(stream, err);
    int code = wolfSSL_get_error(stream->ssl, result);
    if (code == WOLFSSL_ERROR_WANT_READ)
        return STEP_MORE;
    *err = broken_by(stream, of_code(stream, code));
    return STEP_BAD;
}

/* ---- records ---- */

static enum tls_got not_read(struct tls_stream *stream, int result, struct err *err) {
    int code = wolfSSL_get_error(stream->ssl, result);
    if (code == WOLFSSL_ERROR_WANT_READ)
        return TLS_MORE;
    if (code == WOLFSSL_ERROR_ZERO_RETURN)
        return TLS_END;
    *err = broken_by(stream, of_code(stream, code));
    return TLS_BAD;
}

enum tls_got tls_read(struct tls_stream *stream, struct span *in, struct span *data,
                      struct err *err) {
    struct tls *tls = stream->tls;
    *data = (struct span){0};
    CHECK(stream->done || stream->broken);
    if (stream->broken) {
        *err = stream->refused;
        return TLS_BAD;
    }
    tls_memory_forget();
    stream->in = *in;
    int result = wolfSSL_read(stream->ssl, tls->plain, sizeof tls->plain);
    *in = stream->in;
    stream->in = (struct span){0};
    keep_session(stream);
    if (result <= 0)
        return not_read(stream, result, err);
    *data = span_of(tls->plain, (size_t)result);
    return TLS_DATA;
}

bool tls_write(struct tls_stream *stream, struct span plain) {
    enum { PIECE_MAX = 1 << 30 };
    if (stream->broken || !stream->done)
        return false;
    tls_memory_forget();
    while (plain.len) {
        int piece = plain.len < PIECE_MAX ? (int)plain.len : PIECE_MAX;
        int written = wolfSSL_write(stream->ssl, plain.at, piece);
        if (written <= 0) {
            broken_by(stream, of_code(stream, wolfSSL_get_error(stream->ssl, written)));
            return false;
        }
        plain = span_skip(plain, (size_t)written);
    }
    return true;
}

void tls_end(struct tls_stream *stream) {
    if (stream->done && !stream->broken)
        wolfSSL_shutdown(stream->ssl);
}

struct bytes tls_take_output(struct tls_stream *stream) {
    struct bytes out = stream->out;
    stream->out = (struct bytes){0};
    return out;
}

/* ---- facts ---- */

enum tls_version tls_stream_version(const struct tls_stream *stream) {
    switch (wolfSSL_GetVersion(stream->ssl)) {
    case WOLFSSL_TLSV1_2:
        return TLS_VERSION_1_2;
    case WOLFSSL_TLSV1_3:
        return TLS_VERSION_1_3;
    default:
        return TLS_VERSION_NONE;
    }
}

/* Static texts of the library's. */
static const char *cipher_name(WOLFSSL *ssl) {
    int suite = wolfSSL_get_current_cipher_suite(ssl);
    return wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8),
                                                   (unsigned char)suite);
}

struct tls_facts tls_stream_facts(const struct tls_stream *stream) {
    struct tls_facts facts = {
        .resumed = stream->resumed, .insecure = stream->tls->insecure, .verify = stream->verify};
    /* Before a certificate came there may have been no hello: the library would tell what was offered. */
    if (stream->done || stream->seen || err_is(stream->verify)) {
        facts.version = (uint8_t)tls_stream_version(stream);
        facts.cipher = cipher_name(stream->ssl);
    }
    if (stream->cert && (stream->seen || stream->resumed))
        facts.cert = tls_cert_keep(stream->cert);
    return facts;
}

void tls_facts_drop(struct tls_facts *facts) {
    tls_cert_drop(facts->cert);
    facts->cert = NULL;
}

const char *tls_stream_alpn(const struct tls_stream *stream) {
    return stream->alpn;
}
