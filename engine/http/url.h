/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url.h: URLs as the WHATWG URL standard has them, for the two special schemes that ringfetch speaks. Pure: bytes in,
 * bytes out; any thread.
 *
 * A parsed URL is its serialisation ("href") and offsets into it, so a URL is one block of text that can be
 * copied and moved. url_copy rebinds it.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { URL_HREF_BYTES_MAX = 16384, URL_HOST_BYTES_MAX = 255 };

enum url_scheme { URL_HTTP, URL_HTTPS };
enum url_host_kind { URL_HOST_NAME, URL_HOST_IPV4, URL_HOST_IPV6 };

/* Why a text is no URL that we can fetch. */
enum url_fault {
    URL_OK,
    URL_BAD,          /* any other failure; the parser itself always knows better */
    URL_OTHER_SCHEME, /* a valid scheme, but neither http nor https */
    URL_NO_SCHEME,    /* relative, and there is no base */
    URL_BAD_HOST,
    URL_BAD_PORT,
    URL_TOO_LONG,
};

struct url {
    const char
        *href; /* "http://user:pass@host:8080/path?query#fragment", normalised, NUL-terminated */
    uint32_t href_len;
    /* Offsets into href; each part ends where the next begins or at its delimiter. */
    uint32_t username, username_len;
    uint32_t password, password_len;
    uint32_t host, host_len; /* with brackets for IPv6 */
    uint32_t path;           /* begins with '/' */
    uint32_t query;          /* at the '?'; equal to fragment where there is none */
    uint32_t fragment;       /* at the '#'; equal to href_len where there is none */
    uint16_t port;           /* effective: the scheme's default where none is given */
    uint8_t scheme;          /* enum url_scheme */
    uint8_t host_kind;       /* enum url_host_kind */
};

/* Parses `input` (relative to `base` if not NULL) and writes the href into `memory`, which must overlap neither of them;
 * `url` must not be `base`. On failure *url is all zero. `room` should be URL_HREF_BYTES_MAX + 1; a href that does not
 * fit, with a dot segment or its parent still in it, is URL_TOO_LONG, unless another fault is found first. */
enum url_fault url_parse(struct url *url, struct span input, const struct url *base, char *memory,
                         size_t room);

/* As url_parse without a base, for what people type: "http://" is put before what begins neither with a scheme and
 * "://" nor with "http:", "https:", "mailto:" and others that nobody takes for hosts, so "localhost:8080/x" is a host and a
 * port. */
enum url_fault url_parse_typed(struct url *url, struct span input, char *memory, size_t room);

/* Copies the href (href_len + 1 bytes) to `memory`; the copy's href points there. */
struct url url_copy(const struct url *url, char *memory);

const char *url_fault_text(enum url_fault fault);

/* Version of libidn2. */
const char *url_library(void);

static inline struct span url_part(const struct url *url, uint32_t from, uint32_t to) {
    return span_of(url->href + from, to - from);
}
static inline struct span url_host(const struct url *url) {
    return span_of(url->href + url->host, url->host_len);
}
/* What goes into the request line: path and query, never the fragment. */
static inline struct span url_target(const struct url *url) {
    return url_part(url, url->path, url->fragment);
}
static inline struct span url_path(const struct url *url) {
    return url_part(url, url->path, url->query);
}
/* "host" or "host:port" as the Host field and proxies want it: the port only where it isn't the default. */
struct span url_authority(const struct url *url);
bool url_same_origin(const struct url *a, const struct url *b);

/* The host without brackets, for the resolver and for connecting. */
struct span url_host_bare(const struct url *url);

/* Percent-decodes `text` into `memory` (at most text.len bytes); returns the length. */
size_t url_percent_decode(struct span text, char *memory);
/* The serialiser of IPv4 addresses (in the host's byte order); returns the length and writes no NUL. For every result
 * too: inet_ntop goes through printf. */
enum { URL_IPV4_BYTES_MAX = 15 };
size_t url_ipv4_write(uint32_t address, char *text);

#endif
