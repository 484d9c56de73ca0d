/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_private.h: what the files of this room know of each other. A struct tls and its streams belong to one thread; nothing
 * here takes a lock but the library's own start (tls_memory.c).
 *
 * The library's context (WOLFSSL_CTX) is made once and never changed by a stream: what a connection needs of its own is the
 * host's name (SNI), ALPN and a session to resume.
 */
#ifndef TLS_TLS_PRIVATE_H
#define TLS_TLS_PRIVATE_H

#include <wolfssl/error-ssl.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "base/list.h"
#include "tls/tls.h"

enum {
    TLS_RECORD_BYTES = 16384, /* plain text of one record at most, RFC 8446 5.1 */
    TLS_KNOWN_CERTS = 128,    /* descriptions kept for the next meeting, a power of two */
    TLS_PINS_MAX = 64,
    TLS_INTERMEDIATES_MAX = 2048 /* that the library may remember before its roots are read anew */
};

struct tls_roots;

/* Why a tls could not be opened: where to write it. */
struct tls_why {
    char *text;
    size_t size;
};
/* -1, for `return`. */
int tls_complain(const struct tls_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The parts of a certificate that tell where it stands in a chain. */
struct tls_names {
    struct span issuer, subject; /* the DER of the names, whole */
    bool weak;                   /* signed with MD5, SHA-1 or worse */
};
/* False: malformed. */
bool tls_names_read(struct span der, struct tls_names *names);

/* What the certificates that a server sent make of each other. Those whose bit in `bad` is set don't count. */
enum tls_chain { TLS_CHAIN_WHOLE, TLS_CHAIN_WEAK, TLS_CHAIN_OPEN };
enum tls_chain tls_chain_judge(const struct tls_roots *roots, const WOLFSSL_BUFFER_INFO *certs,
                               int count, unsigned bad);

/* Where trust begins. The subjects' hashes tell whether a chain that a server sent ends at a root, which the library alone
 * doesn't: it also remembers the intermediates of other servers. */
struct tls_roots {
    char *cacert, *capath; /* the pool's; NULL: the system's */
    uint64_t *subjects;
    unsigned count, room;
    bool loaded;
};
/* Reads them into the library. False: there are none. `passed_over` bad ones are no failure. */
bool tls_roots_load(struct tls *tls);
bool tls_roots_have(const struct tls_roots *roots, struct span subject);
void tls_roots_deinit(struct tls *tls);
/* Reads them again when the library has gathered too many intermediates. False: none any more. */
bool tls_roots_ready(struct tls *tls);

/* Sessions to resume, by host and port. The ALPN list, the trust settings, ciphers and versions are the same for all sessions of a
 * struct tls, so they need not be in the key: a session never leaves its struct tls. */
struct tls_session {
    struct link age;          /* the least recently used first */
    struct tls_session *next; /* in its bucket */
    uint64_t key;
    WOLFSSL_SESSION *session;
    struct tls_cert *cert; /* may be NULL where nothing is verified */
    char *host;
    uint16_t port;
    uint8_t version; /* enum tls_version */
};
struct tls_sessions {
    struct link age;
    struct tls_session **buckets;
    unsigned bucket_count, count, max;
};
void tls_sessions_init(struct tls_sessions *sessions, unsigned max);
void tls_sessions_deinit(struct tls *tls);
/* Gives the stream a session to offer, if there is one. */
void tls_sessions_offer(struct tls_stream *stream);
/* Keeps the stream's own, which was verified. */
void tls_sessions_keep(struct tls_stream *stream);
/* The server would not have the one that was offered. */
void tls_sessions_forget(struct tls_stream *stream);

/* A certificate met before: its bytes and the description. */
struct tls_known {
    uint8_t *der; /* the pool's */
    size_t der_bytes;
    struct tls_cert *cert;
};

struct tls {
    WOLFSSL_CTX *ctx;
    struct pool *pool;
    bool server, insecure, resumption;
    unsigned intermediates; /* that the library has gathered from servers' chains */
    struct tls_roots roots;
    struct tls_sessions sessions;
    uint8_t (*pins)[32];
    unsigned pin_count;
    char *alpn; /* the list as the library wants it */
    int keylog; /* -1: none */
    struct tls_known known[TLS_KNOWN_CERTS];
    uint8_t plain[TLS_RECORD_BYTES];
};

struct tls_stream {
    struct tls *tls;
    WOLFSSL *ssl;
    struct span
        in; /* what tls_shake or tls_read was given, as far as the library has not taken it */
    struct bytes out;
    struct tls_cert *cert;
    char *host; /* the pool's */
    struct err verify;
    struct err refused; /* sticky: what the stream broke of */
    char alpn[12];
    uint16_t port;
    uint16_t bad_chain;   /* bit i: the library objects to certificate i of the chain */
    uint8_t chain_kind;   /* to the first of them, as an error kind */
    uint8_t first_byte;   /* of all that the peer sent: the type of its first record */
    bool met;             /* the peer has sent something */
    bool seen;            /* the verify callback saw the leaf */
    bool accepted;        /* and accepted it */
    bool offered;         /* a session to resume */
    bool resumed;         /* and the server took it */
    bool done;            /* the handshake is over */
    bool broken;          /* nothing can be sent or received any more */
    bool session_arrived; /* since the last call */
};

/* Starts the library, once; false: it can't. */
bool tls_library_start(void);
/* Whether an allocation of the library failed on this thread since the last tls_memory_forget. */
bool tls_memory_was_short(void);
void tls_memory_forget(void);

/* Sets the context up as the options say. */
int tls_options_apply(struct tls *tls, const struct tls_options *options,
                      const struct tls_why *why);
int tls_options_read_file(const char *path, struct pool *pool, struct bytes *bytes);

/* The one place that decides whom to trust: the library's verify callback. */
int tls_verify(int passed, WOLFSSL_X509_STORE_CTX *store);
/* The kind of a library's error about certificates, or ERR_NONE. */
enum err_kind tls_verify_kind(int code);
void tls_known_deinit(struct tls *tls);

enum tls_version tls_stream_version(const struct tls_stream *stream);

/* Lines of SSLKEYLOGFILE. */
void tls_keylog_attach(struct tls_stream *stream);
void tls_keylog_finish(struct tls_stream *stream);

#endif
