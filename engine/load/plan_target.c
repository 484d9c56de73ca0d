/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_target.c: whom connections go to, by what URL, --connect-to and --unix-socket say. The plan's thread.
 */
#include <stdio.h>
#include <sys/un.h>

#include "load/plan_private.h"
#include "net/connect_to.h"

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
    if (connect_to_check(request->connect_to, why, why_size) < 0 ||
        !fits_address(request->unix_path, why, why_size))
        return false;
    struct span host = url_host_bare(&entry->url);
    struct connect_to to = connect_to_find(request->connect_to, host, entry->url.port);
    struct plan_target target = {.side = entry->side,
                                 .https = entry->url.scheme == URL_HTTPS,
                                 .port = entry->url.port,
                                 .host = host,
                                 .connect_host = to.host,
                                 .connect_port = to.port,
                                 .unix_path = request->unix_path};
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
