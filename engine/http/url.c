/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url.c: the URL parser of the WHATWG URL standard (4.4) for http and https: schemes, references
 * relative to a base, credentials, ports, paths. Pure; any thread.
 *
 * The standard describes a state machine over code points; for special schemes its states follow
 * one another like the parts of a URL, so here each is a function that consumes one part and
 * writes it. Validation errors that are not failures are not reported. Rejected: filling a record
 * of parts and serialising it, which copies everything twice.
 */
#include "http/url.h"

#include "base/assert.h"
#include "http/url_parts.h"

struct parser {
    const uint8_t *at, *end;
    struct url_writer href;
    struct url *url;
};

static const uint16_t default_port[] = {[URL_HTTP] = 80, [URL_HTTPS] = 443};

static const uint8_t *skip_removed(const uint8_t *at, const uint8_t *end) {
    while (at < end && (url_class[*at] & BYTE_REMOVED))
        at++;
    return at;
}

/* The next byte that counts, or -1 at the end. */
static int peek(struct parser *parser) {
    parser->at = skip_removed(parser->at, parser->end);
    return parser->at < parser->end ? *parser->at : -1;
}

static bool is_slash(int c) {
    return c == '/' || c == '\\';
}

static void skip_slashes(struct parser *parser) {
    while (is_slash(peek(parser)))
        parser->at++;
}

static uint32_t position(const struct parser *parser) {
    return (uint32_t)parser->href.len;
}

/* ---- path, query, fragment ------------------------------------------------------------------- */

enum segment { SEGMENT_ANY, SEGMENT_SINGLE_DOT, SEGMENT_DOUBLE_DOT };

/* ".", "..", and the same with "%2e" for a dot. */
static enum segment segment_kind(const char *text, size_t len) {
    size_t dots = 0;
    if (len == 0 || len > 6 || (text[0] != '.' && text[0] != '%'))
        return SEGMENT_ANY;
    for (size_t i = 0; i < len; dots++) {
        if (text[i] == '.')
            i++;
        else if (len - i >= 3 && text[i] == '%' && text[i + 1] == '2' &&
                 (text[i + 2] | 0x20) == 'e')
            i += 3;
        else
            return SEGMENT_ANY;
    }
    return dots == 1 ? SEGMENT_SINGLE_DOT : dots == 2 ? SEGMENT_DOUBLE_DOT : SEGMENT_ANY;
}

/* Where the segment before the one at `segment` begins; the first has none before it. */
static size_t parent_segment(const struct parser *parser, size_t segment) {
    size_t first = parser->url->path + 1;
    if (segment == first)
        return first;
    segment--;
    while (segment > first && parser->href.at[segment - 1] != '/')
        segment--;
    return segment;
}

/* The path state, right after a '/' that has been written. Dot segments are taken back once they
 * are complete. */
static void parse_path(struct parser *parser) {
    struct url_writer *href = &parser->href;
    while (!href->full) {
        size_t segment = href->len;
        parser->at = url_put_encoded(href, parser->at, parser->end, SET_PATH, STOP_PATH);
        if (href->full)
            return;
        bool more = parser->at < parser->end && is_slash(*parser->at);
        enum segment kind = segment_kind(href->at + segment, href->len - segment);
        if (kind == SEGMENT_DOUBLE_DOT)
            href->len = parent_segment(parser, segment);
        else if (kind == SEGMENT_SINGLE_DOT)
            href->len = segment;
        else if (more)
            url_put_byte(href, '/');
        if (!more)
            return;
        parser->at++;
    }
}

static void parse_fragment(struct parser *parser) {
    parser->url->fragment = position(parser);
    if (peek(parser) != '#')
        return;
    url_put_byte(&parser->href, '#');
    url_put_encoded(&parser->href, parser->at + 1, parser->end, SET_FRAGMENT, 0);
}

static void parse_query_and_fragment(struct parser *parser) {
    parser->url->query = position(parser);
    if (peek(parser) == '?') {
        url_put_byte(&parser->href, '?');
        parser->at =
            url_put_encoded(&parser->href, parser->at + 1, parser->end, SET_QUERY, STOP_QUERY);
    }
    parse_fragment(parser);
}

/* The path start state, at the end of the authority or before the slash of a path-absolute
 * reference. */
