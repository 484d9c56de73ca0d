/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_target.c: whom connections go to, by what URL, --connect-to and --unix-socket say. What --connect-to means is as in conn/, which
 * lies on this room's own level and therefore can't be asked: the first entry that fits decides, an empty part of it means any host or port,
 * or the same. The plan's thread.
 */
#include <stdio.h>
#include <sys/un.h>

#include "load/plan_private.h"

struct connect_to {
    struct span from_host, to_host;
    unsigned from_port, to_port; /* 0: empty */
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

static bool take_port(struct span *text, unsigned *port) {
    size_t digits = 0;
    *port = 0;
    for (; digits < text->len && text->at[digits] != ':'; digits++) {
        if (text->at[digits] < '0' || text->at[digits] > '9' || digits == 5)
            return false;
        *port = *port * 10 + (unsigned)(text->at[digits] - '0');
    }
    *text = span_skip(*text, digits);
    return *port <= UINT16_MAX && (*port || !digits);
}

static bool connect_to_parse(struct connect_to *entry, const char *text) {
    struct span rest = span_text(text);
    if (!take_host(&rest, &entry->from_host) || !take_port(&rest, &entry->from_port) || !rest.len)
        return false;
    rest = span_skip(rest, 1);
    return take_host(&rest, &entry->to_host) && take_port(&rest, &entry->to_port) && !rest.len;
}

static bool same_host(struct span a, struct span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

static bool apply_connect_to(struct plan_target *target, const char *const *list, char *why,
                             size_t why_size) {
    bool found = false;
    for (; list && *list; list++) {
        struct connect_to entry;
        if (!connect_to_parse(&entry, *list)) {
            snprintf(why, why_size, "bad --connect-to \"%s\": HOST1:PORT1:HOST2:PORT2 is wanted",
                     *list);
            return false;
        }
        if (found || (entry.from_host.len && !same_host(entry.from_host, target->host)) ||
            (entry.from_port && entry.from_port != target->port))
            continue;
        found = true;
        if (entry.to_host.len)
            target->connect_host = entry.to_host;
        if (entry.to_port)
            target->connect_port = (uint16_t)entry.to_port;
    }
    return true;
}

/* ---- the table ------------------------------------------------------------------------------------ */

static bool same_span(struct span a, struct span b) {
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool same_target(const struct plan_target *a, const struct plan_target *b) {
    if (a->side != b->side || a->https != b->https || a->port != b->port ||
        a->connect_port != b->connect_port || !a->unix_path != !b->unix_path)
        return false;
    return same_span(a->host, b->host) && same_span(a->connect_host, b->connect_host) &&
           (!a->unix_path || strcmp(a->unix_path, b->unix_path) == 0);
}

static struct span own_span(struct plan *plan, struct span text) {
    return span_of(pool_text(plan->pool, text.at, text.len), text.len);
}

/* What the target borrows from the caller becomes its own. */
static void add_target(struct plan *plan, const struct plan_target *borrowed) {
    struct plan_target target = *borrowed;
    target.host = own_span(plan, borrowed->host);
    target.connect_host = own_span(plan, borrowed->connect_host);
    target.unix_path = pool_text(plan->pool, borrowed->unix_path,
                                 borrowed->unix_path ? strlen(borrowed->unix_path) : 0);
    plan->target = plan_grow(plan, plan->target, plan->target_count, sizeof target);
    plan->target[plan->target_count++] = target;
}

/* What fits an address, with the NUL that some systems want; a path that was cut would be another socket's. */
static bool fits_address(const char *path, char *why, size_t why_size) {
    size_t len = path ? strlen(path) : 0, most = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (len > most)
        snprintf(why, why_size, "the UNIX socket's path is too long: %zu bytes, at most %zu fit",
                 len, most);
    return len <= most;
}

bool plan_find_target(struct plan *plan, struct plan_entry *entry,
                      const struct plan_request *request, char *why, size_t why_size) {
    struct span host = url_host_bare(&entry->url);
    struct plan_target target = {.side = entry->side,
                                 .https = entry->url.scheme == URL_HTTPS,
                                 .port = entry->url.port,
                                 .host = host,
                                 .connect_host = host,
                                 .connect_port = entry->url.port,
                                 .unix_path = request->unix_path};
    if (!apply_connect_to(&target, request->connect_to, why, why_size) ||
        !fits_address(request->unix_path, why, why_size))
        return false;
    for (entry->target = 0; entry->target < plan->target_count; entry->target++)
        if (same_target(&plan->target[entry->target], &target))
            return true;
    add_target(plan, &target);
    return true;
}

void plan_release_targets(struct plan *plan) {
    for (unsigned i = 0; i < plan->target_count; i++) {
        pool_release_text(plan->pool, (char *)(uintptr_t)plan->target[i].host.at);
        pool_release_text(plan->pool, (char *)(uintptr_t)plan->target[i].connect_host.at);
        pool_release_text(plan->pool, (char *)(uintptr_t)plan->target[i].unix_path);
    }
    plan_release(plan, plan->target, plan->target_count, sizeof *plan->target);
}
