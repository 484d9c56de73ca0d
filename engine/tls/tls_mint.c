/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_mint.c: writes two certificates (RFC 5280) for keys that it makes: an authority's, and a server's signed by it. All of a
 * call's state is on the call's stack and in one block of keys: any thread. It is start-up code: slow (RSA: a
 * second) and unhurried.
 *
 * Rejected: the library's own generator (struct Cert): its SANs end at 16 KiB, not enough for a few thousand names, it can't write key
 * identifiers in our build, and not every distribution's build has it.
 */
#include "tls/tls_mint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "tls/tls_der.h"
#include "tls/tls_name.h"
#include "tls/tls_private.h"

enum {
    RSA_BITS = 2048,
    SERIAL_BYTES = 16, /* RFC 5280 4.1.2.2: up to 20 */
    KEY_ID_BYTES = 20,
    NAME_TEXT_BYTES = 64,
    KEY_DER_BYTES = 2048,  /* RSA 2048 takes 1,193 */
    FIXED_BYTES_MAX = 1536 /* all of a certificate but its SANs */
};

struct key {
    bool rsa, made;
    union {
        RsaKey rsa_key;
        ecc_key ecc_key;
    };
    uint8_t spki[512];
    size_t spki_len;
    uint8_t id[KEY_ID_BYTES];
};

struct certificate {
    bool is_ca;
    const char *subject, *issuer; /* common names */
    struct key *key, *signer;
    int64_t not_before, not_after;
    const char *const *names;
};

/* In one block, as keys of several KiB are no guests for a stack. */
struct work {
    WC_RNG rng;
    bool has_rng;
    struct key ca_key, server_key;
    char *why;
    size_t why_size;
};

static bool fails(const struct work *work, const char *what, int code) {
    snprintf(work->why, work->why_size, "minting a certificate: %s (wolfSSL says %d)", what, code);
    return false;
}

/* ---- keys -------------------------------------------------------------------------------------------- */

static bool rsa_make(struct work *work, struct key *key) {
#if defined(WOLFSSL_KEY_GEN) && !defined(NO_RSA)
    int code = wc_InitRsaKey(&key->rsa_key, NULL);
    if (code)
        return fails(work, "no RSA key", code);
    key->made = true;
    code = wc_MakeRsaKey(&key->rsa_key, RSA_BITS, WC_RSA_EXPONENT, &work->rng);
#ifdef WC_RSA_BLINDING
    if (code == 0)
        code = wc_RsaSetRNG(&key->rsa_key, &work->rng);
#endif
    int len = code ? code : wc_RsaKeyToPublicDer(&key->rsa_key, key->spki, sizeof key->spki);
    if (len <= 0)
        return fails(work, "no RSA key", len);
    key->spki_len = (size_t)len;
    return true;
#else
    (void)key;
    return fails(work, "this build of the library makes no RSA keys", NOT_COMPILED_IN);
#endif
}

static void add_ecc_spki(struct der_writer *out, struct span point) {
    size_t info = der_begin(out, DER_SEQUENCE), algorithm = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, span_of("\x2a\x86\x48\xce\x3d\x02\x01", 7));     /* id-ecPublicKey */
    der_add(out, DER_OID, span_of("\x2a\x86\x48\xce\x3d\x03\x01\x07", 8)); /* P-256 */
    der_end(out, algorithm);
    size_t bits = der_begin(out, DER_BIT_STRING);
    der_add_raw(out, span_of("", 1));
    der_add_raw(out, point);
    der_end(out, bits);
    der_end(out, info);
}

static bool ecc_make(struct work *work, struct key *key) {
    uint8_t point[80];
    word32 point_len = sizeof point;
    int code = wc_ecc_init(&key->ecc_key);
    if (code)
        return fails(work, "no P-256 key", code);
    key->made = true;
    code = wc_ecc_make_key_ex(&work->rng, 32, &key->ecc_key, ECC_SECP256R1);
    if (code == 0)
        code = wc_ecc_export_x963(&key->ecc_key, point, &point_len);
    if (code)
        return fails(work, "no P-256 key", code);
    struct der_writer out = {.at = key->spki, .room = sizeof key->spki};
    add_ecc_spki(&out, span_of(point, point_len));
    key->spki_len = out.len;
    return true;
}

/* The identifier is any digest of the key (RFC 7093 2): here of the whole SubjectPublicKeyInfo, the first 160 bits. */
static bool key_make(struct work *work, struct key *key, bool rsa) {
    uint8_t digest[WC_SHA256_DIGEST_SIZE];
    key->rsa = rsa;
    if (!(rsa ? rsa_make(work, key) : ecc_make(work, key)))
        return false;
    int code = wc_Sha256Hash(key->spki, (word32)key->spki_len, digest);
    if (code)
        return fails(work, "no digest", code);
    memcpy(key->id, digest, sizeof key->id);
    return true;
}