static void parse_from_path_start(struct parser *parser) {
    parser->url->path = position(parser);
    url_put_byte(&parser->href, '/');
    if (is_slash(peek(parser)))
        parser->at++;
    parse_path(parser);
    parse_query_and_fragment(parser);
}

/* ---- authority ------------------------------------------------------------------------------- */

/* Username and password in front of the last '@'; more '@' belong to them. Neither appears if
 * both are empty. */
static void parse_credentials(struct parser *parser, const uint8_t *at, const uint8_t *end) {
    struct url_writer *href = &parser->href;
    struct url *url = parser->url;
    const uint8_t *colon = memchr(at, ':', (size_t)(end - at));
    url_put_encoded(href, at, colon ? colon : end, SET_USERINFO, 0);
    url->username_len = position(parser) - url->username;
    url->password = position(parser);
    if (colon) {
        url_put_byte(href, ':');
        url->password = position(parser);
        url_put_encoded(href, colon + 1, end, SET_USERINFO, 0);
        url->password_len = position(parser) - url->password;
        if (url->password_len == 0 && !href->full)
            url->password = (uint32_t)--href->len;
    }
    if (url->username_len + url->password_len > 0)
        url_put_byte(href, '@');
}

/* The port state, at the ':' or at the end of the authority. Leading zeros are left out. */
static enum url_fault parse_port(struct parser *parser, const uint8_t *at, const uint8_t *end) {
    char text[6] = ":";
    uint32_t port = 0;
    size_t len = 1, digits = 0;
    for (at = at < end ? at + 1 : end; at < end; at++) {
        if (url_class[*at] & BYTE_REMOVED)
            continue;
        if (*at < '0' || *at > '9')
            return URL_BAD_PORT;
        port = port * 10 + (uint32_t)(*at - '0');
        digits++;
        if (port > UINT16_MAX)
            return URL_BAD_PORT;
        if (port > 0)
            text[len++] = (char)*at;
    }
    parser->url->port = default_port[parser->url->scheme];
    if (digits == 0 || port == parser->url->port)
        return URL_OK;
    if (port == 0)
        text[len++] = '0';
    parser->url->port = (uint16_t)port;
    url_put(&parser->href, text, len);
    return URL_OK;
}

/* Where the parts of an authority begin. */
struct authority {
    const uint8_t *at_sign; /* the last '@', or NULL */
    const uint8_t *colon;   /* the first ':' behind it that is not inside brackets, or the end */
    const uint8_t *end;
};

/* Most authorities are a plain host and a port, so a plain byte must cost next to nothing. */
static struct authority find_authority(const uint8_t *at, const uint8_t *end) {
    const uint8_t *at_sign = NULL, *colon = NULL;
    bool inside_brackets = false;
    for (; at < end; at++) {
        if (LIKELY(!(url_class[*at] & BYTE_HOST_NOT_PLAIN)))
            continue;
        if (url_class[*at] & STOP_PATH)
            break;
        if (*at == '@') {
            at_sign = at;
            colon = NULL;
            inside_brackets = false;
        } else if (*at == '[' || *at == ']') {
            inside_brackets = *at == '[';
        } else if (*at == ':' && !inside_brackets && !colon) {
            colon = at;
        }
    }
    return (struct authority){at_sign, colon ? colon : at, at};
}

static enum url_fault parse_authority(struct parser *parser) {
    struct authority found = find_authority(parser->at, parser->end);
    const uint8_t *host = parser->at;
    struct url *url = parser->url;
    url->username = url->password = position(parser);
    if (found.at_sign) {
        parse_credentials(parser, host, found.at_sign);
        host = found.at_sign + 1;
    }
    url->host = position(parser);
    enum url_fault fault =
        url_put_host(&parser->href, span_of(host, (size_t)(found.colon - host)), &url->host_kind);
    if (fault)
        return fault;
    url->host_len = position(parser) - url->host;
    parser->at = found.end;
    return parse_port(parser, found.colon, found.end);
}

/* From the special authority ignore slashes state to the end. */
static enum url_fault parse_absolute(struct parser *parser, enum url_scheme scheme) {
    static const char *const prefix[] = {[URL_HTTP] = "http://", [URL_HTTPS] = "https://"};
    parser->url->scheme = (uint8_t)scheme;
    url_put(&parser->href, prefix[scheme], scheme == URL_HTTP ? 7 : 8);
    skip_slashes(parser);
    enum url_fault fault = parse_authority(parser);
    if (fault == URL_OK)
        parse_from_path_start(parser);
    return fault;
}

