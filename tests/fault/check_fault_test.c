/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_fault_test.c: check jobs under thousands of seeded schedules, with rules drawn from the seed too. In every other one the
 * network only cuts, delays and reorders: there each target must end as the servers' nature says, and no other way. In the rest
 * anything may happen to anything, and what a verdict says must still be true. SEEDS=N in the environment runs more of them,
 * FIRST_SEED=N others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "check_world.h"

enum { SEEDS = 500, STATUS_REDIRECT = 302 };

/* ---- what must come out ------------------------------------------------------------------------------ */

/* What the target's server really does with a method. */
struct truth {
    enum err_kind kind; /* ERR_NONE: it answers; else nothing but this fault */
    unsigned status;
    bool is_page; /* with the page's fields; else a word and no field of note */
    bool at_other_host;
    unsigned comes; /* bytes of the body that come before `broken` */
    enum err_kind broken;
};

static struct truth get_truth(const struct target *target, bool head_only) {
    const struct page *page = &target->page;
    static const unsigned status[] = {
        [GET_403] = 403, [GET_404] = 404, [GET_410] = 410, [GET_500] = 500};
    static const enum err_kind broken[GET_DOES_COUNT] = {[GET_STALLS] = ERR_STALLED,
                                                         [GET_TRUNCATED] = ERR_TRUNCATED,
                                                         [GET_RESET] = ERR_RESET,
                                                         [GET_BAD_CHUNK] = ERR_BAD_CHUNK};
    bool follows = world.sched_options.redirects_max;
    switch (page->get) {
    case GET_403:
    case GET_404:
    case GET_410:
    case GET_500:
        return (struct truth){.status = status[page->get], .comes = 5};
    case GET_REDIRECT:
        if (follows)
            return (struct truth){
                .status = 200, .is_page = true, .comes = page->bytes, .at_other_host = true};
        return (struct truth){.status = STATUS_REDIRECT, .comes = 5};
    case GET_LOOP:
        return (struct truth){
            .kind = follows ? ERR_REDIRECT_LOOP : ERR_NONE, .status = STATUS_REDIRECT, .comes = 5};
    case GET_SILENT:
        return (struct truth){.kind = ERR_STALLED};
    case GET_GARBAGE:
        return (struct truth){.kind = ERR_HTTP_09};
    case GET_STALLS:
    case GET_TRUNCATED:
    case GET_RESET:
    case GET_BAD_CHUNK:
        return (struct truth){.status = 200,
                              .is_page = page->get != GET_BAD_CHUNK,
                              .comes = page->get == GET_BAD_CHUNK ? 5 : page->bytes / 2,
                              .broken = head_only ? ERR_NONE : broken[page->get]};
    default:
        return (struct truth){.status = 200, .is_page = true, .comes = page->bytes};
    }
}

static struct truth head_truth(const struct target *target) {
    static const unsigned status[HEAD_DOES_COUNT] = {
        [HEAD_400] = 400, [HEAD_403] = 403, [HEAD_404] = 404,
        [HEAD_405] = 405, [HEAD_501] = 501, [HEAD_500] = 500};
    switch (target->page.head) {
    case HEAD_AS_GET:
        return get_truth(target, true);
    case HEAD_WITH_BODY:
        return (struct truth){.status = 200, .is_page = true};
    case HEAD_GARBAGE:
        return (struct truth){.kind = ERR_HTTP_09};
    case HEAD_CLOSES:
        return (struct truth){.kind = ERR_CLOSED};
    case HEAD_SILENT:
        return (struct truth){.kind = ERR_STALLED};
    default:
        return (struct truth){.status = status[target->page.head]};
    }
}

static bool status_is_well(const struct target *target, unsigned status) {
    if (target->wish == WISH_STATUS_404)
        return status == 404;
    if (target->wish == WISH_STATUS_WELL)
        return (status >= 200 && status < 300) || status == STATUS_REDIRECT;
    return status < 400;
}

static bool wants_whole(const struct target *target) {
    return target->wish == WISH_WHOLE || target->size >= 0;
}

static bool wants_body(const struct target *target) {
    return wish_needs_body(target->wish) || target->size >= 0;
}

