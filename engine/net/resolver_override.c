/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_override.c: see resolver_override.h. Addresses keep the order they were given in: who
 * writes them down means it.
 */
#include "net/resolver_override.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/resolver_order.h"

enum { KEY_BYTES_MAX = 255 + sizeof ":65535", ADDRESSES_MAX = 64 };

/* curl's default age of an answer, which its "+" entries take as well. */
#define PASSING_NS (60 * NS_PER_S)

struct override {
    struct name_node node;
    struct address_list *list;
    uint64_t expires_ns;
    char key[];
};

/* One entry's text, taken apart; spans of it. */
struct entry_text {
    bool removes, passes;
    struct span host, addresses;
    uint16_t port;
};

int overrides_init(struct overrides *overrides, struct pool *pool) {
    overrides->pool = pool;
    return name_table_init(&overrides->table);
}

static void override_free(struct overrides *overrides, struct override *override) {
    address_list_drop(override->list);
    pool_release(overrides->pool, override, sizeof *override + override->node.key.name.len);
}

void overrides_deinit(struct overrides *overrides) {
    struct name_node *node;
    while (overrides->table.buckets && (node = name_table_pop(&overrides->table)))
        override_free(overrides, CONTAINER_OF(node, struct override, node));
    name_table_deinit(&overrides->table);
}

/* "host:port" in lower case. A dot at the end makes no other host. */
static struct name_key key_of(char *text, struct span host, uint16_t port) {
    size_t len = 0;
    if (host.len > 1 && host.at[host.len - 1] == '.')
        host.len--;
    CHECK(host.len <= 255);
    for (; len < host.len; len++)
        text[len] = (char)ascii_lower(host.at[len]);
    len += (size_t)snprintf(text + len, KEY_BYTES_MAX - len, ":%u", port);
    return name_key(span_of(text, len));
}

static bool take_port(struct span *left, uint16_t *port) {
    unsigned value = 0;
    size_t digits = 0;
    for (; digits < left->len && left->at[digits] >= '0' && left->at[digits] <= '9'; digits++) {
        value = value * 10 + (unsigned)(left->at[digits] - '0');
        if (value > UINT16_MAX)
            return false;
    }
    *port = (uint16_t)value;
    *left = span_skip(*left, digits);
    return digits > 0;
}

static bool take_byte(struct span *left, uint8_t byte) {
    if (!left->len || left->at[0] != byte)
        return false;
    *left = span_skip(*left, 1);
    return true;
}

static bool take_apart(struct entry_text *entry, struct span text) {
    *entry = (struct entry_text){0};
    entry->removes = take_byte(&text, '-');
    entry->passes = !entry->removes && take_byte(&text, '+');
    const uint8_t *colon = text.len ? memchr(text.at, ':', text.len) : NULL;
    if (!colon)
        return false;
    entry->host = span_of(text.at, (size_t)(colon - text.at));
    if (entry->host.len == 0 || entry->host.len > 255)
        return false;
    text = span_skip(text, entry->host.len + 1);
    if (!take_port(&text, &entry->port))
        return false;
    entry->addresses = text;
    return entry->removes ? text.len == 0 : take_byte(&entry->addresses, ':');
}

/* "ADDR,[ADDR6],ADDR6": how many, 0 if any of them is bad. */
static unsigned take_addresses(struct span left, struct address *address) {
    unsigned count = 0;
    bool more = true;
    while (more) {
        const uint8_t *comma = left.len ? memchr(left.at, ',', left.len) : NULL;
        struct span one = span_of(left.at, comma ? (size_t)(comma - left.at) : left.len);
        more = comma != NULL;
        left = span_skip(left, one.len + more);
        bool brackets = one.len > 2 && one.at[0] == '[' && one.at[one.len - 1] == ']';
        if (brackets)
            one = span_of(one.at + 1, one.len - 2);
        if (count == ADDRESSES_MAX || !address_parse(&address[count], one, 0) ||
            (brackets && address[count].any.sa_family != AF_INET6))
            return 0;
        count++;
    }
    return count;
}

static void forget(struct overrides *overrides, struct name_key key) {
    struct name_node *node = name_table_find(&overrides->table, key);
    if (!node)
        return;
    name_table_remove(&overrides->table, node);
    override_free(overrides, CONTAINER_OF(node, struct override, node));
}

static void remember(struct overrides *overrides, struct name_key key, struct address_list *list,
                     uint64_t expires_ns) {
    struct override *override = pool_acquire(overrides->pool, sizeof *override + key.name.len);
    memcpy(override->key, key.name.at, key.name.len);
    override->node.key = (struct name_key){span_of(override->key, key.name.len), key.hash};
    override->list = list;
    override->expires_ns = expires_ns;
    name_table_insert(&overrides->table, &override->node);
}

bool overrides_add(struct overrides *overrides, const char *text, int family, uint64_t now_ns,
                   char *why, size_t why_size) {
    struct entry_text entry;
    struct address address[ADDRESSES_MAX];
    char key_text[KEY_BYTES_MAX];
    unsigned count = 0;
    if (!take_apart(&entry, span_text(text)) ||
        (!entry.removes && !(count = take_addresses(entry.addresses, address)))) {
        snprintf(why, why_size, "--resolve: '%s' is not HOST:PORT:ADDRESS[,ADDRESS]...", text);
        return false;
    }
    struct name_key key = key_of(key_text, entry.host, entry.port);
    forget(overrides, key);
    count = addresses_restrict(address, count, family);
    if (!count)
        return true;
    struct address_list *list = address_list_copy(address, count);
    if (!list) {
        snprintf(why, why_size, "--resolve: no memory for '%s'", text);
        return false;
    }
    remember(overrides, key, list, entry.passes ? now_ns + PASSING_NS : UINT64_MAX);
    return true;
}

static struct address_list *find_one(const struct overrides *overrides, struct span host,
                                     uint16_t port, uint64_t now_ns) {
    char text[KEY_BYTES_MAX];
    struct name_node *node = name_table_find(&overrides->table, key_of(text, host, port));
    if (!node)
        return NULL;
    const struct override *override = CONTAINER_OF(node, struct override, node);
    return override->expires_ns > now_ns ? override->list : NULL;
}

struct address_list *overrides_find(const struct overrides *overrides, struct span name,
                                    uint16_t port, uint64_t now_ns) {
    if (overrides->table.count == 0)
        return NULL;
    struct address_list *list = find_one(overrides, name, port, now_ns);
    return list ? list : find_one(overrides, span_text("*"), port, now_ns);
}
