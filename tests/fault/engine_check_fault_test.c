/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_check_fault_test.c: whole check runs on the simulated ring, from lines of input to results: duplicates, confirm passes, a run that is
 * stopped in its first pass, while failures wait, and inside a pass. Each line that was read has exactly one result, the counts
 * of rf_progress add up, and the engine runs again afterwards.
 *
 * The look at this machine's own network before a pass would ask the real one, so this program brings its own.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ringfetch/output.h>

#include "base/clock.h"
#include "check_model.h"
#include "engine.h"

enum { LINES_MAX = 60, SEEDS = 150, RUNS = 2 };
_Static_assert(PAGE_IDS_MAX >= RUNS * LINES_MAX, "each run has pages of its own");

/* When the run is stopped. */
enum moment { MOMENT_NEVER, MOMENT_RESULT, MOMENT_WAITING, MOMENT_IN_PASS, MOMENTS };

struct line {
    struct page page;
    unsigned host;
    unsigned equal; /* the first line with the same request */
    const char *expect;
    unsigned results;
    enum rf_verdict verdict;
};

static struct world {
    uint64_t seed;
    struct random random;
    struct check_model model;
    struct rf_settings settings;
    struct rf_engine *engine;
    struct line line[LINES_MAX];
    unsigned first_id; /* of a run's pages */
    unsigned lines, results, stop_after;
    enum moment moment;
    bool gentle, stopped, no_network;
    uint64_t verdicts[RF_VERDICTS]; /* of all runs */
    char path[64];
} world;

