/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls.h: TLS 1.2 and 1.3, client and server: bytes in, bytes out. The only door to wolfSSL. It knows no sockets, no ring and no
 * clock but the calendar that certificates need.
 *
 * A `struct tls` is one thread's: settings, roots, sessions to resume. A `struct tls_stream` is one connection's. Whoever holds a
 * stream feeds it what the peer sent and sends the peer what tls_take_output returns, after every call that may have
 * produced any: tls_shake, tls_read, tls_write, tls_end.
 *
 * Rejected: wolfSSL on sockets of its own (a second event loop beside the ring), and TLS in the kernel (handshakes would
 * still be here, and every record costs a control message).
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/span.h"
#include "tls/tls_cert.h"

struct tls;
struct tls_stream;

enum tls_version { TLS_VERSION_NONE, TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Strings are needed during tls_open only. */
struct tls_options {
    bool server;
    bool insecure; /* any certificate will do */
    const char *
        cacert; /* PEM file of roots; NULL (both): SSL_CERT_FILE, SSL_CERT_DIR, else the system's */
    const char *capath; /* directory of PEM files */
    const char *cert,
        *key; /* PEM files: the certificate with its chain, and its key; key NULL: in `cert` too */
    struct span cert_pem, key_pem; /* the same from memory, where cert is NULL; len 0: none */
    enum tls_version version_min, version_max; /* TLS_VERSION_NONE: 1.2, 1.3 */
    const char
        *ciphers; /* wolfSSL's or OpenSSL's names, separated by ':'; NULL: the library's choice */
    const char *
        pinned; /* "sha256//BASE64;sha256//..." or a PEM or DER file of the public key; NULL: none */
    const char *keylog;    /* file that secrets are appended to (SSLKEYLOGFILE); NULL: none */
    const char *alpn;      /* "http/1.1", or several, by preference, separated by ','; NULL: none */
    bool no_resumption;    /* neither keep nor use sessions */
    unsigned sessions_max; /* 0: a default */
};

/* 0, or negative with one line in `why`: what is wrong with the options, naming file or value. The system's roots are read when the
 * first client stream opens, so that who never meets https doesn't pay for them. `pool` outlives the tls; outputs are in it. */
int tls_open(struct tls **out, const struct tls_options *options, struct pool *pool, char *why,
             size_t why_size);
/* All streams must be closed. NULL is allowed. Sessions go with it. */
void tls_close(struct tls *tls);

/* A connection to `host` (a name in A-labels or an IP address, without brackets), which the certificate must be for, and whose
 * sessions are resumed. On a server `host` is empty. NULL with *err: no memory, or no roots could be read. */
struct tls_stream *tls_stream_open(struct tls *tls, struct span host, uint16_t port,
                                   struct err *err);
/* Frees it. NULL is allowed. */
void tls_stream_close(struct tls_stream *stream);

/* Goes on with the handshake: takes bytes of the peer from *in (none in the first call: a client then has its hello to send).
 * STEP_DONE: established; *in may hold more, for tls_read. STEP_BAD: *err says why (stage tls), and an alert may have to be sent.
 * Never takes part of what it needs: with STEP_MORE *in is empty. */
enum step tls_shake(struct tls_stream *stream, struct span *in, struct err *err);

enum tls_got {
    TLS_DATA, /* *data holds bytes, of at most one record; call again */
    TLS_MORE, /* *in is used up */
    TLS_END,  /* the peer said close_notify: nothing follows */
    TLS_BAD,  /* *err: stage tls */
};
/* Decrypts from the front of *in. *data is borrowed until the next call with any stream of the same tls. Tickets, KeyUpdate and the
 * like are dealt with inside. A renegotiation is refused. */
enum tls_got tls_read(struct tls_stream *stream, struct span *in, struct span *data,
                      struct err *err);

/* Encrypts all of it. False: the stream is broken (out of memory, or after an error). After the handshake only. */
bool tls_write(struct tls_stream *stream, struct span plain);

/* Says close_notify, once; harmless where that makes no sense any more. */
void tls_end(struct tls_stream *stream);

/* What must be sent to the peer, now the caller's: bytes_release it into the tls's pool. len 0: nothing. */
struct bytes tls_take_output(struct tls_stream *stream);

/* What a record says of the connection. Zero in all members: no TLS. */
struct tls_facts {
    uint8_t version;       /* enum tls_version; TLS_VERSION_NONE: none was agreed on */
    bool resumed;          /* the certificate is that of the session's first connection */
    bool insecure;         /* nothing was verified */
    struct err verify;     /* of the certificate: ERR_OK, or why it was refused */
    const char *cipher;    /* the standard's name, static; or NULL */
    struct tls_cert *cert; /* the peer's, a reference of the holder's; NULL: none came */
};
/* Facts as far as they are known, at any time. The caller owns a reference to the certificate: tls_facts_drop. */
struct tls_facts tls_stream_facts(const struct tls_stream *stream);
void tls_facts_drop(struct tls_facts *facts);
/* The protocol that was agreed on by ALPN, "" if none; static or the stream's. */
const char *tls_stream_alpn(const struct tls_stream *stream);

const char *tls_version_name(enum tls_version version); /* "1.2", "1.3"; NULL for none */
/* "unknown_ca"; "" for a number that RFC 8446 (6) doesn't have. */
const char *tls_alert_name(int alert);
/* One sentence for people about an error of stage tls: which alert, which names the certificate is for, when it expired.
 * Returns `text`. */
char *tls_explain(struct err err, const struct tls_facts *facts, const char *host, char *text,
                  size_t size);

/* What all of wolfSSL holds of the heap now, and what it has asked for since the start; any thread. */
struct tls_memory {
    int64_t live_bytes, allocations;
};
struct tls_memory tls_memory(void);
/* For tests: the `countdown`th allocation of this thread from now on fails, and each after it if `all`; 0 ends that. */
void tls_memory_fail(unsigned countdown, bool all);

/* wolfSSL's version and whose build it is; whether it was built for ringfetch (else what that costs is worth a line), and where its source came from. */
const char *tls_library(void);
bool tls_library_is_slow(void);
const char *tls_library_source(void);

#endif
