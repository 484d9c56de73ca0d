/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_memory_test.c: an allocation of the library failed at every point of a connection's life, and what an idle one holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"
#include "tls/tls_private.h"

/* One connection from open to end. True: it did all that it should. */
static bool live(struct pair *pair) {
    if (!pair_meet(pair, "a.test"))
        return false;
    bool wrote = tls_write(pair->client.stream, span_text("question"));
    pair_run(pair);
    bool answered = tls_write(pair->server.stream, span_text("answer"));
    pair_run(pair);
    bool read = pair->client.got.len == 6;
    tls_end(pair->client.stream);
    pair_run(pair);
    return wrote && answered && read;
}

static void fail_each(enum tls_version version, bool resumed, bool all) {
    struct pair pair;
    struct tls_options options = {.version_min = version, .version_max = version};
    pair_init(&pair, &options, NULL);
    pair.server_leaks = true;
    assert_true(live(&pair));
    if (!resumed)
        pair.client.tls->resumption = false;
    pair_hang_up(&pair);
    unsigned failed = 0;
    for (unsigned countdown = 1;; countdown++) {
        tls_memory_fail(countdown, all);
        tls_memory_forget();
        bool lived = live(&pair);
        tls_memory_fail(0, false);
        struct err errs[] = {pair.client.err, pair.server.err};
        pair_hang_up(&pair);
        if (lived && countdown > 30)
            break;
        if (lived)
            continue;
        failed++;
        /* One of both was short of memory, and the other saw what came of it. */
        bool told = false;
        for (int i = 0; i < 2; i++)
            told |= errs[i].kind == ERR_MEMORY;
        if (err_is(errs[0]) || err_is(errs[1]))
            assert_true(told);
        assert_true(countdown < 1000);
    }
    assert_true(failed > 10);
    assert_true(live(&pair));
    pair_deinit(&pair);
}

static void test_each_allocation_fails(void **state) {
    (void)state;
    int64_t before = 0;
    /* In the first round the library makes tables of the keys' multiples, which it keeps. */
    for (int i = 0; i < 4; i++) {
        enum tls_version version = i % 2 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
        if (i == 2)
            before = tls_memory().live_bytes;
        fail_each(version, false, false);
        fail_each(version, false, true);
        fail_each(version, true, false);
    }
    /* Of the server's leak see pair.h. LeakSanitizer tells of a client's. */
    assert_in_range(tls_memory().live_bytes, 0, before + 1024);
}

/* The bound of an https connection that waits is 12 KiB, all told. */
static void test_idle(void **state) {
    (void)state;
    enum { COUNT = 50 };
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct pair pair;
        struct tls_options options = {.version_max = (enum tls_version)v, .no_resumption = true};
        struct end clients[COUNT];
        pair_init(&pair, &options, NULL);
        assert_true(live(&pair));
        pair_hang_up(&pair);
        int64_t before = tls_memory().live_bytes + pair.pool.live_bytes;
        for (int i = 0; i < COUNT; i++) {
            assert_true(pair_meet(&pair, "a.test"));
            clients[i] = pair.client;
            pair.client = (struct end){.tls = pair.client.tls};
            pair_hang_up(&pair);
        }
        int64_t each = (tls_memory().live_bytes + pair.pool.live_bytes - before) / COUNT;
        print_message("TLS %s: %d bytes an idle connection\n",
                      tls_version_name((enum tls_version)v), (int)each);
        assert_true(each < 6000 || tls_library_is_slow());
        for (int i = 0; i < COUNT; i++)
            tls_stream_close(clients[i].stream);
        pair_deinit(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