/* Of a body whose `seen` first bytes are looked at. */
static bool wish_holds(const struct target *target, const struct truth *truth, size_t seen,
                       uint64_t counted) {
    const struct page *page = &target->page;
    bool has_needle = truth->is_page && page->needle_at + strlen(PAGE_NEEDLE) <= seen;
    switch (target->wish) {
    case WISH_NEEDLE:
        return has_needle;
    case WISH_NO_NEEDLE:
        return !has_needle;
    case WISH_TITLE:
        return truth->is_page && seen >= 40;
    case WISH_WHOLE:
        return counted == page->bytes;
    case WISH_HOST:
        return truth->at_other_host || strncmp(target->host, "192.0.2.2:", 10) == 0;
    default:
        return true;
    }
}

/* What an answer comes to, once it is known. */
static enum err_kind judged(const struct target *target, const struct truth *truth,
                            bool head_only) {
    uint64_t sniff = checks.rules.sniff_bytes, comes = head_only ? 0 : truth->comes;
    bool fails_early = !wants_whole(target) && comes >= sniff; /* enough came before */
    if (!status_is_well(target, truth->status))
        return target->wish == WISH_STATUS_404 || target->wish == WISH_STATUS_WELL
                   ? ERR_EXPECTATION
                   : ERR_HTTP_STATUS;
    if (target->wish == WISH_NO_FIELD || (target->wish == WISH_ID && !truth->is_page))
        return ERR_EXPECTATION;
    if (truth->broken != ERR_NONE && !fails_early)
        return truth->broken;
    if (target->size >= 0 && comes != (uint64_t)target->size)
        return ERR_SIZE_MISMATCH;
    size_t seen = (size_t)(comes < sniff ? comes : sniff);
    return wish_holds(target, truth, seen, comes) ? ERR_NONE : ERR_EXPECTATION;
}

static enum err_kind outcome_of(const struct target *target, const struct truth *truth,
                                bool head_only) {
    return truth->kind != ERR_NONE ? truth->kind : judged(target, truth, head_only);
}

/* HEAD is at fault, and not the page. */
static bool asks_again(const struct target *target, const struct truth *truth) {
    unsigned status = truth->status;
    if (target->method)
        return false;
    if (truth->kind != ERR_NONE)
        return truth->kind == ERR_HTTP_09 || truth->kind == ERR_CLOSED;
    return !status_is_well(target, status) &&
           (status == 400 || status == 403 || status == 404 || status == 405 || status == 501);
}

/* The end of a pass, if nothing but the servers' nature has a say in it. */
static enum err_kind outcome_due(const struct target *target, unsigned pass) {
    const char *method = target->method;
    if (strncmp(target->host, "192.0.2.7:", 10) == 0)
        return ERR_REFUSED;
    if (strncmp(target->host, "192.0.2.8:", 10) == 0)
        return ERR_NETWORK_DOWN;
    if (strncmp(target->host, "192.0.2.9:", 10) == 0)
        return ERR_TIMED_OUT;
    if (!method)
        method = pass || wants_body(target) ? "GET" : "HEAD";
    struct truth truth = get_truth(target, false);
    if (strcmp(method, "HEAD") != 0)
        return outcome_of(target, &truth, false);
    struct truth head = head_truth(target);
    return asks_again(target, &head) ? outcome_of(target, &truth, false)
                                     : outcome_of(target, &head, true);
}

/* Two answers are possible, and either may be had. */
static bool is_moody(const struct target *target) {
    return target->page.get == GET_BUSY ||
           (target->page.head == HEAD_WITH_BODY &&
            (!target->method || strcmp(target->method, "HEAD") == 0));
}

static bool is_same_silence(enum err_kind a, enum err_kind b) {
    return (a == ERR_STALLED || a == ERR_TIMED_OUT) && (b == ERR_STALLED || b == ERR_TIMED_OUT);
}

/* A server closes a connection that was idle just as a POST goes out on it, which must not be asked twice. */
static bool is_crossed(const struct target *target, enum err_kind kind) {
    return target->method && strcmp(target->method, "POST") == 0 &&
           (kind == ERR_CLOSED || kind == ERR_RESET);
}

static void check_truth(const struct target *target) {
    for (unsigned pass = 0; pass <= target->passes && !is_moody(target); pass++) {
        enum err_kind due = outcome_due(target, pass), kind = (enum err_kind)target->end[pass].kind;
        EXPECT_OF_TARGET(target,
                         kind == due || is_same_silence(kind, due) || is_crossed(target, kind));
    }
    EXPECT_OF_TARGET(target, !target->why[0] || strncmp(target->why, "not asked", 9) ||
                                 strcmp(target->host, "192.0.2.9:81") == 0);
}

