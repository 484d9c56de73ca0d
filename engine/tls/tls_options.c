/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_options.c: what the options say, put into the library's context. All that can be wrong with them is found here, before
 * the first connection, and told in one line that names the file or the value.
 *
 * Files are read here and handed over as memory, so that "no such file" and "no certificate in it" are different sentences.
 *
 * Rejected: leaving the choice of ciphers to the library: it puts AES-256 before AES-128, and AES before ChaCha20 on processors
 * that have no instructions for AES.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "tls/tls_der.h"
#include "tls/tls_private.h"

enum { FILE_BYTES_MAX = 64 << 20, SESSIONS_DEFAULT = 16384 };

int tls_complain(const struct tls_why *why, const char *format, ...) {
    va_list values;
    va_start(values, format);
    if (why->text && why->size)
        vsnprintf(why->text, why->size, format, values);
    va_end(values);
    return -1;
}

/* 0, or -errno. */
int tls_options_read_file(const char *path, struct pool *pool, struct bytes *bytes) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    uint8_t piece[8192];
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0 && bytes->len < FILE_BYTES_MAX)
        bytes_add(bytes, pool, span_of(piece, (size_t)got));
    int error = got < 0 ? errno : got > 0 ? EFBIG : 0;
    close(fd);
    return -error;
}

/* ---- versions and ciphers ---- */

static bool has_aes(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
    return false;
#endif
}

/* The order that we want; what the library wasn't built with is passed over. Without forward secrecy nothing is offered, and
 * CBC only because some old servers have nothing else. */
static const char *const aes_ciphers[] = {
    "TLS13-AES128-GCM-SHA256",     "TLS13-AES256-GCM-SHA384",       "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
};
static const char *const chacha_ciphers[] = {
    "TLS13-CHACHA20-POLY1305-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
};
static const char *const old_ciphers[] = {
    "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",   "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",   "ECDHE-ECDSA-AES128-SHA",    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",    "ECDHE-RSA-AES256-SHA",      "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305",
};

struct list {
    char text[2048];
    size_t len;
    bool has_13, has_12;
};

static bool list_add(struct list *list, const char *name) {
    size_t len = strlen(name);
    if (list->len + len + 2 > sizeof list->text)
        return false;
    if (list->len)
        list->text[list->len++] = ':';
    memcpy(list->text + list->len, name, len + 1);
    list->len += len;
    if (strncmp(name, "TLS13-", 6) == 0)
        list->has_13 = true;
    else
        list->has_12 = true;
    return true;
}

static bool in_list(const char *names, const char *name) {
    size_t len = strlen(name);
    for (const char *at = names; at && *at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL)
        if (strncasecmp(at, name, len) == 0 && (at[len] == ':' || !at[len]))
            return true;
    return false;
}

static void list_add_known(struct list *list, const char *known, const char *const *names,
                           size_t count) {
    for (size_t i = 0; i < count; i++)
        if (in_list(known, names[i]))
            list_add(list, names[i]);
}

#define LIST_ADD(names) list_add_known(list, known, names, sizeof names / sizeof *names)

static void list_defaults(struct list *list, const char *known) {
    if (has_aes())
        LIST_ADD(aes_ciphers);
    LIST_ADD(chacha_ciphers);
    if (!has_aes())
        LIST_ADD(aes_ciphers);
    LIST_ADD(old_ciphers);
}

/* What stands for "secure renegotiation" among the ciphers (RFC 5746 3.3): some servers refuse who doesn't say it. The
 * library forgets it when it's given a list. */
static void list_add_signal(struct list *list, const char *known) {
    static const char signal[] = "RENEGOTIATION-INFO";
    if (list->has_12 && in_list(known, signal))
        list_add(list, signal);
}

