/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_chain.c: whether the certificates that a server sent lead to a root. Pure.
 *
 * Signatures, dates and constraints are the library's to check, and it does. But it also remembers the intermediates of
 * all servers met so far, for good: a server that doesn't send its own would be trusted or not depending on whom the thread met
 * before, and an intermediate that has expired since would still vouch. So a chain must also be complete by itself, by names
 * (RFC 5280 6.1: the subject of one is the issuer of the next). This can only refuse what the library accepts.
 *
 * It is also where signatures by MD5 and SHA-1 are refused, of which the library has no opinion.
 */
#include "tls/tls_der.h"
#include "tls/tls_private.h"

enum { CHAIN_MAX = 16 };

/* md2, md4, md5 and sha1WithRSAEncryption are 1.2.840.113549.1.1.{2,3,4,5}. */
static const uint8_t rsa_arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01};
/* RSASSA-PSS, whose hash is SHA-1 unless its parameters' [0] names another (RFC 4055 3.1). */
enum { RSA_MD2 = 2, RSA_SHA1 = 5, RSA_PSS = 10, PSS_HASH_TAG = 0xa0 };

static bool algorithm_is_weak(struct span algorithm) {
    struct der_element oid, params;
    if (!der_expect(&algorithm, DER_OID, &oid))
        return false;
    struct span value = oid.value;
    if (der_is(value, "\x2a\x86\x48\xce\x3d\x04\x01", 7) || /* ecdsa-with-SHA1 */
        der_is(value, "\x2a\x86\x48\xce\x38\x04\x03", 7))   /* dsa-with-sha1 */
        return true;
    if (value.len != sizeof rsa_arc + 1 || memcmp(value.at, rsa_arc, sizeof rsa_arc) != 0)
        return false;
    uint8_t last = value.at[sizeof rsa_arc];
    if (last == RSA_PSS)
        return !der_expect(&algorithm, DER_SEQUENCE, &params) || !params.value.len ||
               params.value.at[0] != PSS_HASH_TAG;
    return last >= RSA_MD2 && last <= RSA_SHA1;
}

bool tls_names_read(struct span der, struct tls_names *names) {
    enum { VERSION_TAG = 0xa0 };
    struct der_element cert, tbs, algorithm, element;
    if (!der_expect(&der, DER_SEQUENCE, &cert) || !der_expect(&cert.value, DER_SEQUENCE, &tbs))
        return false;
    struct span rest = tbs.value;
    if (!der_skip_optional(&rest, VERSION_TAG) || !der_expect(&rest, DER_INTEGER, &element) ||
        !der_expect(&rest, DER_SEQUENCE, &algorithm) || !der_expect(&rest, DER_SEQUENCE, &element))
        return false;
    names->issuer = element.whole;
    names->weak = algorithm_is_weak(algorithm.value);
    if (!der_expect(&rest, DER_SEQUENCE, &element) || /* the dates */
        !der_expect(&rest, DER_SEQUENCE, &element))
        return false;
    names->subject = element.whole;
    return true;
}

static bool same(struct span a, struct span b) {
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* The certificate of the chain that issued this one; -1: none did. */
static int issuer_of(const struct tls_names *all, int count, int of, unsigned bad) {
    for (int i = 1; i < count; i++)
        if (i != of && !(bad >> i & 1) && same(all[i].subject, all[of].issuer))
            return i;
    return -1;
}

enum tls_chain tls_chain_judge(const struct tls_roots *roots, const WOLFSSL_BUFFER_INFO *certs,
                               int count, unsigned bad) {
    struct tls_names all[CHAIN_MAX];
    bool weak = false;
    if (count > CHAIN_MAX)
        count = CHAIN_MAX;
    for (int i = 0; i < count; i++)
        if (!tls_names_read(span_of(certs[i].buffer, certs[i].length), &all[i])) {
            bad |= 1u << i;
            all[i] = (struct tls_names){0};
        }
    /* Each step uses up one certificate at least, so that rings of cross-signed ones end. */
    int at = 0;
    for (int steps = 0; at >= 0 && steps < count; steps++) {
        bool is_root = tls_roots_have(roots, all[at].subject);
        weak |= all[at].weak && !is_root;
        if (is_root || tls_roots_have(roots, all[at].issuer))
            return weak ? TLS_CHAIN_WEAK : TLS_CHAIN_WHOLE;
        bad |= 1u << at;
        at = issuer_of(all, count, at, bad);
    }
    return TLS_CHAIN_OPEN;
}