/* ---- references ------------------------------------------------------------------------------ */

/* The relative state: what is not in the reference is the base's. */
static enum url_fault parse_relative(struct parser *parser, const struct url *base) {
    struct url_writer *href = &parser->href;
    int c = peek(parser);
    if (is_slash(c)) {
        const uint8_t *slash = parser->at++;
        if (is_slash(peek(parser)))
            return parse_absolute(parser, base->scheme);
        parser->at = slash;
    }
    *parser->url = *base;
    if (is_slash(c)) {
        url_put(href, base->href, base->path);
        parse_from_path_start(parser);
    } else if (c == '#' || c < 0) {
        url_put(href, base->href, base->fragment);
        parse_fragment(parser);
    } else if (c == '?') {
        url_put(href, base->href, base->query);
        parse_query_and_fragment(parser);
    } else {
        uint32_t keep = base->query;
        while (base->href[keep - 1] != '/')
            keep--;
        url_put(href, base->href, keep);
        parse_path(parser);
        parse_query_and_fragment(parser);
    }
    return URL_OK;
}

enum found_scheme { FOUND_NONE, FOUND_HTTP, FOUND_HTTPS, FOUND_OTHER };

/* The scheme start and scheme states. If there is a scheme, the parser moves behind its ':'. */
static enum found_scheme parse_scheme(struct parser *parser) {
    uint8_t name[6];
    size_t len = 0;
    if (parser->end - parser->at > 7 && memcmp(parser->at, "http://", 7) == 0) {
        parser->at += 5;
        return FOUND_HTTP;
    }
    int first = peek(parser);
    if (first < 0 || ascii_lower((uint8_t)first) < 'a' || ascii_lower((uint8_t)first) > 'z')
        return FOUND_NONE;
    for (const uint8_t *at = parser->at; at < parser->end; at++) {
        if (url_class[*at] & BYTE_REMOVED)
            continue;
        if (*at == ':') {
            parser->at = at + 1;
            return span_is(span_of(name, len), "http")    ? FOUND_HTTP
                   : span_is(span_of(name, len), "https") ? FOUND_HTTPS
                                                          : FOUND_OTHER;
        }
        if (!(url_class[*at] & BYTE_SCHEME))
            return FOUND_NONE;
        if (len < sizeof name)
            name[len++] = ascii_lower(*at);
    }
    return FOUND_NONE;
}

/* The special relative or authority state: "http:x" is relative to a base of the same scheme,
 * "http://x" is not. */
static bool is_relative(const struct parser *parser, const struct url *base,
                        enum url_scheme scheme) {
    if (!base || base->scheme != scheme)
        return false;
    const uint8_t *at = skip_removed(parser->at, parser->end);
    if (at == parser->end || *at != '/')
        return true;
    at = skip_removed(at + 1, parser->end);
    return at == parser->end || *at != '/';
}

static enum url_fault parse(struct parser *parser, const struct url *base) {
    enum found_scheme found = parse_scheme(parser);
    if (found == FOUND_OTHER)
        return URL_OTHER_SCHEME;
    if (found == FOUND_NONE)
        return base ? parse_relative(parser, base) : URL_NO_SCHEME;
    enum url_scheme scheme = found == FOUND_HTTP ? URL_HTTP : URL_HTTPS;
    return is_relative(parser, base, scheme) ? parse_relative(parser, base)
                                             : parse_absolute(parser, scheme);
}

/* ---- the doors ------------------------------------------------------------------------------- */

static void begin(struct parser *parser, struct url *url, struct span input, char *memory,
                  size_t room) {
    memset(url, 0, sizeof *url);
    /* Leading and trailing C0 controls and spaces do not belong to the URL. */
    while (input.len > 0 && input.at[0] <= ' ')
        input = span_skip(input, 1);
    while (input.len > 0 && input.at[input.len - 1] <= ' ')
        input.len--;
    parser->at = input.at;
    parser->end = input.at + input.len;
    parser->url = url;
    if (room > URL_HREF_BYTES_MAX + 1)
        room = URL_HREF_BYTES_MAX + 1;
    parser->href = (struct url_writer){
        .at = memory,
        .room = room > 0 ? room - 1 : 0,
        .full = room == 0,
    };
}

