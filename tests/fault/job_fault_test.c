/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_fault_test.c: the scheduler and its jobs under thousands of seeded schedules of faults, with options
 * drawn from the seed too. SEEDS=N in the environment runs more of them, FIRST_SEED=N others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "job_world.h"

enum { SEEDS = 5000 };

/* Among the first starts, in their order. `more` is what may come at once. */
static void check_spacing(const char *host, uint64_t interval_ns, unsigned more) {
    uint64_t at[JOBS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < world.added; i++) {
        uint64_t first = world.entry[i].first_ns;
        if (!first || (host && strcmp(world.entry[i].host, host)))
            continue;
        unsigned place = count++;
        for (; place && at[place - 1] > first; place--)
            at[place] = at[place - 1];
        at[place] = first;
    }
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = i + 1; j < count; j++)
            EXPECT(j - i <= (at[j] - at[i]) / interval_ns + more);
}

static void run_seed(uint64_t seed) {
    struct sim_options options;
    sim_options_swarm(&options, seed);
    open_world(&options, false);
    draw_options();
    open_sched();
    unsigned jobs = 10 + below(JOBS_MAX - 9);
    for (unsigned i = 0; i < jobs; i++)
        entry_init(&world.entry[i], i);
    run_to_end(jobs);
    uint64_t interval = world.shared.start_interval_ns;
    if (interval)
        check_spacing(NULL, interval, (unsigned)(100 * NS_PER_MS / interval) + 2);
    if (world.sched_options.host_interval_ns)
        check_spacing("192.0.2.1", world.sched_options.host_interval_ns, 2);
    close_world();
}

static void test_thousands_of_seeds(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1, ok = 0, added = 0;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        run_seed(seed);
        added += world.added;
        for (unsigned i = 0; i < world.added; i++)
            ok += world.entry[i].ok;
    }
    assert_true(ok > added / 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thousands_of_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
