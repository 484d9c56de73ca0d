/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_verify.c: the one place that decides whether a peer is trusted: the callback that the library makes for every
 * leaf, and for every certificate above it that it objects to. The thread that owns the stream.
 *
 * Of several faults the one is told that makes the others pointless, in the order that Chromium has: a certificate that isn't
 * valid in itself, revoked, no trusted issuer, wrong host, weak, out of date, bad staple. The pins come last, as in curl.
 *
 * An objection to a certificate above the leaf doesn't end the handshake by itself: with WOLFSSL_ALT_CERT_CHAINS such a one vouches
 * for nobody, and servers do send old cross-signed roots that nobody needs. It is only kept to tell why the leaf has no issuer.
 *
 * Rejected: the library's check of the host's name, which takes the common name too and knows nothing of IP addresses in this
 * build.
 */
#include <time.h>

#include "base/hash.h"
#include "tls/tls_private.h"

static const struct {
    int code;
    enum err_kind kind;
} kinds[] = {
    {ASN_AFTER_DATE_E, ERR_EXPIRED},
    {ASN_BEFORE_DATE_E, ERR_NOT_YET_VALID},
    {ASN_NO_SIGNER_E, ERR_UNKNOWN_ISSUER},
    {ASN_SELF_SIGNED_E, ERR_UNKNOWN_ISSUER},
    {RSA_KEY_SIZE_E, ERR_WEAK_KEY},
    {ECC_KEY_SIZE_E, ERR_WEAK_KEY},
    {DH_KEY_SIZE_E, ERR_WEAK_KEY},
    {OCSP_CERT_REVOKED, ERR_REVOKED},
    {CRL_CERT_REVOKED, ERR_REVOKED},
    {BAD_CERTIFICATE_STATUS_ERROR, ERR_BAD_STAPLE},
    {OCSP_CERT_UNKNOWN, ERR_BAD_STAPLE},
    {OCSP_LOOKUP_FAIL, ERR_BAD_STAPLE},
    {OCSP_INVALID_STATUS, ERR_BAD_STAPLE},
    {VERIFY_CERT_ERROR, ERR_BAD_CERTIFICATE},
    {MAX_CHAIN_ERROR, ERR_BAD_CERTIFICATE},
    {PEER_KEY_ERROR, ERR_BAD_CERTIFICATE},
    {KEYUSE_SIGNATURE_E, ERR_BAD_CERTIFICATE},
    {KEYUSE_ENCIPHER_E, ERR_BAD_CERTIFICATE},
    {EXTKEYUSE_AUTH_E, ERR_BAD_CERTIFICATE},
    {NOT_CA_ERROR, ERR_BAD_CERTIFICATE},
    {ASN_NAME_INVALID_E, ERR_BAD_CERTIFICATE},
    {ASN_PATHLEN_INV_E, ERR_BAD_CERTIFICATE},
    {ASN_PATHLEN_SIZE_E, ERR_BAD_CERTIFICATE},
#ifdef OPENSSL_COMPATIBLE_DEFAULTS
    /* What the callback gets instead where the library poses as OpenSSL. */
    {X509_V_ERR_CERT_HAS_EXPIRED, ERR_EXPIRED},
    {X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, ERR_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, ERR_NOT_YET_VALID},
    {X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, ERR_NOT_YET_VALID},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ERR_UNKNOWN_ISSUER},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, ERR_UNKNOWN_ISSUER},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ERR_UNKNOWN_ISSUER},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, ERR_UNKNOWN_ISSUER},
    {X509_V_ERR_CERT_REVOKED, ERR_REVOKED},
#endif
};

/* All that concerns certificates, their parsing included: the codes of ASN.1 lie together. */
enum err_kind tls_verify_kind(int code) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].code == code)
            return kinds[i].kind;
    return code <= ASN_PARSE_E && code >= ECC_CURVE_OID_E ? ERR_BAD_CERTIFICATE : ERR_NONE;
}

/* The description of this certificate, a reference for the caller. Hosts of one site and one host's connections show the same
 * one again and again. */
static struct tls_cert *describe(struct tls *tls, struct span der, struct err *err) {
    uint64_t hash = hash_bytes(der.at, der.len);
    struct tls_known *known = &tls->known[hash % TLS_KNOWN_CERTS];
    if (known->der_bytes == der.len && memcmp(known->der, der.at, der.len) == 0)
        return tls_cert_keep(known->cert);
    struct tls_cert *cert = tls_cert_new(der, err);
    if (!cert)
        return NULL;
    pool_release(tls->pool, known->der, known->der_bytes);
    tls_cert_drop(known->cert);
    known->der = pool_acquire(tls->pool, der.len);
    memcpy(known->der, der.at, der.len);
    known->der_bytes = der.len;
    known->cert = cert;
    return tls_cert_keep(cert);
}

