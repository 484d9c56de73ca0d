/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request.c: writes request heads and knows what methods and redirects mean. Pure; any thread; all memory is the
 * caller's. A head is written in one pass by plain copies: it is on the path of every request.
 *
 * A default that the user names again is left out, and the user's field stands among the others in the user's order; only
 * Host keeps its place at the top (RFC 9110, 7.2), is sent once and is never left out, as HTTP/1.1 forbids it.
 *
 * Rejected: a head composed once for each host with holes for the target. Ranges, credentials and redirects change it too
 * often, and the copies cost less than a cache miss.
 */
#include "http/request.h"

#include "http/token.h"

/* Fields that the writer makes by itself. */
enum own {
    OWN_HOST = 1 << 0,
    OWN_USER_AGENT = 1 << 1,
    OWN_ACCEPT = 1 << 2,
    OWN_AUTHORIZATION = 1 << 3,
    OWN_REFERER = 1 << 4,
    OWN_RANGE = 1 << 5,
    OWN_IF_RANGE = 1 << 6,
    OWN_CONTENT_TYPE = 1 << 7,
    OWN_CONTENT_LENGTH = 1 << 8,
};

struct named {
    const char *name; /* lower case */
    size_t len;
    unsigned bit;
};
#define NAMED(name, bit)                                                                           \
    { name, sizeof(name) - 1, bit }

/* The bit of the entry with this name, or 0. */
static unsigned named_bit(struct span name, const struct named *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (token_is(name, table[i].name, table[i].len))
            return table[i].bit;
    return 0;
}

static unsigned own_of(struct span name) {
    static const struct named table[] = {
        NAMED("host", OWN_HOST),
        NAMED("user-agent", OWN_USER_AGENT),
        NAMED("accept", OWN_ACCEPT),
        NAMED("authorization", OWN_AUTHORIZATION),
        NAMED("referer", OWN_REFERER),
        NAMED("range", OWN_RANGE),
        NAMED("if-range", OWN_IF_RANGE),
        NAMED("content-type", OWN_CONTENT_TYPE),
        NAMED("content-length", OWN_CONTENT_LENGTH),
    };
    return named_bit(name, table, sizeof table / sizeof table[0]);
}

bool request_field_is_framing(const struct http_field *field) {
    static const struct named table[] = {
        NAMED("content-length", 1),
        NAMED("transfer-encoding", 1),
        NAMED("connection", 1),
        NAMED("keep-alive", 1),
        NAMED("te", 1),
        NAMED("trailer", 1),
        NAMED("upgrade", 1),
        NAMED("expect", 1),
        NAMED("http2-settings", 1),
        NAMED("proxy-connection", 1),
    };
    return named_bit(field->name, table, sizeof table / sizeof table[0]);
}

static bool contains_nocase(struct span text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (span_is_nocase(span_of(text.at + i, len), part))
            return true;
    return false;
}