/* Both functions wipe what is secret. */
static void key_free(struct key *key) {
    if (key->made && key->rsa)
        wc_FreeRsaKey(&key->rsa_key);
    else if (key->made)
        wc_ecc_free(&key->ecc_key);
}

static int key_der(struct key *key, uint8_t *der, word32 room) {
#if defined(WOLFSSL_KEY_GEN) && !defined(NO_RSA)
    if (key->rsa)
        return wc_RsaKeyToDer(&key->rsa_key, der, room);
#endif
    return wc_EccKeyToDer(&key->ecc_key, der, room);
}

/* The length of the signature, or negative. */
static int key_sign(struct work *work, struct key *key, struct span what, uint8_t *signature,
                    word32 room) {
    uint8_t digest[WC_SHA256_DIGEST_SIZE], encoded[WC_SHA256_DIGEST_SIZE + 32];
    int code = wc_Sha256Hash(what.at, (word32)what.len, digest);
    if (code)
        return code;
    if (key->rsa) {
        word32 len = wc_EncodeSignature(encoded, digest, sizeof digest, SHA256h);
        return wc_RsaSSL_Sign(encoded, len, signature, room, &key->rsa_key, &work->rng);
    }
    code = wc_ecc_sign_hash(digest, sizeof digest, signature, &room, &work->rng, &key->ecc_key);
    return code ? code : (int)room;
}

/* ---- the parts of a certificate ---------------------------------------------------------------------- */

static void add_common_name(struct der_writer *out, const char *name) {
    size_t names = der_begin(out, DER_SEQUENCE), set = der_begin(out, DER_SET);
    size_t pair = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, span_of("\x55\x04\x03", 3));
    der_add(out, DER_UTF8_STRING, span_text(name));
    der_end(out, pair);
    der_end(out, set);
    der_end(out, names);
}

static void add_signature_algorithm(struct der_writer *out, const struct key *signer) {
    size_t algorithm = der_begin(out, DER_SEQUENCE);
    if (signer->rsa) { /* sha256WithRSAEncryption, whose parameters are NULL (RFC 4055 5) */
        der_add(out, DER_OID, span_of("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9));
        der_add(out, DER_NULL, span_of("", 0));
    } else { /* ecdsa-with-SHA256, which has none (RFC 5758 3.2) */
        der_add(out, DER_OID, span_of("\x2a\x86\x48\xce\x3d\x04\x03\x02", 8));
    }
    der_end(out, algorithm);
}

/* `id` is the last octet of an OID below id-ce. */
static void add_extension(struct der_writer *out, char id, bool critical,
                          const struct der_writer *value) {
    size_t extension = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, span_of((char[]){0x55, 0x1d, id}, 3));
    if (critical)
        der_add_true(out);
    der_add(out, DER_OCTET_STRING, span_of(value->at, value->len));
    out->full |= value->full;
    der_end(out, extension);
}

static void add_basic_constraints(struct der_writer *out, bool is_ca) {
    uint8_t memory[32];
    struct der_writer value = {.at = memory, .room = sizeof memory};
    size_t constraints = der_begin(&value, DER_SEQUENCE);
    if (is_ca) {
        der_add_true(&value);
        der_add_small(&value, 0); /* no authorities below this one */
    }
    der_end(&value, constraints);
    add_extension(out, 0x13, true, &value);
}

/* A BIT STRING: how many bits of its last octet don't count, then the bits from the left. */
static void add_key_usage(struct der_writer *out, const struct certificate *what) {
    uint8_t memory[8];
    struct der_writer value = {.at = memory, .room = sizeof memory};
    if (what->is_ca) /* keyCertSign, cRLSign */
        der_add(&value, DER_BIT_STRING, span_of("\x01\x06", 2));
    else if (what->key->rsa) /* digitalSignature, keyEncipherment */
        der_add(&value, DER_BIT_STRING, span_of("\x05\xa0", 2));
    else /* digitalSignature */
        der_add(&value, DER_BIT_STRING, span_of("\x07\x80", 2));
    add_extension(out, 0x0f, true, &value);
}

static void add_key_ids(struct der_writer *out, const struct certificate *what) {
    uint8_t memory[64];
    struct der_writer value = {.at = memory, .room = sizeof memory};
    der_add(&value, DER_OCTET_STRING, span_of(what->key->id, KEY_ID_BYTES));
    add_extension(out, 0x0e, false, &value);
    value.len = 0;
    size_t authority = der_begin(&value, DER_SEQUENCE);
    der_add(&value, 0x80, span_of(what->signer->id, KEY_ID_BYTES));
    der_end(&value, authority);
    add_extension(out, 0x23, false, &value);
}

static void add_server_auth(struct der_writer *out) {
    uint8_t memory[32];
    struct der_writer value = {.at = memory, .room = sizeof memory};
    size_t usages = der_begin(&value, DER_SEQUENCE);
    der_add(&value, DER_OID, span_of("\x2b\x06\x01\x05\x05\x07\x03\x01", 8));
    der_end(&value, usages);
    add_extension(out, 0x25, false, &value);
}

static void add_san(struct der_writer *out, const char *name) {
    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1)
        der_add(out, 0x87, span_of(address, 4));
    else if (inet_pton(AF_INET6, name, address) == 1)
        der_add(out, 0x87, span_of(address, 16));
    else
        der_add(out, 0x82, span_text(name));
}