void tls_known_deinit(struct tls *tls) {
    for (int i = 0; i < TLS_KNOWN_CERTS; i++) {
        pool_release(tls->pool, tls->known[i].der, tls->known[i].der_bytes);
        tls_cert_drop(tls->known[i].cert);
    }
}

static bool is_pinned(const struct tls *tls, const struct tls_cert *cert) {
    if (!tls->pin_count)
        return true;
    for (unsigned i = 0; i < tls->pin_count; i++)
        if (memcmp(tls->pins[i], cert->key_pin, sizeof cert->key_pin) == 0)
            return true;
    return false;
}

static enum err_kind no_issuer(const struct tls_stream *stream) {
    if (stream->chain_kind && stream->chain_kind != ERR_UNKNOWN_ISSUER)
        return (enum err_kind)stream->chain_kind;
    return stream->cert->self_signed ? ERR_SELF_SIGNED : ERR_UNKNOWN_ISSUER;
}

static enum err_kind out_of_date(const struct tls_cert *cert) {
    int64_t now = time(NULL);
    if (now > cert->not_after)
        return ERR_EXPIRED;
    return now < cert->not_before ? ERR_NOT_YET_VALID : ERR_NONE;
}

/* What is wrong with the leaf, by the order above. `code` is what the library says of it. */
static enum err_kind judge(const struct tls_stream *stream, const WOLFSSL_X509_STORE_CTX *store) {
    int code = store->error;
    enum err_kind by_library = code == 0 ? ERR_NONE : tls_verify_kind(code);
    enum tls_chain chain =
        tls_chain_judge(&stream->tls->roots, store->certs, store->totalCerts, stream->bad_chain);
    enum err_kind date = out_of_date(stream->cert);
    if (code != 0 && by_library == ERR_NONE)
        by_library = ERR_BAD_CERTIFICATE;
    if (by_library == ERR_BAD_CERTIFICATE)
        return chain == TLS_CHAIN_WEAK ? ERR_WEAK_KEY : ERR_BAD_CERTIFICATE;
    if (by_library == ERR_REVOKED)
        return ERR_REVOKED;
    if (by_library == ERR_UNKNOWN_ISSUER || chain == TLS_CHAIN_OPEN)
        return no_issuer(stream);
    if (!tls_cert_is_for(stream->cert, span_text(stream->host)))
        return ERR_WRONG_HOST;
    if (by_library == ERR_WEAK_KEY || chain == TLS_CHAIN_WEAK)
        return ERR_WEAK_KEY;
    return date != ERR_NONE ? date : by_library;
}

static int refuse(struct tls_stream *stream, struct err err) {
    stream->verify = err;
    stream->accepted = false;
    return 0;
}

/* 1 lets the library go on. */
static int on_leaf(struct tls_stream *stream, const WOLFSSL_X509_STORE_CTX *store) {
    struct err err = err_make(STAGE_TLS, ERR_BAD_CERTIFICATE, store->error);
    stream->seen = true;
    tls_cert_drop(stream->cert);
    stream->cert =
        describe(stream->tls, span_of(store->certs[0].buffer, store->certs[0].length), &err);
    if (!stream->cert)
        return refuse(stream, err);
    enum err_kind kind = stream->tls->insecure ? ERR_NONE : judge(stream, store);
    if (kind == ERR_NONE && !is_pinned(stream->tls, stream->cert))
        kind = ERR_PIN_MISMATCH;
    if (kind != ERR_NONE)
        return refuse(stream, err_make(STAGE_TLS, kind, store->error));
    stream->verify = ERR_OK;
    stream->accepted = true;
    return 1;
}

int tls_verify(int passed, WOLFSSL_X509_STORE_CTX *store) {
    struct tls_stream *stream = store->userCtx;
    int at = store->error_depth;
    if (!stream || !store->certs || store->totalCerts < 1)
        return 0;
    if (at == 0)
        return on_leaf(stream, store);
    if (passed)
        return 1;
    if (at < 16)
        stream->bad_chain |= (uint16_t)(1u << at);
    if (!stream->chain_kind) {
        enum err_kind kind = tls_verify_kind(store->error);
        stream->chain_kind = (uint8_t)(kind ? kind : ERR_BAD_CERTIFICATE);
    }
#ifdef WOLFSSL_ALT_CERT_CHAINS
    return 1;
#else
    /* Without it the library would trust a certificate whose fault is forgiven. */
    return stream->tls->insecure
               ? 1
               : refuse(stream, err_make(STAGE_TLS, stream->chain_kind, store->error));
#endif
}
