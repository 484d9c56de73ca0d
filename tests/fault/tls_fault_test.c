/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_fault_test.c: https on the simulated ring. A few dozen exchanges with good and bad TLS servers under seeded schedules, of
 * TLS 1.2 and 1.3, resumed or not, their owners pausing, resuming, stopping and cancelling at random, and with
 * allocations of the library failing: every exchange ends exactly once, whole and with the right bytes or with an error
 * that its server deserves; and nothing is left.
 *
 * SEEDS=N in the environment runs more of them, FIRST_SEED=N begins there. The library draws its random numbers from the seed,
 * as this program serves it its /dev/urandom: else lengths of signatures, and so all that comes after, would be others each
 * time. What can't be held still is the clock inside certificates and tickets; it changes no lengths within a quarter.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tls_world.h"

enum {
    SEEDS = 120,
    STARVED_SEEDS = 60,
};

/* ---- random numbers ------------------------------------------------------------------------------ */

static struct random entropy;

int open(const char *path, int flags, ...);

/* Instead of the C library's. */
int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (strcmp(path, "/dev/urandom") != 0)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    uint64_t numbers[64];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] = random_next(&entropy);
    int fd = memfd_create("urandom", MFD_CLOEXEC);
    EXPECT(fd >= 0 && pwrite(fd, numbers, sizeof numbers, 0) == (ssize_t)sizeof numbers);
    return fd;
}

ssize_t getrandom(void *bytes, size_t count, unsigned flags);

/* What our own build of the library takes its seeds from instead. */
ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
    (void)flags;
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)random_next(&entropy);
    return (ssize_t)count;
}

/* ---- runs ---------------------------------------------------------------------------------------- */

static struct sim_report run(client_init_fn *init) {
    random_seed(&entropy, tls_world.seed);
    return world_run(init);
}

static void draw_calm(uint64_t seed) {
    struct sim_options options;
    sim_options_init(&options, seed);
    world_draw(&options);
    struct settings *settings = &tls_world.settings;
    settings->calm = true;
    settings->trick_chance = settings->rude_chance = 0;
    settings->server_min = settings->server_max = settings->client_min = TLS_VERSION_NONE;
    settings->client_max = seed % 2 ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
    settings->wanted = 12;
    settings->slots = CLIENTS;
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static const enum err_kind trick_kinds[] = {
#define X(id, kind) ERR_##kind,
    TRICKS(X)
#undef X
};
static const enum err_kind behaviour_kinds[] = {
#define X(id, kind) ERR_##kind,
    BEHAVIOURS(X)
#undef X
};

static void init_victim(struct client *client, unsigned id) {
    client_init_plain(client, id);
    client->host = "192.0.2.5";
}

/* A trick is found out, or does no harm; and alone on its connection or one of many makes no difference. */
static void test_each_trick_is_met(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        for (unsigned trick = 0; trick < TRICK_COUNT; trick++) {
            draw_calm(seed);
            tls_world.settings.trick = (enum tls_trick)trick;
            tls_world.settings.burst = seed > 2;
            run(init_victim);
            EXPECT(trick == 0 || tls_world.place[PLACE_TRICKSTER].played[trick]);
            for (unsigned i = 0; i < tls_world.settings.wanted; i++)
                EXPECT_OF(&tls_world.client[i], tls_world.client[i].err.kind == trick_kinds[trick]);
        }
    }
}

static void init_behaving(struct client *client, unsigned id) {
    client_init_plain(client, id);
    client->behaviour = (enum behaviour)(id % DO_FOR_EXCHANGES);
}

/* On a quiet network every behaviour comes to the end that its row in the table says: with close_notify before a close, and
 * without, where only the answer that has no other end is truncated. */
static void test_each_behaviour_ends_as_it_must(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        bool rude = seed > 4;
        draw_calm(seed);
        tls_world.settings.wanted = DO_FOR_EXCHANGES;
        tls_world.settings.rude_chance = rude ? 100 : 0;
        run(init_behaving);
        for (unsigned i = 0; i < tls_world.settings.wanted; i++) {
            struct client *client = &tls_world.client[i];
            enum err_kind kind = behaviour_kinds[client->behaviour];
            if (client->behaviour == DO_UNTIL_CLOSE && rude)
                kind = ERR_TRUNCATED;
            EXPECT_OF(client, client->err.kind == kind || client->err.kind == ERR_HTTP_09);
        }
    }
}

/* Certificates that must be refused are, whatever else goes on; a client that can't speak the server's version says so. */
static void init_refused(struct client *client, unsigned id) {
    client_init_plain(client, id);
    client->host = id % 2 ? "192.0.2.3" : "192.0.2.4";
}