static void add_sans(struct der_writer *out, const char *const *names) {
    size_t extension = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, span_of("\x55\x1d\x11", 3));
    size_t value = der_begin(out, DER_OCTET_STRING), list = der_begin(out, DER_SEQUENCE);
    for (; *names; names++)
        add_san(out, *names);
    der_end(out, list);
    der_end(out, value);
    der_end(out, extension);
}

static void add_extensions(struct der_writer *out, const struct certificate *what) {
    size_t explicit = der_begin(out, 0xa3), extensions = der_begin(out, DER_SEQUENCE);
    add_basic_constraints(out, what->is_ca);
    add_key_usage(out, what);
    add_key_ids(out, what);
    if (!what->is_ca) {
        add_server_auth(out);
        add_sans(out, what->names);
    }
    der_end(out, extensions);
    der_end(out, explicit);
}

static bool add_tbs(struct work *work, struct der_writer *out, const struct certificate *what) {
    uint8_t serial[SERIAL_BYTES];
    int code = wc_RNG_GenerateBlock(&work->rng, serial, sizeof serial);
    if (code)
        return fails(work, "no random numbers", code);
    size_t tbs = der_begin(out, DER_SEQUENCE), version = der_begin(out, 0xa0);
    der_add_small(out, 2); /* v3 */
    der_end(out, version);
    der_add_unsigned(out, span_of(serial, sizeof serial));
    add_signature_algorithm(out, what->signer);
    add_common_name(out, what->issuer);
    size_t validity = der_begin(out, DER_SEQUENCE);
    if (!der_add_time(out, what->not_before) || !der_add_time(out, what->not_after))
        return fails(work, "its years must be from 1950 to 9999", 0);
    der_end(out, validity);
    add_common_name(out, what->subject);
    der_add_raw(out, span_of(what->key->spki, what->key->spki_len));
    add_extensions(out, what);
    der_end(out, tbs);
    return true;
}

static bool add_certificate(struct work *work, struct der_writer *out,
                            const struct certificate *what) {
    uint8_t signature[512];
    size_t certificate = der_begin(out, DER_SEQUENCE), tbs = out->len;
    if (!add_tbs(work, out, what))
        return false;
    int len = key_sign(work, what->signer, span_of(out->at + tbs, out->len - tbs), signature,
                       sizeof signature);
    if (len <= 0)
        return fails(work, "no signature", len);
    add_signature_algorithm(out, what->signer);
    size_t bits = der_begin(out, DER_BIT_STRING);
    der_add_raw(out, span_of("", 1));
    der_add_raw(out, span_of(signature, (size_t)len));
    der_end(out, bits);
    der_end(out, certificate);
    return !out->full || fails(work, "it became too long", 0);
}

/* ---- PEM --------------------------------------------------------------------------------------------- */