static unsigned confirmed, unconfirmed, twins;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_print(stderr);                                                                     \
            fprintf(stderr, "seed %" PRIu64 ": not so: %s\n", world.seed, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static unsigned below(unsigned count) {
    return (unsigned)random_below(&world.random, count);
}

static void stop(void) {
    world.stopped = true;
    rf_stop(world.engine, RF_INTERRUPTED);
}

/* ---- in place of engine_control.c ---------------------------------------------------------------- */

void control_note(struct rf_engine *engine, const struct address *peer) {
    (void)engine, (void)peer;
}

bool control_passes(struct rf_engine *engine) {
    struct rf_progress progress;
    rf_progress(engine, &progress);
    EXPECT(engine == world.engine);
    if (world.moment == MOMENT_WAITING)
        stop();
    return !world.no_network;
}

/* ---- results --------------------------------------------------------------------------------------- */

static const char *const hosts[] = {"192.0.2.1:81", "192.0.2.2:81", "192.0.2.7:81", "192.0.2.9:81"};

/* What a run that nobody disturbs says of the line, where that is certain. */
static enum rf_verdict verdict_due(const struct line *line) {
    bool confirms = world.settings.confirms;
    if (line->host >= 2)
        return RF_VERDICT_DEAD;
    if (line->expect)
        return RF_VERDICT_NONE;
    switch (line->page.get) {
    case GET_200:
        if (world.settings.title) /* takes GET */
            return RF_VERDICT_OK;
        if (line->page.head == HEAD_SILENT)
            return confirms ? RF_VERDICT_OK : RF_VERDICT_DEAD;
        if (line->page.head == HEAD_500)
            return confirms ? RF_VERDICT_FLAKY : RF_VERDICT_DEAD;
        return RF_VERDICT_OK;
    case GET_404:
    case GET_410:
        return line->page.head == HEAD_WITH_BODY ? RF_VERDICT_NONE : RF_VERDICT_DEAD;
    default:
        return RF_VERDICT_NONE;
    }
}

static void check_result(struct line *line, const struct rf_result *result) {
    enum rf_verdict due = verdict_due(line);
    line->verdict = result->verdict;
    EXPECT(result->verdict != RF_VERDICT_NONE && result->verdict < RF_VERDICTS);
    EXPECT(result->passes <= world.settings.confirms);
    EXPECT(result->ok == (result->error.kind == 0));
    EXPECT(!result->passes || result->first_error.kind);
    if (result->verdict == RF_VERDICT_FLAKY)
        EXPECT(result->passes && result->ok);
    confirmed += result->passes > 0;
    unconfirmed += !result->ok && result->verdict == RF_VERDICT_INCONCLUSIVE;
    /* HEAD 404 is no answer to believe; one that is given up is said to be no more than that. */
    if (world.gentle && !world.stopped && !world.no_network && due != RF_VERDICT_NONE &&
        line->page.head != HEAD_WITH_BODY && result->verdict != due) {
        fprintf(stderr, "%s: %s, not %s: %s, %u passes\n", result->url,
                rf_verdict_name(result->verdict), rf_verdict_name(due),
                result->detail ? result->detail : "", result->passes);
        EXPECT(result->verdict == due);
    }
}

static void on_result(void *context, const struct rf_result *result) {
    struct line *line = &world.line[atoi(result->tag)];
    struct rf_progress progress;
    (void)context;
    EXPECT(line->results++ == 0 && result->line == (uint64_t)(line - world.line) + 1);
    check_result(line, result);
    world.results++;
    world.verdicts[result->verdict]++;
    rf_progress(world.engine, &progress);
    bool in_pass = world.moment == MOMENT_IN_PASS && result->passes;
    if (in_pass || (world.moment == MOMENT_RESULT && world.results == world.stop_after))
        stop();
}

/* ---- input ------------------------------------------------------------------------------------------- */

static void draw_line(struct line *line, unsigned id) {
    static const char *const expects[] = {"status in 200-299,404", "header x-id exists",
                                          "body contains " PAGE_NEEDLE, "total_ms < 10000000",
                                          "title ~ page"};
    *line = (struct line){.host = below(8) ? below(2) : 2 + below(2), .equal = id};
    line->page = (struct page){.id = world.first_id + id,
                               .framing = (enum page_framing)below(PAGE_FRAMINGS)};
    line->page.head = below(3) ? HEAD_AS_GET : (enum head_does)below(HEAD_DOES_COUNT);
    line->page.get = below(2) ? GET_200 : (enum get_does)below(GET_DOES_COUNT);
    line->page.bytes = PAGE_BYTES_MIN + below(3000);
    line->page.needle_at = 60;
    line->expect = below(4) ? NULL : expects[below(5)];
    if (id && below(4) == 0) {
        unsigned equal = world.line[below(id)].equal;
        *line = world.line[equal];
        line->results = 0;
    }
}

static void write_input(void) {
    char url[200];
    snprintf(world.path, sizeof world.path, "/tmp/ringfetch-test-XXXXXX");
    int fd = mkstemp(world.path);
    EXPECT(fd >= 0);
    FILE *file = fdopen(fd, "w");
    for (unsigned i = 0; i < world.lines; i++) {
        struct line *line = &world.line[i];
        draw_line(line, i);
        page_url(&line->page, hosts[line->host], url, sizeof url);
        fprintf(file, "{\"url\":\"%s\",\"tag\":\"%u\"", url, i);
        if (line->expect)
            fprintf(file, ",\"expect\":[\"%s\"]", line->expect);
        if (line->equal % 7 == 3)
            fprintf(file, ",\"headers\":{\"X-A\":\"%u\"}", line->equal);
        fprintf(file, "}\n");
    }
    fclose(file);
}

/* ---- a run --------------------------------------------------------------------------------------------- */

static void open_engine(void) {
    struct rf_settings *settings = &world.settings;
    char why[512] = "";
    rf_settings_init(settings);
    settings->check = true;
    settings->confirms = below(4);
    settings->threads = 1;
    settings->concurrency = 1 + below(8);
    settings->per_host = 1 + below(6);
    settings->read_ahead = below(2) ? 1 + below(8) : 0;
    settings->stall_time_ms = 3000;
    settings->connect_timeout_ms = 2000;
    settings->retries = below(3);
    settings->unique = below(2) ? RF_UNIQUE_ALL : RF_UNIQUE_NONE;
    settings->title = below(4) == 0;
    settings->sniff_bytes = below(2) ? 65536 : 200;
    EXPECT(rf_engine_open(&world.engine, settings, why, sizeof why) == RF_OK);
    rf_on_result(world.engine, on_result, NULL);
    world.engine->confirm_pause_ns = below(3) * NS_PER_MS;
}

static void check_progress(void) {
    struct rf_progress progress;
    uint64_t sum = 0;
    rf_progress(world.engine, &progress);
    EXPECT(progress.input_ended && progress.unconfirmed == 0 && progress.in_flight == 0);
    EXPECT(progress.done == progress.queued && progress.done == progress.ok + progress.failed);
    for (unsigned i = 0; i < RF_VERDICTS; i++) {
        EXPECT(progress.by_verdict[i] == world.verdicts[i]);
        sum += progress.by_verdict[i];
    }
    EXPECT(sum == progress.done);
    for (unsigned i = 0; i < RF_KINDS_MAX; i++)
        EXPECT(progress.unconfirmed_by_kind[i] == 0);
}

/* Equal requests of one run have one verdict. */
static void check_twins(void) {
    for (unsigned i = 0; i < world.lines; i++) {
        const struct line *line = &world.line[i], *first = &world.line[line->equal];
        if (world.settings.unique != RF_UNIQUE_ALL || !line->results || line->equal == i)
            continue;
        EXPECT(first->results && line->verdict == first->verdict);
        twins++;
    }
}

static void run_once(unsigned run) {
    char why[512] = "";
    world.lines = 1 + below(LINES_MAX);
    world.moment = run == 0 && below(2) ? (enum moment)below(MOMENTS) : MOMENT_NEVER;
    world.stop_after = 1 + below(world.lines);
    world.stopped = world.no_network = false;
    if (below(8) == 0)
        world.no_network = true;
    world.results = 0;
    /* Pages of their own: a server may still be hearing of an earlier run's, which was stopped, on the ring's thread. */
    world.first_id = run * LINES_MAX;
    write_input();
    EXPECT(rf_add_input_file(world.engine, world.path, why, sizeof why) == RF_OK);
    enum rf_exit result = rf_run(world.engine);
    EXPECT((result == RF_INTERRUPTED) == world.stopped);
    EXPECT(world.stopped || world.results == world.lines);
    check_progress();
    check_twins();
    unlink(world.path);
}

static void run_seed(uint64_t seed) {
    struct sim_options options;
    world = (struct world){.seed = seed, .gentle = seed % 2};
    random_seed(&world.random, seed);
    sim_options_swarm(&options, seed);
    options.wait_for_wake = true;
    options.outside_ms = seed % 16 == 0;
    if (world.gentle)
        memset(options.chance, 0, sizeof options.chance);
    sim_configure(&options);
    check_model_init(&world.model, seed);
    sim_listen("192.0.2.1", 81, &check_model_ops, &world.model);
    sim_listen("192.0.2.2", 81, &check_model_ops, &world.model);
    sim_blackhole("192.0.2.9");
    open_engine();
    for (unsigned run = 0; run < RUNS; run++)
        run_once(run);
    rf_engine_close(world.engine);
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0 && report.slots_used == 0);
    EXPECT(world.model.peers == 0);
}

static void test_each_line_has_one_result(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        run_seed(seed);
    if (seeds >= SEEDS)
        assert_true(confirmed > seeds && unconfirmed > seeds / 10 && twins > seeds);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_line_has_one_result)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