static void test_certificates_are_refused(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        draw_calm(seed);
        run(init_refused);
        for (unsigned i = 0; i < tls_world.settings.wanted; i++)
            EXPECT_OF(&tls_world.client[i], tls_world.client[i].err.kind ==
                                                (i % 2 ? ERR_WRONG_HOST : ERR_UNKNOWN_ISSUER));
    }
}

/* All at once: more handshakes than are done in a turn wait for theirs, and none is forgotten. */
static void test_crowds_take_turns(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        draw_calm(seed);
        tls_world.settings.wanted = CLIENTS;
        tls_world.settings.burst = true;
        run(client_init_plain);
        EXPECT(tls_world.ok == CLIENTS);
        EXPECT(tls_world.counts.opened >= CLIENTS);
    }
}

static struct sim_report run_seed(uint64_t seed, bool starved) {
    struct sim_options options;
    sim_options_swarm(&options, seed);
    world_draw(&options);
    tls_world.settings.starved = starved;
    return run(client_init);
}

static uint64_t from_environment(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_many_seeds(void **state) {
    uint64_t seeds = from_environment("SEEDS", SEEDS), from = from_environment("FIRST_SEED", 1);
    uint64_t ok = 0, begun = 0, reused = 0, resumed = 0, established = 0;
    unsigned tricks[TRICK_COUNT] = {0};
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        run_seed(seed, false);
        ok += tls_world.ok;
        begun += tls_world.begun;
        reused += tls_world.counts.reused;
        resumed += tls_world.resumed;
        established += world_established();
        for (unsigned i = 0; i < TRICK_COUNT; i++)
            tricks[i] += tls_world.place[PLACE_GOOD].played[i];
    }
    if (seeds < SEEDS)
        return;
    assert_true(ok > begun / 4);
    assert_true(established > seeds && reused > seeds && resumed > seeds / 4);
    for (unsigned i = 1; i < TRICK_COUNT; i++)
        assert_true(tricks[i] > 0);
}

static void test_a_seed_replays(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        EXPECT(run_seed(seed, false).trace == run_seed(seed, false).trace);
}

static void test_memory_runs_short(void **state) {
    uint64_t seeds = from_environment("SEEDS", STARVED_SEEDS);
    uint64_t from = from_environment("FIRST_SEED", 1);
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        run_seed(seed, true);
}

/* Two exchanges one after the other, at one server: the second resumes. */
static void init_pair(struct client *client, unsigned id) {
    client_init_plain(client, id);
    client->host = "192.0.2.1";
    client->behaviour = DO_LAST;
    client->exchange.last = true;
}

static unsigned run_famine(uint64_t seed, unsigned countdown, bool lasts) {
    unsigned failed = 0;
    draw_calm(seed);
    struct settings *settings = &tls_world.settings;
    settings->wanted = 2;
    settings->serial = true;
    settings->burst = settings->client_forgets = settings->server_forgets = false;
    settings->starved = true;
    settings->famine = countdown;
    settings->famine_lasts = lasts;
    run(init_pair);
    for (unsigned i = 0; i < settings->wanted; i++) {
        const struct client *client = &tls_world.client[i];
        EXPECT_OF(client, !err_is(client->err) || err_fault(client->err) == FAULT_LOCAL);
        failed += err_is(client->err);
    }
    EXPECT(lasts || failed < 2);
    return countdown - tls_world.famine_left;
}

/* Wherever memory runs short, it is this machine that is blamed, and nothing is lost. */
static void test_each_allocation_fails(void **state) {
    enum { NEVER = 1000000 };
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        unsigned count = run_famine(seed, NEVER, false);
        EXPECT(tls_world.ok == 2 && tls_world.resumed == 1 && count > 50);
        for (unsigned i = 1; i <= count; i++) {
            run_famine(seed, i, false);
            run_famine(seed, i, true);
        }
    }
}

static int set_up(void **state) {
    (void)state;
    random_seed(&entropy, 1);
    world_mint();
    /* What the library keeps for good, it keeps from now on. */
    draw_calm(1);
    run(client_init_plain);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_forget_mint();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_trick_is_met),
        cmocka_unit_test(test_each_behaviour_ends_as_it_must),
        cmocka_unit_test(test_certificates_are_refused),
        cmocka_unit_test(test_crowds_take_turns),
        cmocka_unit_test(test_a_seed_replays),
        cmocka_unit_test(test_many_seeds),
        cmocka_unit_test(test_memory_runs_short),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
