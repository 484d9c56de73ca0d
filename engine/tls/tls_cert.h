/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_cert.h: a certificate as people read it, and whom it is for. A description is made once for each certificate that a
 * thread meets in a row, counted, and never changed, so that a million records of one site share it. Any thread may hold and
 * drop references.
 */
#ifndef TLS_TLS_CERT_H
#define TLS_TLS_CERT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum tls_san { TLS_SAN_DNS, TLS_SAN_IP };

struct tls_cert {
    atomic_uint references;
    const char *subject,
        *issuer; /* "CN=example.org, O=Example, C=NO": RFC 4514, most specific first, escaped */
    const char *const *
        sans; /* as text: DNS names as they stand in the certificate, IP addresses in their usual form */
    const uint8_t *san_kinds; /* enum tls_san of each */
    unsigned san_count;
    int64_t not_before, not_after; /* seconds since 1970 UTC */
    bool self_signed;              /* subject and issuer are the same */
    uint8_t fingerprint[32];       /* SHA-256 of the DER */
    uint8_t key_pin[32];           /* SHA-256 of its SubjectPublicKeyInfo */
    uint8_t memory[];
};

/* From a DER certificate. NULL: malformed, or out of memory (*err: stage tls). One reference, the caller's. */
struct tls_cert *tls_cert_new(struct span der, struct err *err);
struct tls_cert *tls_cert_keep(struct tls_cert *cert);
void tls_cert_drop(struct tls_cert *cert); /* NULL is allowed */

/* Whether the certificate is for this host: an A-label name against its DNS SANs (a wildcard stands for the whole leftmost
 * label and nothing else, RFC 9525 6.3), or an IP address against its IP SANs. The common name never counts. */
bool tls_cert_is_for(const struct tls_cert *cert, struct span host);

#endif
