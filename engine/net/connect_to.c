/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connect_to.c: entries are read each time that one is looked for: there are few, and few lookups.
 */
#include "net/connect_to.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { HOST_BYTES_MAX = 1024 };

struct entry {
    struct span from_host, to_host;
    uint16_t from_port, to_port; /* 0: empty */
};

/* A host ("[::1]" without its brackets) and the colon behind it. */
static bool take_host(struct span *text, struct span *host) {
    bool literal = text->len && text->at[0] == '[';
    const uint8_t *end = text->len ? memchr(text->at, literal ? ']' : ':', text->len) : NULL;
    if (!end)
        return false;
    size_t len = (size_t)(end - text->at);
    *host = literal ? span_of(text->at + 1, len - 1) : span_of(text->at, len);
    *text = span_skip(*text, literal ? len + 1 : len);
    if (!text->len || text->at[0] != ':')
        return false;
    *text = span_skip(*text, 1);
    return true;
}

static bool take_port(struct span *text, uint16_t *port) {
    unsigned number = 0;
    size_t digits = 0;
    for (; digits < text->len && text->at[digits] != ':'; digits++) {
        if (text->at[digits] < '0' || text->at[digits] > '9' || digits == 5)
            return false;
        number = number * 10 + (unsigned)(text->at[digits] - '0');
    }
    *text = span_skip(*text, digits);
    *port = (uint16_t)number;
    return number <= UINT16_MAX && (number || !digits);
}

static bool parse(struct entry *entry, const char *text) {
    struct span rest = span_text(text);
    if (!take_host(&rest, &entry->from_host) || !take_port(&rest, &entry->from_port) || !rest.len)
        return false;
    rest = span_skip(rest, 1);
    return take_host(&rest, &entry->to_host) && take_port(&rest, &entry->to_port) && !rest.len &&
           entry->to_host.len <= HOST_BYTES_MAX;
}

int connect_to_check(const char *const *entries, char *why, size_t why_size) {
    struct entry entry;
    for (; entries && *entries; entries++) {
        if (parse(&entry, *entries))
            continue;
        snprintf(why, why_size, "bad --connect-to \"%s\": HOST1:PORT1:HOST2:PORT2 is wanted",
                 *entries);
        return -EINVAL;
    }
    return 0;
}

static bool fits(const struct entry *entry, struct span host, uint16_t port) {
    return (!entry->from_host.len || span_same_nocase(entry->from_host, host)) &&
           (!entry->from_port || entry->from_port == port);
}

struct connect_to connect_to_find(const char *const *entries, struct span host, uint16_t port) {
    struct connect_to found = {.host = host, .port = port};
    struct entry entry;
    for (; entries && *entries; entries++) {
        if (!parse(&entry, *entries) || !fits(&entry, host, port))
            continue;
        if (entry.to_host.len)
            found.host = entry.to_host;
        if (entry.to_port)
            found.port = entry.to_port;
        break;
    }
    return found;
}
