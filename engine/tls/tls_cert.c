/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_cert.c: a certificate's description from its DER (RFC 5280 4.1), in one block of memory that wolfSSL's allocator
 * counts, and whom the certificate is for. It describes; whether to believe the certificate is tls_verify's question. The
 * functions keep nothing: any thread.
 *
 * Rejected: describing with the library's WOLFSSL_X509, which costs 20 times as much, half of it in locks, and whose functions differ
 * from build to build.
 */
#include "tls/tls_cert.h"

#include <arpa/inet.h>
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/types.h>

#include "base/assert.h"
#include "tls/tls_der.h"
#include "tls/tls_name.h"
#include "tls/tls_private.h"

/* What the description is made of, borrowed from the DER. */
struct parts {
    struct der_element issuer, subject, key;
    struct span sans; /* GeneralNames */
    int64_t not_before, not_after;
};

/* ---- the calendar ------------------------------------------------------------------------------------ */

static bool digits_take(struct span *text, size_t count, unsigned *value) {
    *value = 0;
    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        *value = *value * 10 + (text->at[i] - '0');
    }
    *text = span_skip(*text, count);
    return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that the leap day is the last. */
static int64_t days_from_civil(unsigned year, unsigned month, unsigned day) {
    int64_t y = (int64_t)year - (month <= 2) + 400; /* never negative: a whole cycle is added */
    unsigned from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468 - 146097;
}