static enum url_fault finish(struct parser *parser, enum url_fault fault) {
    struct url_writer *href = &parser->href;
    if (fault == URL_OK && href->full)
        fault = URL_TOO_LONG;
    if (fault) {
        memset(parser->url, 0, sizeof *parser->url);
        return fault;
    }
    href->at[href->len] = '\0';
    parser->url->href = href->at;
    parser->url->href_len = position(parser);
    return URL_OK;
}

enum url_fault url_parse(struct url *url, struct span input, const struct url *base, char *memory,
                         size_t room) {
    struct parser parser;
    CHECK_HOT(url != base && (!base || base->href != memory));
    begin(&parser, url, input, memory, room);
    return finish(&parser, parse(&parser, base));
}

/* Schemes that people write without "//" after them. A port after the name makes it a host's, but a telephone has no ports. */
static bool is_scheme_of_people(struct span name, struct span rest) {
    static const char *const phones[] = {"tel",      "sms", "callto", "skype",
                                         "whatsapp", "sip", "sips"};
    static const char *const others[] = {
        "mailto", "javascript", "data", "about", "blob",   "cid",         "file",   "geo", "irc",
        "magnet", "news",       "urn",  "xmpp",  "intent", "view-source", "webcal", "doi"};
    for (size_t i = 0; i < sizeof phones / sizeof *phones; i++)
        if (span_is_nocase(name, phones[i]))
            return true;
    bool port = rest.len && rest.at[0] >= '0' && rest.at[0] <= '9';
    for (size_t i = 0; !port && i < sizeof others / sizeof *others; i++)
        if (span_is_nocase(name, others[i]))
            return true;
    return false;
}

/* "localhost:8080/x" has a scheme for the standard, but not for people, who write "://" after
 * one. */
static enum found_scheme parse_typed_scheme(struct parser *parser) {
    const uint8_t *start = parser->at;
    enum found_scheme found = parse_scheme(parser);
    struct span rest = span_of(parser->at, (size_t)(parser->end - parser->at));
    bool slashes = rest.len >= 2 && memcmp(rest.at, "//", 2) == 0;
    struct span name = span_of(start, found == FOUND_OTHER ? (size_t)(parser->at - start) - 1 : 0);
    if (found == FOUND_OTHER && !slashes && !is_scheme_of_people(name, rest))
        found = FOUND_NONE;
    if (found == FOUND_NONE)
        parser->at = start;
    return found;
}

enum url_fault url_parse_typed(struct url *url, struct span input, char *memory, size_t room) {
    struct parser parser;
    begin(&parser, url, input, memory, room);
    enum found_scheme found = parse_typed_scheme(&parser);
    if (found == FOUND_OTHER)
        return finish(&parser, URL_OTHER_SCHEME);
    return finish(&parser, parse_absolute(&parser, found == FOUND_HTTPS ? URL_HTTPS : URL_HTTP));
}

struct url url_copy(const struct url *url, char *memory) {
    struct url copy = *url;
    memcpy(memory, url->href, (size_t)url->href_len + 1);
    copy.href = memory;
    return copy;
}

const char *url_fault_text(enum url_fault fault) {
    static const char *const text[] = {
        [URL_OK] = "a valid URL",
        [URL_BAD] = "not a valid URL",
        [URL_OTHER_SCHEME] = "the scheme is neither http nor https",
        [URL_NO_SCHEME] = "a relative URL without a base",
        [URL_BAD_HOST] = "the host is not valid",
        [URL_BAD_PORT] = "the port is not a number up to 65535",
        [URL_TOO_LONG] = "the URL is too long",
    };
    CHECK((unsigned)fault < sizeof text / sizeof *text);
    return text[fault];
}

struct span url_authority(const struct url *url) {
    return url_part(url, url->host, url->path);
}

bool url_same_origin(const struct url *a, const struct url *b) {
    return a->scheme == b->scheme && a->port == b->port && a->host_len == b->host_len &&
           memcmp(a->href + a->host, b->href + b->host, a->host_len) == 0;
}

struct span url_host_bare(const struct url *url) {
    struct span host = url_host(url);
    return url->host_kind == URL_HOST_IPV6 ? span_of(host.at + 1, host.len - 2) : host;
}