/* OpenSSL writes TLS_AES_128_GCM_SHA256 for what the library calls TLS13-AES128-GCM-SHA256. */
static void library_name(char *name) {
    static const char *const twins[][2] = {
        {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256"},
        {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384"},
        {"TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256"},
        {"TLS_AES_128_CCM_SHA256", "TLS13-AES128-CCM-SHA256"},
        {"TLS_AES_128_CCM_8_SHA256", "TLS13-AES128-CCM-8-SHA256"},
    };
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (strcasecmp(name, twins[i][0]) == 0)
            memcpy(name, twins[i][1], strlen(twins[i][1]) + 1);
    for (char *c = name; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 0x20) : *c;
}

static int list_chosen(struct list *list, const char *known, const char *chosen,
                       const struct tls_why *why) {
    for (const char *at = chosen; *at;) {
        char name[64];
        size_t len = strcspn(at, ":, ");
        if (len >= sizeof name - 8)
            return tls_complain(why, "ciphers: '%.*s' is unknown", (int)len, at);
        memcpy(name, at, len);
        name[len] = 0;
        library_name(name);
        if (len && (!in_list(known, name) || !list_add(list, name)))
            return tls_complain(why, "ciphers: '%.*s' is unknown to the TLS library", (int)len, at);
        at += len + (at[len] != 0);
    }
    return list->len ? 0 : tls_complain(why, "ciphers: '%s' names none", chosen);
}

struct versions {
    enum tls_version min, max;
};

/* Which versions are left is also a matter of the ciphers: those of 1.3 serve nothing else. */
static int versions_settle(struct versions *versions, const struct list *list,
                           const struct tls_why *why) {
    const char *need = NULL;
    if (!list->has_13) {
        need = versions->min == TLS_VERSION_1_3 ? "1.3" : NULL;
        versions->max = TLS_VERSION_1_2;
    }
    if (!list->has_12) {
        need = versions->max == TLS_VERSION_1_2 ? "1.2" : need;
        versions->min = TLS_VERSION_1_3;
    }
    return need ? tls_complain(why, "ciphers: none of them is for TLS %s", need) : 0;
}

/* A lower bound is set on the context, not by a method: a client made for 1.3 alone can't even read a hello of 1.2, and would
 * call it malformed. */
static WOLFSSL_METHOD *method_for(bool server, struct versions versions) {
    if (versions.max == TLS_VERSION_1_2)
        return server ? wolfTLSv1_2_server_method() : wolfTLSv1_2_client_method();
    return server ? wolfSSLv23_server_method() : wolfSSLv23_client_method();
}

static void set_groups(WOLFSSL_CTX *ctx, struct versions versions) {
    static const int wanted[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1,
                                 WOLFSSL_ECC_SECP521R1};
    enum { COUNT = sizeof wanted / sizeof *wanted };
    int groups[COUNT];
    memcpy(groups, wanted, sizeof groups);
    if (versions.max == TLS_VERSION_1_3 &&
        wolfSSL_CTX_set_groups(ctx, groups, COUNT) == WOLFSSL_SUCCESS)
        return;
    for (int i = 0; i < COUNT; i++)
        wolfSSL_CTX_UseSupportedCurve(ctx, (word16)wanted[i]);
}

static int context_open(struct tls *tls, const struct tls_options *options,
                        const struct tls_why *why) {
    char known[8192];
    struct versions versions = {options->version_min, options->version_max};
    struct list list = {.len = 0};
    if (!versions.min)
        versions.min = TLS_VERSION_1_2;
    if (!versions.max)
        versions.max = TLS_VERSION_1_3;
    if (versions.min > versions.max)
        return tls_complain(why, "the lowest TLS version (%s) is above the highest (%s)",
                            tls_version_name(versions.min), tls_version_name(versions.max));
    if (wolfSSL_get_ciphers(known, sizeof known) != WOLFSSL_SUCCESS)
        return tls_complain(why, "the TLS library names no ciphers");
    if (!options->ciphers)
        list_defaults(&list, known);
    else if (list_chosen(&list, known, options->ciphers, why) < 0)
        return -1;
    if (versions_settle(&versions, &list, why) < 0)
        return -1;
    list_add_signal(&list, known);
    tls->ctx = wolfSSL_CTX_new(method_for(options->server, versions));
    if (!tls->ctx)
        return tls_complain(why, "the TLS library could not be set up: out of memory");
    if (wolfSSL_CTX_SetMinVersion(tls->ctx, versions.min == TLS_VERSION_1_3
                                                ? WOLFSSL_TLSV1_3
                                                : WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS)
        return tls_complain(why, "the TLS library refuses version %s",
                            tls_version_name(versions.min));
    if (wolfSSL_CTX_set_cipher_list(tls->ctx, list.text) != WOLFSSL_SUCCESS)
        return tls_complain(why, "the TLS library refuses the ciphers '%s'", list.text);
    set_groups(tls->ctx, versions);
    return 0;
}

/* ---- certificate and key ---- */

static bool holds(struct span text, const char *what) {
    return text.len && memmem(text.at, text.len, what, strlen(what)) != NULL;
}

static int use_identity(struct tls *tls, struct span cert, struct span key, const char *cert_name,
                        const char *key_name, const struct tls_why *why) {
    if (wolfSSL_CTX_use_certificate_chain_buffer(tls->ctx, cert.at, (long)cert.len) !=
        WOLFSSL_SUCCESS)
        return tls_complain(why, "%s: holds no certificate in PEM that can be used", cert_name);
    if (holds(key, "ENCRYPTED"))
        return tls_complain(why, "%s: the key is encrypted; decrypt it first (openssl pkey)",
                            key_name);
    if (wolfSSL_CTX_use_PrivateKey_buffer(tls->ctx, key.at, (long)key.len, WOLFSSL_FILETYPE_PEM) !=
        WOLFSSL_SUCCESS)
        return tls_complain(why, "%s: holds no private key in PEM that can be used", key_name);
    if (wolfSSL_CTX_check_private_key(tls->ctx) != WOLFSSL_SUCCESS)
        return tls_complain(why, "%s: is not the key of the certificate %s", key_name, cert_name);
    return 0;
}

static int identity_files(struct tls *tls, const struct tls_options *options,
                          const struct tls_why *why) {
    struct bytes cert = {0}, key = {0};
    const char *key_name = options->key ? options->key : options->cert;
    int error = tls_options_read_file(options->cert, tls->pool, &cert);
    int result;
    if (error < 0) {
        result = tls_complain(why, "%s: %s", options->cert, strerror(-error));
    } else if ((error = tls_options_read_file(key_name, tls->pool, &key)) < 0) {
        result = tls_complain(why, "%s: %s", key_name, strerror(-error));
    } else {
        result =
            use_identity(tls, bytes_span(&cert), bytes_span(&key), options->cert, key_name, why);
        if (key.len)
            explicit_bzero(key.at, key.len);
    }
    bytes_release(&cert, tls->pool);
    bytes_release(&key, tls->pool);
    return result;
}

static int identity_open(struct tls *tls, const struct tls_options *options,
                         const struct tls_why *why) {
    if (options->cert)
        return identity_files(tls, options, why);
    if (options->cert_pem.len)
        return use_identity(tls, options->cert_pem,
                            options->key_pem.len ? options->key_pem : options->cert_pem,
                            "the certificate", "the key", why);
    if (options->key)
        return tls_complain(why, "%s: a key without a certificate", options->key);
    return options->server ? tls_complain(why, "a server needs a certificate") : 0;
}

/* ---- pins ---- */

static void pin_add(struct tls *tls, const uint8_t digest[static 32]) {
    memcpy(tls->pins[tls->pin_count++], digest, 32);
}

static int pins_listed(struct tls *tls, const char *list, const struct tls_why *why) {
    static const char prefix[] = "sha256//";
    for (const char *at = list; *at;) {
        size_t len = strcspn(at, ";");
        uint8_t digest[48];
        word32 bytes = sizeof digest;
        size_t skip = strlen(prefix);
        if (len &&
            (strncmp(at, prefix, skip) != 0 || tls->pin_count == TLS_PINS_MAX ||
             Base64_Decode((const byte *)at + skip, (word32)(len - skip), digest, &bytes) != 0 ||
             bytes != 32))
            return tls_complain(why,
                                "pinned key '%.*s': wanted is sha256// and the base64 of 32 bytes",
                                (int)len, at);
        if (len)
            pin_add(tls, digest);
        at += len + (at[len] == ';');
    }
    return tls->pin_count ? 0 : tls_complain(why, "pinned key '%s': names none", list);
}

static int pin_of_key(struct tls *tls, struct span key, const char *path,
                      const struct tls_why *why) {
    struct der_element spki;
    struct span rest = key;
    uint8_t digest[32];
    if (!der_expect(&rest, DER_SEQUENCE, &spki) || rest.len)
        return tls_complain(why, "%s: holds no public key in PEM or DER", path);
    if (wc_Sha256Hash(key.at, (word32)key.len, digest) != 0)
        return tls_complain(why, "%s: the TLS library can't hash it", path);
    pin_add(tls, digest);
    return 0;
}

/* The base64 between the marks of PEM (RFC 7468); empty: it's no PEM. */
static struct span key_body(struct span text) {
    static const char begin_mark[] = "-----BEGIN PUBLIC KEY-----";
    static const char end_mark[] = "-----END PUBLIC KEY-----";
    if (!holds(text, begin_mark))
        return (struct span){0};
    const uint8_t *begin = memmem(text.at, text.len, begin_mark, strlen(begin_mark));
    text = span_skip(text, (size_t)(begin - text.at) + strlen(begin_mark));
    if (!holds(text, end_mark))
        return (struct span){0};
    const uint8_t *end = memmem(text.at, text.len, end_mark, strlen(end_mark));
    return span_of(text.at, (size_t)(end - text.at));
}

static int pin_file(struct tls *tls, const char *path, const struct tls_why *why) {
    struct bytes text = {0};
    struct span body;
    int error = tls_options_read_file(path, tls->pool, &text), result;
    if (error < 0) {
        result = tls_complain(why, "%s: %s", path, strerror(-error));
    } else if ((body = key_body(bytes_span(&text))).len) {
        word32 room = (word32)body.len;
        uint8_t *der = pool_acquire(tls->pool, body.len);
        if (Base64_Decode(body.at, (word32)body.len, der, &room) != 0)
            room = 0;
        result = pin_of_key(tls, span_of(der, room), path, why);
        pool_release(tls->pool, der, body.len);
    } else {
        result = pin_of_key(tls, bytes_span(&text), path, why);
    }
    bytes_release(&text, tls->pool);
    return result;
}

static int pins_open(struct tls *tls, const char *pinned, const struct tls_why *why) {
    if (!pinned)
        return 0;
    tls->pins = pool_acquire(tls->pool, TLS_PINS_MAX * sizeof *tls->pins);
    if (strstr(pinned, "sha256//") == pinned)
        return pins_listed(tls, pinned, why);
    return pin_file(tls, pinned, why);
}

/* ---- the rest ---- */

static int roots_open(struct tls *tls, const struct tls_options *options,
                      const struct tls_why *why) {
    struct tls_roots *roots = &tls->roots;
    const char *given = options->cacert ? options->cacert : options->capath;
    if (!given || options->server || options->insecure)
        return 0;
    if (options->cacert && access(options->cacert, R_OK) < 0)
        return tls_complain(why, "%s: %s", options->cacert, strerror(errno));
    if (options->capath && access(options->capath, R_OK | X_OK) < 0)
        return tls_complain(why, "%s: %s", options->capath, strerror(errno));
    roots->cacert =
        options->cacert ? pool_text(tls->pool, options->cacert, strlen(options->cacert)) : NULL;
    roots->capath =
        options->capath ? pool_text(tls->pool, options->capath, strlen(options->capath)) : NULL;
    if (!tls_roots_load(tls))
        return tls_complain(why, "%s: holds no certificate of an authority in PEM that can be used",
                            given);
    return 0;
}

static int alpn_open(struct tls *tls, const char *alpn, const struct tls_why *why) {
    if (!alpn || !*alpn)
        return 0;
    for (const char *at = alpn; *at;) {
        size_t len = strcspn(at, ",");
        if (!len || len >= sizeof((struct tls_stream *)0)->alpn)
            return tls_complain(why, "ALPN: '%s' is no list of protocols", alpn);
        at += len + (at[len] != 0);
    }
    tls->alpn = pool_text(tls->pool, alpn, strlen(alpn));
    return 0;
}

static int keylog_open(struct tls *tls, const char *path, const struct tls_why *why) {
    if (!path || !*path)
        return 0;
#ifndef HAVE_SECRET_CALLBACK
    return tls_complain(why, "%s: this TLS library keeps its secrets to itself (SSLKEYLOGFILE)",
                        path);
#endif
    tls->keylog = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return tls->keylog < 0 ? tls_complain(why, "%s: %s", path, strerror(errno)) : 0;
}

static void trust_open(struct tls *tls) {
    if (tls->server) {
        wolfSSL_CTX_set_verify(tls->ctx, WOLFSSL_VERIFY_NONE, NULL);
        return;
    }
    /* What public authorities may sign (CA/Browser Forum's baseline requirements, 6.1.5). */
    wolfSSL_CTX_SetMinRsaKey_Sz(tls->ctx, 2048);
    wolfSSL_CTX_SetMinEccKey_Sz(tls->ctx, 224);
    wolfSSL_CTX_SetMinDhKey_Sz(tls->ctx, 2048);
    wolfSSL_CTX_set_verify(tls->ctx, tls->insecure ? WOLFSSL_VERIFY_NONE : WOLFSSL_VERIFY_PEER,
                           tls_verify);
#ifdef HAVE_CERTIFICATE_STATUS_REQUEST
    if (!tls->insecure) {
        wolfSSL_CTX_EnableOCSPStapling(tls->ctx);
        wolfSSL_CTX_UseOCSPStapling(tls->ctx, WOLFSSL_CSR_OCSP, 0);
    }
#endif
}

int tls_options_apply(struct tls *tls, const struct tls_options *options,
                      const struct tls_why *why) {
    tls_sessions_init(&tls->sessions,
                      options->sessions_max ? options->sessions_max : SESSIONS_DEFAULT);
    if (context_open(tls, options, why) < 0)
        return -1;
    trust_open(tls);
    if (identity_open(tls, options, why) < 0 || pins_open(tls, options->pinned, why) < 0 ||
        roots_open(tls, options, why) < 0 || alpn_open(tls, options->alpn, why) < 0)
        return -1;
    return keylog_open(tls, options->keylog, why);
}
