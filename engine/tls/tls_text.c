/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_text.c: names and sentences for people. Pure but for the calendar.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "tls/tls_private.h"

/* RFC 8446 6, and of older ones what servers still send. */
static const struct {
    int number;
    const char *name;
} alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

const char *tls_alert_name(int alert) {
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (alerts[i].number == alert)
            return alerts[i].name;
    return "";
}

const char *tls_version_name(enum tls_version version) {
    return version == TLS_VERSION_1_2 ? "1.2" : version == TLS_VERSION_1_3 ? "1.3" : NULL;
}

struct writer {
    char *text;
    size_t size, len;
};

static void put(struct writer *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *to, const char *format, ...) {
    va_list values;
    if (to->len >= to->size)
        return;
    va_start(values, format);
    int len = vsnprintf(to->text + to->len, to->size - to->len, format, values);
    va_end(values);
    to->len += len > 0 ? (size_t)len : 0;
}

static void put_day(struct writer *to, int64_t seconds) {
    struct tm day;
    time_t at = (time_t)seconds;
    char text[40];
    if (gmtime_r(&at, &day) && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &day))
        put(to, "%s", text);
}

static void put_names(struct writer *to, const struct tls_cert *cert) {
    enum { SHOWN_MAX = 4 };
    if (!cert->san_count)
        put(to, "no host at all");
    for (unsigned i = 0; i < cert->san_count && i < SHOWN_MAX; i++)
        put(to, "%s%s", i ? ", " : "", cert->sans[i]);
    if (cert->san_count > SHOWN_MAX)
        put(to, " and %u more", cert->san_count - SHOWN_MAX);
}

static void put_alert(struct writer *to, int alert) {
    const char *name = tls_alert_name(alert);
    if (*name)
        put(to, "%s (%d)", name, alert);
    else
        put(to, "%d", alert);
}

/* What the certificate adds to the kind's own meaning. */
static void put_cert(struct writer *to, enum err_kind kind, const struct tls_cert *cert,
                     const char *host) {
    switch (kind) {
    case ERR_EXPIRED:
        /* Without its own date being past, it's one above it that has expired. */
        if (cert->not_after < (int64_t)time(NULL)) {
            put(to, "the certificate expired on ");
            put_day(to, cert->not_after);
        } else {
            put(to, "a certificate above the server's own has expired");
        }
        break;
    case ERR_NOT_YET_VALID:
        if (cert->not_before > (int64_t)time(NULL)) {
            put(to, "the certificate is not valid before ");
            put_day(to, cert->not_before);
        } else {
            put(to, "a certificate above the server's own is not valid yet");
        }
        break;
    case ERR_WRONG_HOST:
        put(to, "the certificate is not for %s but for ", host && *host ? host : "this host");
        put_names(to, cert);
        break;
    case ERR_UNKNOWN_ISSUER:
        put(to, "no trusted root vouches for the certificate, which was issued by %s",
            *cert->issuer ? cert->issuer : "nobody named");
        break;
    case ERR_SELF_SIGNED:
        put(to, "the certificate of %s is signed by itself alone",
            *cert->subject ? cert->subject : "nobody named");
        break;
    default:
        put(to, "%s", err_kind_meaning(kind));
    }
}

char *tls_explain(struct err err, const struct tls_facts *facts, const char *host, char *text,
                  size_t size) {
    struct writer to = {.text = text, .size = size};
    enum err_kind kind = (enum err_kind)err.kind;
    if (!size)
        return text;
    *text = 0;
    if (kind == ERR_TLS_ALERT) {
        put(&to, "the peer ended TLS with the alert ");
        put_alert(&to, err.detail);
    } else if (kind == ERR_PROTOCOL_MISMATCH && err.detail > 0) {
        put(&to, "%s; the server's alert was ", err_kind_meaning(kind));
        put_alert(&to, err.detail);
    } else if ((kind == ERR_BAD_TLS || kind == ERR_TLS_FAILED || kind == ERR_BAD_CERTIFICATE ||
                kind == ERR_BAD_STAPLE) &&
               err.detail < 0) {
        put(&to, "%s (%s)", err_kind_meaning(kind),
            wolfSSL_ERR_reason_error_string((unsigned long)err.detail));
    } else if (facts && facts->cert) {
        put_cert(&to, kind, facts->cert, host);
    } else {
        put(&to, "%s", err_kind_meaning(kind));
    }
    return text;
}

/* ---- the library itself ---- */

/* tools/dev/build-wolfssl writes these into a header that the compiler is told to include first. */
#ifndef TLS_SOURCE
#define TLS_SOURCE ""
#define TLS_BUILT_HERE 2
#endif

bool tls_library_is_slow(void) {
#if defined(__x86_64__) && !defined(WOLFSSL_AESNI)
    return true;
#elif defined(__x86_64__) || defined(__aarch64__)
#if defined(WOLFSSL_SP_ASM)
    return false;
#else
    return true;
#endif
#else
    return false;
#endif
}

const char *tls_library(void) {
#if TLS_BUILT_HERE == 1
    return LIBWOLFSSL_VERSION_STRING ", built for ringfetch";
#elif TLS_BUILT_HERE == 0
    return LIBWOLFSSL_VERSION_STRING ", the system's";
#else
    return LIBWOLFSSL_VERSION_STRING ", built by its user";
#endif
}

const char *tls_library_source(void) {
    return TLS_SOURCE;
}