/* Nobody can know which fields of a user's own are secret, so the name decides, and rather too often. */
static bool may_hold_secret(struct span name) {
    static const char *const parts[] = {"auth",   "cookie",  "token",    "key",
                                        "secret", "session", "password", "credential"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (contains_nocase(name, parts[i]))
            return true;
    return false;
}

/* ---- writing --------------------------------------------------------------------------------------- */

struct writer {
    char *at;
    size_t room, len; /* what was asked to be written, whether it fitted or not */
};

static inline void put(struct writer *out, const void *bytes, size_t count) {
    if (count && out->len + count <= out->room)
        memcpy(out->at + out->len, bytes, count);
    out->len += count;
}

#define PUT_LITERAL(out, literal) put(out, literal, sizeof(literal) - 1)

static inline void put_span(struct writer *out, struct span span) {
    put(out, span.at, span.len);
}

/* `name` comes with its colon and space. */
static inline void put_field(struct writer *out, const char *name, size_t name_len,
                             struct span value) {
    if (!value.len)
        return;
    put(out, name, name_len);
    put_span(out, value);
    PUT_LITERAL(out, "\r\n");
}

#define PUT_OWN(out, replaced, own, name, value)                                                   \
    do {                                                                                           \
        if (!((replaced) & (own)))                                                                 \
            put_field(out, name ": ", sizeof(name ": ") - 1, value);                               \
    } while (0)

static void put_decimal(struct writer *out, uint64_t number) {
    char digits[20], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    put(out, first, (size_t)(digits + sizeof digits - first));
}

/* Which of the writer's own fields the user replaces or removes. */
static unsigned replaced_of(const struct request_head *head) {
    unsigned replaced = 0;
    for (unsigned i = 0; i < head->extra_count; i++)
        replaced |= own_of(head->extra[i].name);
    return replaced;
}

/* A Host of the user's own is meant for the origin that the user named, as a password is. */
static void put_host(struct writer *out, const struct request_head *head, unsigned replaced) {
    struct span host = url_authority(head->url);
    for (unsigned i = 0; (replaced & OWN_HOST) && i < head->extra_count; i++) {
        const struct http_field *field = &head->extra[i];
        if (!head->secrets_stay && field->value.at && own_of(field->name) == OWN_HOST) {
            host = field->value;
            break;
        }
    }
    PUT_LITERAL(out, "Host: ");
    put_span(out, host);
    PUT_LITERAL(out, "\r\n");
}

static void put_extra(struct writer *out, const struct request_head *head) {
    for (unsigned i = 0; i < head->extra_count; i++) {
        const struct http_field *field = &head->extra[i];
        if (!field->value.at || own_of(field->name) == OWN_HOST)
            continue;
        if (head->secrets_stay && may_hold_secret(field->name))
            continue;
        put_span(out, field->name);
        PUT_LITERAL(out, ": ");
        put_span(out, field->value);
        PUT_LITERAL(out, "\r\n");
    }
}

static void put_body_fields(struct writer *out, const struct request_head *head,
                            unsigned replaced) {
    if (head->body_bytes < 0)
        return;
    PUT_OWN(out, replaced, OWN_CONTENT_TYPE, "Content-Type", span_text(head->content_type));
    if (replaced & OWN_CONTENT_LENGTH)
        return;
    PUT_LITERAL(out, "Content-Length: ");
    put_decimal(out, (uint64_t)head->body_bytes);
    PUT_LITERAL(out, "\r\n");
}

size_t request_write(const struct request_head *head, char *memory, size_t room) {
    struct writer writer = {.at = memory, .room = room}, *out = &writer;
    unsigned replaced = replaced_of(head);
    put_span(out, span_text(head->method));
    PUT_LITERAL(out, " ");
    put_span(out, url_target(head->url));
    PUT_LITERAL(out, " HTTP/1.1\r\n");
    put_host(out, head, replaced);
    PUT_OWN(out, replaced, OWN_USER_AGENT, "User-Agent", span_text(head->user_agent));
    PUT_OWN(out, replaced, OWN_ACCEPT, "Accept", span_text("*/*"));
    if (!head->secrets_stay)
        PUT_OWN(out, replaced, OWN_AUTHORIZATION, "Authorization", head->authorization);
    PUT_OWN(out, replaced, OWN_REFERER, "Referer", span_text(head->referer));
    PUT_OWN(out, replaced, OWN_RANGE, "Range", head->range);
    PUT_OWN(out, replaced, OWN_IF_RANGE, "If-Range", head->if_range);
    put_extra(out, head);
    put_body_fields(out, head, replaced);
    PUT_LITERAL(out, "\r\n");
    return out->len;
}

/* ---- what users give us ------------------------------------------------------------------------------ */

bool request_field_parse(struct http_field *field, const char *text) {
    struct span all = span_text(text);
    size_t len = (size_t)(token_stop(all.at, all.at + all.len) - all.at);
    if (!len || len == all.len)
        return false;
    struct span rest = span_skip(all, len + 1), value = span_trim(rest);
    if (!value_is_valid(rest))
        return false;
    field->name = span_of(all.at, len);
    if (all.at[len] == ';') {
        field->value = span_of(rest.at, 0);
        return !value.len;
    }
    field->value = value.len ? value : (struct span){.at = NULL, .len = 0};
    return all.at[len] == ':';
}

bool request_value_is_valid(const char *text) {
    return value_is_valid(span_text(text));
}

bool request_method_is_valid(const char *method) {
    return token_is_valid(span_text(method));
}

bool request_method_is_idempotent(const char *method) {
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (!strcmp(method, methods[i]))
            return true;
    return false;
}

size_t request_basic(const char *user, char *memory, size_t room) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct span in = span_text(user);
    size_t len = sizeof "Basic " - 1;
    if (room < len || (room - len) / 4 < (in.len + 2) / 3)
        return 0;
    memcpy(memory, "Basic ", len);
    while (in.len) {
        size_t count = in.len < 3 ? in.len : 3;
        uint32_t bits = 0;
        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < count ? in.at[i] : 0u);
        for (size_t i = 0; i < 4; i++)
            memory[len++] = i <= count ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
        in = span_skip(in, count);
    }
    return len;
}

/* ---- redirects ---------------------------------------------------------------------------------------- */

bool redirect_status(unsigned status) {
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

const char *redirect_method(unsigned status, const char *method, bool *drop_body) {
    bool retrieves = !strcmp(method, "GET") || !strcmp(method, "HEAD");
    *drop_body =
        status == 303 ? !retrieves : (status == 301 || status == 302) && !strcmp(method, "POST");
    return *drop_body ? "GET" : method;
}