/* ---- what may come out when anything can happen -------------------------------------------------------- */

static bool is_lie(const struct target *target) {
    enum err_kind kind = (enum err_kind)target_end(target).kind;
    const struct page *page = &target->page;
    unsigned status = target->status;
    switch (kind) {
    case ERR_NONE:
        return !is_moody(target) && !target->skipped && outcome_due(target, 0) != ERR_NONE &&
               outcome_due(target, 1) != ERR_NONE && page->framing != PAGE_UNTIL_CLOSE;
    case ERR_HTTP_STATUS:
        return status < 400 || (page->get == GET_200 && page->head == HEAD_AS_GET);
    case ERR_HTTP_09:
        return page->get != GET_GARBAGE && page->head != HEAD_GARBAGE;
    case ERR_BAD_CHUNK:
        return page->get != GET_BAD_CHUNK;
    case ERR_REDIRECT_LOOP:
        return page->get != GET_LOOP;
    case ERR_EXPECTATION:
        return target->wish == WISH_NONE;
    default:
        return false;
    }
}

static void check_no_lie(const struct target *target) {
    EXPECT_OF_TARGET(target, !is_lie(target));
    if (target->page.get == GET_200 && target->page.head == HEAD_AS_GET &&
        target->wish == WISH_NONE && target->size < 0 && target->verdict == RF_VERDICT_DEAD) {
        struct err err = target_end(target);
        EXPECT_OF_TARGET(target, err.stage != STAGE_EXPECT && err.kind != ERR_HTTP_STATUS);
    }
}

/* ---- seeds ------------------------------------------------------------------------------------------------ */

/* Nothing is lost on the way, and there is room and time for all. */
static void be_gentle(struct sim_options *options) {
    static const enum sim_fault rude[] = {SIM_FAULT_SOCKET_FAILS, SIM_FAULT_CONNECT_FAILS,
                                          SIM_FAULT_SEND_FAILS, SIM_FAULT_RECV_RESET,
                                          SIM_FAULT_PEER_CLOSES};
    for (size_t i = 0; i < sizeof rude / sizeof *rude; i++)
        options->chance[rude[i]] = 0;
    if (options->delay_ms_max > 20)
        options->delay_ms_max = 20;
}

static void draw_rules(void) {
    static const unsigned sniffs[] = {100, 1000, 65536, 1000000};
    draw_options();
    checks.rules = (struct check_rules){.sniff_bytes = sniffs[below(4)]};
    checks.confirms = below(3) ? below(PASSES_MAX + 1) : 1;
    checks.rules.confirms = checks.confirms;
    checks.model.busy = below(4);
    if (!checks.gentle)
        return;
    struct sched_options *options = &world.sched_options;
    options->max_time_ns = options->total_time_ns = options->retry_max_time_ns = 0;
    options->filesize_max = 0;
    world.shared.limit_rate_bytes = 0;
    world.shared.concurrency = 1 + below(5);
}

static unsigned well, failed, flaky, confirmed;

static void run_seed(uint64_t seed) {
    struct sim_options options;
    sim_options_swarm(&options, seed);
    checks = (struct check_world){.gentle = seed % 2};
    if (checks.gentle)
        be_gentle(&options);
    open_world(&options, false);
    draw_rules();
    open_checks();
    unsigned count = 5 + below(30);
    for (unsigned i = 0; i < count; i++)
        target_init(&checks.target[i], i);
    run_checks(count);
    for (unsigned i = 0; i < count; i++) {
        const struct target *target = &checks.target[i];
        (checks.gentle ? check_truth : check_no_lie)(target);
        well += target->verdict == RF_VERDICT_OK;
        flaky += target->verdict == RF_VERDICT_FLAKY;
        failed += target->verdict == RF_VERDICT_DEAD;
        confirmed += target->passes > 0;
    }
    close_world();
    EXPECT(checks.model.peers == 0);
}

static void test_thousands_of_seeds(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        run_seed(seed);
    if (seeds >= SEEDS)
        assert_true(well > seeds && failed > seeds && flaky > seeds / 20 && confirmed > seeds);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thousands_of_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
