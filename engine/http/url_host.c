/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_host.c: the host parser of the URL standard (3.5) for special schemes: a domain, an IPv4
 * address in any of its disguises, or an IPv6 address in brackets. Pure; any thread.
 *
 * The usual host, lower-case ASCII without "xn--", is copied; everything else is decoded into a
 * buffer on the stack. The standard does not verify the lengths of labels and domains
 * (VerifyDnsLength is false); we do, since a name that DNS can't carry can't be fetched, and the
 * fault is better told before a request waits its turn.
 */
#include "http/url_parts.h"

enum {
    /* A host that is longer even before decoding and mapping is refused. Percent-encoded, the
     * longest domain is 3 * 255. */
    HOST_TEXT_BYTES_MAX = 1024,
    LABEL_BYTES_MAX = 63,   /* RFC 1035, 2.3.4 */
    DOMAIN_BYTES_MAX = 253, /* without the root's dot: 255 on the wire */
};

/* Finds out whether every byte is fine as it is and no label is an A-label, which would have to
 * be verified. */
static bool is_plain(struct span host) {
    unsigned seen = 0;
    for (size_t i = 0; i < host.len; i++)
        seen |= url_class[host.at[i]];
    if (seen & BYTE_HOST_NOT_PLAIN)
        return false;
    /* Looking for "--" is cheaper than looking at the start of every label. */
    for (const uint8_t *at = host.at, *end = at + host.len;
         (at = memchr(at, '-', (size_t)(end - at))); at++)
        if (at + 1 < end && at[1] == '-' && at >= host.at + 2 && at[-1] == 'n' && at[-2] == 'x')
            return false;
    return true;
}

/* Removes tabs and newlines and checks that the rest is UTF-8. Anything else would decode to
 * U+FFFD, which no host may contain. */
static bool copy_host(struct span host, uint8_t *text, size_t *text_len) {
    const uint8_t *at = host.at, *end = host.at + host.len;
    size_t len = 0;
    while (at < end) {
        size_t bad, sequence = url_utf8_len(at, end, &bad);
        if (sequence == 0 || len + sequence > HOST_TEXT_BYTES_MAX)
            return false;
        if (!(url_class[*at] & BYTE_REMOVED)) {
            memcpy(text + len, at, sequence);
            len += sequence;
        }
        at += sequence;
    }
    *text_len = len;
    return true;
}

static bool is_utf8(struct span text) {
    size_t bad, sequence;
    for (const uint8_t *at = text.at, *end = at + text.len; at < end; at += sequence)
        if ((sequence = url_utf8_len(at, end, &bad)) == 0)
            return false;
    return true;
}

static bool domain_is_valid(struct span domain) {
    size_t label = 0;
    for (size_t i = 0; i < domain.len; i++) {
        if (url_class[domain.at[i]] & BYTE_NOT_DOMAIN)
            return false;
        label = domain.at[i] == '.' ? 0 : label + 1;
        if (label > LABEL_BYTES_MAX)
            return false;
    }
    size_t root_dot = domain.len > 0 && domain.at[domain.len - 1] == '.';
    return domain.len > 0 && domain.len - root_dot <= DOMAIN_BYTES_MAX;
}

/* What domain to ASCII has given: an IPv4 address if it ends in a number, else a name. */
static enum url_fault put_domain(struct url_writer *writer, struct span domain, uint8_t *kind) {
    if (url_is_dotted_quad(domain)) {
        *kind = URL_HOST_IPV4;
        url_put(writer, domain.at, domain.len);
        return URL_OK;
    }
    if (domain.len > 0 && url_ends_in_number(domain)) {
        char text[URL_IPV4_BYTES_MAX];
        uint32_t address;
        if (!url_ipv4_parse(domain, &address))
            return URL_BAD_HOST;
        *kind = URL_HOST_IPV4;
        url_put(writer, text, url_ipv4_write(address, text));
        return URL_OK;
    }
    if (!domain_is_valid(domain))
        return URL_BAD_HOST;
    *kind = URL_HOST_NAME;
    url_put(writer, domain.at, domain.len);
    return URL_OK;
}

static enum url_fault put_ipv6(struct url_writer *writer, struct span text, uint8_t *kind) {
    uint16_t pieces[8];
    char address[URL_IPV6_BYTES_MAX + 2] = "[";
    if (text.len < 2 || text.at[text.len - 1] != ']' ||
        !url_ipv6_parse(span_of(text.at + 1, text.len - 2), pieces))
        return URL_BAD_HOST;
    size_t len = 1 + url_ipv6_write(pieces, address + 1);
    address[len++] = ']';
    *kind = URL_HOST_IPV6;
    url_put(writer, address, len);
    return URL_OK;
}

enum url_fault url_put_host(struct url_writer *writer, struct span host, uint8_t *kind) {
    if (is_plain(host))
        return put_domain(writer, host, kind);
    uint8_t text[HOST_TEXT_BYTES_MAX];
    size_t text_len;
    if (!copy_host(host, text, &text_len) || text_len == 0)
        return URL_BAD_HOST;
    if (text[0] == '[')
        return put_ipv6(writer, span_of(text, text_len), kind);
    text_len = url_percent_decode(span_of(text, text_len), (char *)text);
    char ascii[HOST_TEXT_BYTES_MAX];
    if (!is_utf8(span_of(text, text_len)))
        return URL_BAD_HOST;
    size_t len = url_domain_to_ascii(span_of(text, text_len), ascii, sizeof ascii);
    return len == 0 ? URL_BAD_HOST : put_domain(writer, span_of(ascii, len), kind);
}
