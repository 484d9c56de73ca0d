/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cert_make.c: see cert_make.h.
 */
#include "cert_make.h"

#include "base/assert.h"

void cert_add_attribute(struct der_writer *out, struct span oid, unsigned tag, struct span value) {
    size_t set = der_begin(out, DER_SET), pair = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, oid);
    der_add(out, tag, value);
    der_end(out, pair);
    der_end(out, set);
}

static void add_time(struct der_writer *out, const char *text) {
    text = text ? text : "u240229123456Z";
    unsigned tag = text[0] == 'g' ? DER_GENERALIZED_TIME : DER_UTC_TIME;
    der_add(out, tag, span_text(text + 1));
}

static void add_name(struct der_writer *out, const char *name) {
    size_t names = der_begin(out, DER_SEQUENCE);
    cert_add_attribute(out, OID_CN, DER_UTF8_STRING, span_text(name));
    der_end(out, names);
}

static void add_sans(struct der_writer *out, const struct cert_parts *parts) {
    size_t extension = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, BYTES("\x55\x1d\x11"));
    der_add_true(out);
    size_t value = der_begin(out, DER_OCTET_STRING), list = der_begin(out, DER_SEQUENCE);
    der_add_raw(out, parts->sans);
    for (const char *const *name = parts->dns; name && *name; name++)
        der_add(out, 0x82, span_text(*name));
    der_end(out, list);
    der_end(out, value);
    der_end(out, extension);
}

static void add_tbs(struct der_writer *out, const struct cert_parts *parts) {
    der_add_small(out, 200);
    der_add(out, DER_SEQUENCE, BYTES("\x06\x01\x2a"));
    add_name(out, "issuer");
    size_t validity = der_begin(out, DER_SEQUENCE);
    add_time(out, parts->not_before);
    add_time(out, parts->not_after);
    der_end(out, validity);
    add_name(out, "subject");
    der_add(out, DER_SEQUENCE, BYTES("\x30\x00\x03\x01\x00"));
    if (!parts->dns && !parts->sans.len)
        return;
    size_t explicit = der_begin(out, 0xa3), extensions = der_begin(out, DER_SEQUENCE);
    for (int i = 0; i <= parts->san_twice; i++)
        add_sans(out, parts);
    der_end(out, extensions);
    der_end(out, explicit);
}

struct span cert_make(const struct cert_parts *parts) {
    static uint8_t memory[1 << 20];
    struct der_writer out = {.at = memory, .room = sizeof memory};
    size_t certificate = der_begin(&out, DER_SEQUENCE), tbs = der_begin(&out, DER_SEQUENCE);
    add_tbs(&out, parts);
    der_end(&out, tbs);
    der_add(&out, DER_SEQUENCE, BYTES("\x06\x01\x2a"));
    der_add(&out, DER_BIT_STRING, BYTES("\x00\x01"));
    der_end(&out, certificate);
    CHECK(!out.full);
    return span_of(memory, out.len);
}