static unsigned days_of_month(unsigned year, unsigned month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* RFC 5280 4.1.2.5.1: two digits of a year mean 1950 to 2049. */
static bool year_take(unsigned tag, struct span *text, unsigned *year) {
    if (tag == DER_GENERALIZED_TIME)
        return digits_take(text, 4, year);
    if (tag != DER_UTC_TIME || !digits_take(text, 2, year))
        return false;
    *year += *year < 50 ? 2000 : 1900;
    return true;
}

/* RFC 5280 4.1.2.5: always with seconds, always in UTC. */
static bool time_take(struct span *from, int64_t *seconds) {
    static const unsigned last[] = {12, 31, 23, 59, 59};
    struct der_element time;
    unsigned year, parts[5]; /* month, day, hour, minute, second */
    if (!der_take(from, &time) || !year_take(time.tag, &time.value, &year))
        return false;
    for (int i = 0; i < 5; i++)
        if (!digits_take(&time.value, 2, &parts[i]) || parts[i] > last[i])
            return false;
    unsigned month = parts[0], day = parts[1];
    if (!month || !day || day > days_of_month(year, month) || !span_is(time.value, "Z"))
        return false;
    *seconds =
        days_from_civil(year, month, day) * 86400 + parts[2] * 3600 + parts[3] * 60 + parts[4];
    return true;
}

/* ---- taking it apart --------------------------------------------------------------------------------- */

/* One Extension; only the SANs' matters here. Two of them would leave open which counts (RFC 5280 4.2 forbids it). */
static bool extension_take(struct span *extensions, struct parts *parts) {
    struct der_element extension, oid, value, names;
    if (!der_expect(extensions, DER_SEQUENCE, &extension))
        return false;
    struct span rest = extension.value;
    if (!der_expect(&rest, DER_OID, &oid) || !der_skip_optional(&rest, DER_BOOLEAN) ||
        !der_expect(&rest, DER_OCTET_STRING, &value) || rest.len)
        return false;
    if (!der_is(oid.value, "\x55\x1d\x11", 3))
        return true;
    if (parts->sans.at || !der_expect(&value.value, DER_SEQUENCE, &names) || value.value.len)
        return false;
    parts->sans = names.value;
    return true;
}

static bool extensions_take(struct span tbs, struct parts *parts) {
    struct der_element explicit, extensions;
    if (!der_skip_optional(&tbs, 0x81) || !der_skip_optional(&tbs, 0x82))
        return false;
    if (!tbs.len)
        return true;
    if (!der_expect(&tbs, 0xa3, &explicit) || tbs.len ||
        !der_expect(&explicit.value, DER_SEQUENCE, &extensions) || explicit.value.len)
        return false;
    while (extensions.value.len)
        if (!extension_take(&extensions.value, parts))
            return false;
    return true;
}

static bool validity_take(struct span *from, struct parts *parts) {
    struct der_element validity;
    return der_expect(from, DER_SEQUENCE, &validity) &&
           time_take(&validity.value, &parts->not_before) &&
           time_take(&validity.value, &parts->not_after) && !validity.value.len;
}

static bool tbs_take(struct span tbs, struct parts *parts) {
    struct der_element element;
    return der_skip_optional(&tbs, 0xa0) && der_expect(&tbs, DER_INTEGER, &element) &&
           der_expect(&tbs, DER_SEQUENCE, &element) &&
           der_expect(&tbs, DER_SEQUENCE, &parts->issuer) && validity_take(&tbs, parts) &&
           der_expect(&tbs, DER_SEQUENCE, &parts->subject) &&
           der_expect(&tbs, DER_SEQUENCE, &parts->key) && extensions_take(tbs, parts);
}

static bool parts_take(struct span der, struct parts *parts) {
    struct der_element certificate, tbs, element;
    return der_expect(&der, DER_SEQUENCE, &certificate) && !der.len &&
           der_expect(&certificate.value, DER_SEQUENCE, &tbs) &&
           der_expect(&certificate.value, DER_SEQUENCE, &element) &&
           der_expect(&certificate.value, DER_BIT_STRING, &element) && !certificate.value.len &&
           tbs_take(tbs.value, parts);
}

/* ---- SANs -------------------------------------------------------------------------------------------- */

/* GeneralName's tags (RFC 5280 4.2.1.6). */
enum { GENERAL_NAME_DNS = 0x82, GENERAL_NAME_IP = 0x87 };

/* The next SAN of a kind that counts, as text. False: no more, or *bad. */
static bool san_take(struct span *sans, enum tls_san *kind, char text[static TLS_SAN_TEXT_MAX],
                     size_t *len, bool *bad) {
    struct der_element name;
    while (sans->len) {
        if (!der_take(sans, &name)) {
            *bad = true;
            return false;
        }
        if (name.tag == GENERAL_NAME_DNS) {
            *kind = TLS_SAN_DNS;
            *len = tls_san_dns_text(name.value, text);
            return true;
        }
        if (name.tag == GENERAL_NAME_IP) {
            *kind = TLS_SAN_IP;
            *len = tls_san_ip_text(name.value, text);
            return true;
        }
    }
    return false;
}

/* How many there are and what their texts take, with their NULs. */
static bool sans_measure(struct span sans, unsigned *count, size_t *bytes) {
    char text[TLS_SAN_TEXT_MAX];
    enum tls_san kind;
    size_t len;
    bool bad = false;
    *count = 0;
    *bytes = 0;
    while (san_take(&sans, &kind, text, &len, &bad)) {
        ++*count;
        *bytes += len + 1;
    }
    return !bad;
}

/* ---- the description --------------------------------------------------------------------------------- */

/* Where the texts stand in the block: pointers first, as they must be aligned. */
struct layout {
    size_t pointers, kinds, texts, bytes;
};

static struct layout layout_of(unsigned san_count, size_t text_bytes) {
    size_t align = _Alignof(const char *);
    struct layout layout;
    layout.pointers = (offsetof(struct tls_cert, memory) + align - 1) / align * align;
    layout.kinds = layout.pointers + san_count * sizeof(const char *);
    layout.texts = layout.kinds + san_count;
    layout.bytes = layout.texts + text_bytes;
    return layout;
}

static void sans_write(struct tls_cert *cert, const struct layout *layout, char *to,
                       struct span sans) {
    char *block = (char *)cert, text[TLS_SAN_TEXT_MAX];
    const char **pointers = (const char **)(void *)(block + layout->pointers);
    uint8_t *kinds = (uint8_t *)block + layout->kinds;
    enum tls_san kind;
    size_t len;
    bool bad = false;
    for (unsigned i = 0; san_take(&sans, &kind, text, &len, &bad); i++) {
        kinds[i] = (uint8_t)kind;
        pointers[i] = memcpy(to, text, len + 1);
        to += len + 1;
    }
    cert->sans = pointers;
    cert->san_kinds = kinds;
}

/* The library's hash takes memory of its own in some builds, so it may fail. */
static bool digests_make(struct tls_cert *cert, struct span der, struct span key) {
    return wc_Sha256Hash(der.at, (word32)der.len, cert->fingerprint) == 0 &&
           wc_Sha256Hash(key.at, (word32)key.len, cert->key_pin) == 0;
}

struct tls_cert *tls_cert_new(struct span der, struct err *err) {
    struct parts parts = {.sans = {NULL, 0}};
    char subject[TLS_NAME_TEXT_MAX], issuer[TLS_NAME_TEXT_MAX];
    unsigned san_count;
    size_t san_bytes;
    *err = err_make(STAGE_TLS, ERR_BAD_CERTIFICATE, 0);
    if (der.len > INT32_MAX || !parts_take(der, &parts) ||
        !sans_measure(parts.sans, &san_count, &san_bytes))
        return NULL;
    int subject_len = tls_name_text(parts.subject.value, subject);
    int issuer_len = tls_name_text(parts.issuer.value, issuer);
    if (subject_len < 0 || issuer_len < 0)
        return NULL;
    size_t subject_bytes = (size_t)subject_len + 1, issuer_bytes = (size_t)issuer_len + 1;
    struct layout layout = layout_of(san_count, subject_bytes + issuer_bytes + san_bytes);
    struct tls_cert *cert = NULL;
    if (tls_library_start()) /* the allocator is ours from then on */
        cert = XMALLOC(layout.bytes, NULL, DYNAMIC_TYPE_TMP_BUFFER);
    if (!cert || !digests_make(cert, der, parts.key.whole)) {
        XFREE(cert, NULL, DYNAMIC_TYPE_TMP_BUFFER);
        *err = err_make(STAGE_TLS, ERR_MEMORY, 0);
        return NULL;
    }
    char *texts = (char *)cert + layout.texts;
    atomic_init(&cert->references, 1);
    cert->subject = memcpy(texts, subject, subject_bytes);
    cert->issuer = memcpy(texts + subject_bytes, issuer, issuer_bytes);
    cert->san_count = san_count;
    sans_write(cert, &layout, texts + subject_bytes + issuer_bytes, parts.sans);
    cert->not_before = parts.not_before;
    cert->not_after = parts.not_after;
    cert->self_signed =
        parts.subject.whole.len == parts.issuer.whole.len &&
        memcmp(parts.subject.whole.at, parts.issuer.whole.at, parts.subject.whole.len) == 0;
    *err = ERR_OK;
    return cert;
}

struct tls_cert *tls_cert_keep(struct tls_cert *cert) {
    atomic_fetch_add_explicit(&cert->references, 1, memory_order_relaxed);
    return cert;
}

/* Whoever drops the last reference sees all that the others did with theirs before: release and acquire. */
void tls_cert_drop(struct tls_cert *cert) {
    if (!cert)
        return;
    unsigned before = atomic_fetch_sub_explicit(&cert->references, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1)
        XFREE(cert, NULL, DYNAMIC_TYPE_TMP_BUFFER);
}

/* ---- whom it is for ---------------------------------------------------------------------------------- */

/* Only what names of hosts are made of: no '*' of the host's own meets a wildcard, and no escape meets itself. */
static bool is_host_name(struct span host) {
    if (!host.len || host.len > TLS_HOST_BYTES_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!host.at[i] || !strchr(TLS_HOST_CHARACTERS, host.at[i]))
            return false;
    return true;
}

/* RFC 9525 6.3. A wildcard below a single label ("*.com") would be for half of the world: refused, as browsers do. */
static bool dns_matches(const char *san, struct span host) {
    if (san[0] != '*')
        return span_is_nocase(host, san);
    const uint8_t *dot = memchr(host.at, '.', host.len);
    if (san[1] != '.' || !dot || dot == host.at)
        return false;
    const char *inner = strchr(san + 2, '.');
    if (!inner || inner == san + 2 || !inner[1])
        return false;
    return span_is_nocase(span_skip(host, (size_t)(dot - host.at)), san + 1);
}

/* An address in its usual form, which is how SANs hold it; "" where the host is none. */
static void address_text(struct span host, char text[static INET6_ADDRSTRLEN]) {
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    text[0] = 0;
    if (!host.len || host.len >= sizeof copy || memchr(host.at, 0, host.len))
        return;
    memcpy(copy, host.at, host.len);
    copy[host.len] = 0;
    int family = strchr(copy, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, copy, bytes) == 1)
        inet_ntop(family, bytes, text, INET6_ADDRSTRLEN);
}

bool tls_cert_is_for(const struct tls_cert *cert, struct span host) {
    char address[INET6_ADDRSTRLEN];
    if (host.len && host.at[host.len - 1] == '.')
        host.len--;
    address_text(host, address);
    if (!address[0] && !is_host_name(host))
        return false;
    for (unsigned i = 0; i < cert->san_count; i++) {
        bool is_address = cert->san_kinds[i] == TLS_SAN_IP;
        if (address[0] ? is_address && strcmp(cert->sans[i], address) == 0
                       : !is_address && dns_matches(cert->sans[i], host))
            return true;
    }
    return false;
}
