/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan.c: the list of what is asked, and of whom. Made before the run by one thread in one pool; read by all workers.
 */
#include "load/plan.h"

#include <math.h>
#include <stdio.h>

#include "base/assert.h"
#include "load/plan_private.h"

void plan_init(struct plan *plan, struct pool *pool) {
    *plan = (struct plan){.pool = pool};
    template_shared_init(&plan->shared, pool);
}

/* ---- arrays ------------------------------------------------------------------------------------- */

static unsigned room_of(unsigned count) {
    unsigned room = 1;
    while (room < count)
        room *= 2;
    return count ? room : 0;
}

void plan_release(struct plan *plan, void *array, unsigned count, size_t bytes) {
    pool_release(plan->pool, array, room_of(count) * bytes);
}

void *plan_grow(struct plan *plan, void *array, unsigned count, size_t bytes) {
    unsigned room = room_of(count);
    if (count < room)
        return array;
    void *grown = pool_acquire(plan->pool, room_of(count + 1) * bytes);
    if (count)
        memcpy(grown, array, count * bytes);
    plan_release(plan, array, count, bytes);
    return grown;
}

/* ---- entries ------------------------------------------------------------------------------------ */

static void entry_deinit(struct plan *plan, struct plan_entry *entry) {
    pool_release_text(plan->pool, (char *)(uintptr_t)entry->name);
    pool_release(plan->pool, (void *)(uintptr_t)entry->url.href, (size_t)entry->url.href_len + 1);
    expect_free(entry->expect);
    template_deinit(&entry->message, plan->pool);
}

void plan_deinit(struct plan *plan) {
    for (unsigned i = 0; i < plan->entry_count; i++)
        entry_deinit(plan, &plan->entry[i]);
    plan_release(plan, plan->entry, plan->entry_count, sizeof *plan->entry);
    plan_release_targets(plan);
    template_shared_deinit(&plan->shared);
    *plan = (struct plan){0};
}

static bool add_expectations(struct plan_entry *entry, const char *const *list, char *why,
                             size_t why_size) {
    for (; list && *list; list++) {
        char phrase[200];
        if (!entry->expect)
            entry->expect = expect_new();
        if (!expect_add(entry->expect, *list, phrase, sizeof phrase)) {
            snprintf(why, why_size, "expectation \"%.200s\": %s", *list, phrase);
            return false;
        }
    }
    entry->expect_needs = expect_needs(entry->expect);
    return true;
}

static enum plan_result make_entry(struct plan *plan, struct plan_entry *entry,
                                   const struct plan_request *request, char *why, size_t why_size) {
    if (!(entry->weight > 0) || !isfinite(entry->weight)) {
        snprintf(why, why_size, "a weight of %g: it must be above 0", entry->weight);
        return PLAN_BAD;
    }
    enum plan_result result = plan_compile(plan, entry, request, why, why_size);
    if (result != PLAN_OK)
        return result;
    for (unsigned i = 0; i < 2; i++)
        if (!add_expectations(entry, request->expect[i], why, why_size))
            return PLAN_BAD;
    return plan_find_target(plan, entry, request, why, why_size) ? PLAN_OK : PLAN_BAD;
}

/* What a list or a URL holds must not reach a terminal as it is. */
static void make_printable(char *why) {
    for (; *why; why++)
        if ((unsigned char)*why < 0x20 || *why == 0x7f)
            *why = '?';
}

enum plan_result plan_add(struct plan *plan, uint8_t side, const struct plan_request *request,
                          char *why, size_t why_size) {
    CHECK(side < PLAN_SIDES && why_size);
    struct plan_entry entry = {.side = side, .weight = request->weight};
    why[0] = '\0';
    enum plan_result result = make_entry(plan, &entry, request, why, why_size);
    if (result != PLAN_OK) {
        make_printable(why);
        entry_deinit(plan, &entry);
        return result;
    }
    plan->entry = plan_grow(plan, plan->entry, plan->entry_count, sizeof *plan->entry);
    plan->entry[plan->entry_count++] = entry;
    plan->has_side[side] = true;
    return PLAN_OK;
}
