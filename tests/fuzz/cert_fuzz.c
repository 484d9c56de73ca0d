/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cert_fuzz.c: whatever a server sends as its certificate: the reader stays inside of it, and what comes out can be shown: valid
 * UTF-8 on one line, of bounded length. Input: a byte with the length of a host, the host, then DER. Build with clang
 * -fsanitize=fuzzer,address,undefined, engine/tls and engine/base; start from corpus/cert.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "output/utf8.h"
#include "tls/tls_cert.h"
#include "tls/tls_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

static void check_text(const char *text, size_t room) {
    size_t len = strlen(text);
    CHECK(len < room);
    for (size_t i = 0, step; i < len; i += step) {
        step = utf8_sequence((const uint8_t *)text + i, len - i);
        CHECK(step);
        CHECK((uint8_t)text[i] >= ' ' && text[i] != 0x7f);
        CHECK(step != 2 || (uint8_t)text[i] != 0xc2 || (uint8_t)text[i + 1] >= 0xa0);
    }
}

/* What a certificate says it is for is only ever matched by a name that could be somebody's. */
static void check_hosts(const struct tls_cert *cert, struct span host) {
    bool is_for = tls_cert_is_for(cert, host);
    CHECK(!is_for || (host.len > 0 && host.len <= TLS_HOST_BYTES_MAX + 1));
    for (unsigned i = 0; i < cert->san_count && i < 100; i++) {
        const char *san = cert->sans[i];
        bool matches = tls_cert_is_for(cert, span_text(san));
        check_text(san, TLS_SAN_TEXT_MAX);
        CHECK(!matches || !strpbrk(san, "*\\ /%[]#"));
        CHECK(cert->san_kinds[i] == TLS_SAN_DNS || san[0] == '#' || matches);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len) {
    struct err err;
    if (len == 0 || len - 1 < input[0])
        return 0;
    struct span host = span_of(input + 1, input[0]);
    size_t der_len = len - 1 - host.len;
    /* A heap block of exactly these bytes, so that the sanitizer sees a byte too many being read. */
    uint8_t *der = malloc(der_len ? der_len : 1);
    CHECK(der);
    memcpy(der, host.at + host.len, der_len);
    struct tls_cert *cert = tls_cert_new(span_of(der, der_len), &err);
    free(der);
    CHECK(cert ? !err_is(err) : err.stage == STAGE_TLS && err.kind == ERR_BAD_CERTIFICATE);
    if (!cert)
        return 0;
    const int64_t first = -62167219200, last = 253402300799; /* the years 0 to 9999 */
    CHECK(cert->not_before >= first && cert->not_before <= last);
    CHECK(cert->not_after >= first && cert->not_after <= last);
    check_text(cert->subject, TLS_NAME_TEXT_MAX);
    check_text(cert->issuer, TLS_NAME_TEXT_MAX);
    check_hosts(cert, host);
    tls_cert_drop(tls_cert_keep(cert));
    tls_cert_drop(cert);
    return 0;
}