/* RFC 7468. NULL: out of memory. */
static char *pem_of(const char *label, struct span der) {
    size_t room =
        der.len / 3 * 4 + der.len / 48 + 160; /* four for three, line ends, two lines of label */
    char *pem = XMALLOC(room, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    if (!pem)
        return NULL;
    size_t len = (size_t)snprintf(pem, room, "-----BEGIN %s-----\n", label);
    word32 base64_len = (word32)(room - len);
    if (Base64_Encode(der.at, (word32)der.len, (uint8_t *)pem + len, &base64_len) != 0) {
        XFREE(pem, NULL, DYNAMIC_TYPE_TMP_BUFFER);
        return NULL;
    }
    len += base64_len;
    snprintf(pem + len, room - len, "-----END %s-----\n", label);
    return pem;
}

static char *certificate_pem(struct work *work, const struct certificate *what) {
    size_t room = FIXED_BYTES_MAX;
    for (const char *const *name = what->names; name && *name; name++)
        room += strlen(*name) + 18; /* tag, lengths, or an IPv6 address instead */
    uint8_t *der = XMALLOC(room, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    struct der_writer out = {.at = der, .room = room};
    char *pem = NULL;
    if (!der) {
        fails(work, "out of memory", MEMORY_E);
    } else if (add_certificate(work, &out, what)) {
        pem = pem_of("CERTIFICATE", span_of(der, out.len));
        if (!pem)
            fails(work, "out of memory", MEMORY_E);
    }
    XFREE(der, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    return pem;
}

static char *key_pem(struct work *work, struct key *key) {
    uint8_t der[KEY_DER_BYTES];
    char *pem = NULL;
    int len = key_der(key, der, sizeof der);
    if (len > 0)
        pem = pem_of(key->rsa ? "RSA PRIVATE KEY" : "EC PRIVATE KEY", span_of(der, (size_t)len));
    if (!pem)
        fails(work, "the key can't be written", len < 0 ? len : MEMORY_E);
    explicit_bzero(der, sizeof der);
    return pem;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static bool is_name(const char *name) {
    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return true;
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    size_t len = strlen(name);
    return len && len <= TLS_HOST_BYTES_MAX && strspn(name, TLS_HOST_CHARACTERS) == len;
}

static bool names_check(const struct work *work, const char *const *names) {
    for (; *names; names++) {
        if (is_name(*names))
            continue;
        snprintf(work->why, work->why_size,
                 "minting a certificate: '%.80s' is neither a DNS name nor an IP address", *names);
        return false;
    }
    return true;
}

/* The authority is valid now and whenever the server's certificate is, so that an expired one has expired by itself. */
static void validity_of(const struct tls_mint_options *options, struct certificate *ca,
                        struct certificate *server) {
    int64_t now = time(NULL), hour_ago = now - 3600, in_30_days = now + 30 * 86400;
    server->not_before = options->not_before ? options->not_before : hour_ago;
    server->not_after = options->not_after ? options->not_after : in_30_days;
    ca->not_before = server->not_before < hour_ago ? server->not_before : hour_ago;
    ca->not_after = server->not_after > in_30_days ? server->not_after : in_30_days;
}

static bool mint_all(struct work *work, struct tls_mint *mint,
                     const struct tls_mint_options *options) {
    static const char *const local[] = {"localhost", "127.0.0.1", "::1", NULL};
    const char *const *names = options->names && *options->names ? options->names : local;
    uint8_t random[4];
    char ca_name[NAME_TEXT_BYTES];
    int code = wc_InitRng(&work->rng);
    work->has_rng = code == 0;
    if (code == 0)
        code = wc_RNG_GenerateBlock(&work->rng, random, sizeof random);
    if (code)
        return fails(work, "no random numbers", code);
    if (!names_check(work, names) || !key_make(work, &work->ca_key, options->rsa) ||
        !key_make(work, &work->server_key, options->rsa))
        return false;
    snprintf(ca_name, sizeof ca_name, "ringfetch throw-away CA %02x%02x%02x%02x", random[0],
             random[1], random[2], random[3]);
    struct certificate ca = {
        .is_ca = true,
        .subject = ca_name,
        .issuer = ca_name,
        .key = &work->ca_key,
        .signer = &work->ca_key,
    };
    struct certificate server = {
        .subject = "ringfetch throw-away server",
        .issuer = ca_name,
        .key = &work->server_key,
        .signer = &work->ca_key,
        .names = names,
    };
    validity_of(options, &ca, &server);
    return (mint->ca = certificate_pem(work, &ca)) &&
           (mint->cert = certificate_pem(work, &server)) &&
           (mint->key = key_pem(work, &work->server_key));
}

int tls_mint_init(struct tls_mint *mint, const struct tls_mint_options *options, char *why,
                  size_t why_size) {
    struct work *work = NULL;
    if (tls_library_start())
        work = XMALLOC(sizeof *work, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    *mint = (struct tls_mint){0};
    if (!work) {
        snprintf(why, why_size, "minting a certificate: out of memory");
        return -1;
    }
    memset(work, 0, sizeof *work);
    work->why = why;
    work->why_size = why_size;
    bool minted = mint_all(work, mint, options);
    key_free(&work->ca_key);
    key_free(&work->server_key);
    if (work->has_rng)
        wc_FreeRng(&work->rng);
    XFREE(work, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    if (!minted)
        tls_mint_deinit(mint);
    return minted ? 0 : -1;
}

void tls_mint_deinit(struct tls_mint *mint) {
    if (mint->key)
        explicit_bzero(mint->key, strlen(mint->key));
    XFREE(mint->ca, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    XFREE(mint->cert, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    XFREE(mint->key, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    *mint = (struct tls_mint){0};
}
