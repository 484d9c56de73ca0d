/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_merge_test.c: shards and reruns become one, without loss and in whatever order; what does not belong together stays apart.
 */
#include "bench_saved_help.h"

#include <jansson.h>

#include "../../../tools/ringfetch/commands.h"

enum { SECOND_US = 1000000, FILES_MAX = 8 };

/* Runs of one side, saved. */
struct files {
    char *path[FILES_MAX];
    struct made_side side[FILES_MAX], other[FILES_MAX];
    struct bench_run run[FILES_MAX];
    unsigned count;
};

static int set_up(void **state) {
    *state = calloc(1, sizeof(struct files));
    fake_reset();
    return 0;
}

static int tear_down(void **state) {
    struct files *files = *state;
    for (unsigned i = 0; i < files->count; i++) {
        drop_side(&files->side[i]);
        drop_side(&files->other[i]);
        if (files->path[i])
            forget(files->path[i]);
    }
    free(files);
    return 0;
}

/* One more, `start_s` after the first; not saved yet. */
static struct bench_run *add(struct files *files, double start_s) {
    unsigned i = files->count++;
    make_side(&files->side[i], i * 11 + 1);
    files->run[i] = make_run(&files->side[i], NULL);
    files->run[i].started_us += (int64_t)(start_s * SECOND_US);
    files->run[i].machine.limits = 0;
    return &files->run[i];
}

static void save(struct files *files) {
    for (unsigned i = 0; i < files->count; i++)
        files->path[i] = save_run(&files->run[i]);
}

/* Merges the files named and saves what comes out under a new name; NULL where it failed. */
static char *merge(struct fake_printed *printed, const char *const *paths) {
    const char *words[FILES_MAX + 4] = {"merge"};
    for (unsigned i = 0; paths[i]; i++)
        words[i + 1] = paths[i];
    *printed = fake_run(cmd_merge, words);
    return printed->status ? NULL : save_text(printed->out, strlen(printed->out));
}

static void read_merged(struct bench_saved *saved, const char *const *paths) {
    struct fake_printed printed;
    char why[512];
    char *path = merge(&printed, paths);
    if (!path)
        fail_msg("%s", printed.err);
    assert_string_equal(printed.err, "");
    if (!bench_json_read(path, saved, why, sizeof why))
        fail_msg("%s", why);
    forget(path);
}

static void assert_near(double a, double b) {
    if (fabs(a - b) > 1e-9 * fabs(b))
        fail_msg("%.17g is not %.17g", a, b);
}

/* ---- one ------------------------------------------------------------------------------------------ */

static void test_one_file(void **state) {
    struct files *files = *state;
    struct fake_printed printed;
    add(files, 0);
    save(files);
    char *before = write_run(&files->run[0]);
    char *path = merge(&printed, (const char *const[]){files->path[0], NULL});
    assert_non_null(path);
    assert_string_equal(printed.out, before);
    free(before);
    forget(path);
}

/* ---- times ---------------------------------------------------------------------------------------- */

static void test_reruns(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    for (unsigned i = 0; i < 3; i++)
        add(files, i * 20)->machine.threads = 2;
    save(files);
    read_merged(&saved,
                (const char *const[]){files->path[2], files->path[0], files->path[1], NULL});
    const struct rf_load_figures *sum = saved.run.side[RF_SIDE_A];
    assert_int_equal(saved.run.runs, 3);
    assert_int_equal(saved.run.started_us, files->run[0].started_us);
    assert_int_equal(sum->requests, 3 * 1000 + 1 + 12 + 23);
    assert_near(sum->seconds, 9);
    assert_near(sum->rps, 3036.0 / 9);
    assert_near(sum->rps_scheduled, 333.25);
    assert_int_equal(sum->connections, 50);
    assert_int_equal(sum->connections_max, 55);
    assert_int_equal(sum->connects, 180);
    assert_int_equal(saved.run.machine.threads, 2);
    assert_int_equal(sum->second_count, 3 * MADE_SECONDS);
    assert_near(sum->second[MADE_SECONDS].start_s, 20);
    assert_int_equal(sum->second[MADE_SECONDS].requests, files->side[1].second[0].requests);
    assert_int_equal(sum->block_count, 3 * MADE_BLOCKS);
    assert_near(sum->block[2 * MADE_BLOCKS + 1].start_s, 40.1);
    bench_saved_deinit(&saved);
}

static void test_shards(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    for (unsigned i = 0; i < 3; i++)
        add(files, i * 0.2)->machine.threads = 2;
    save(files);
    read_merged(&saved,
                (const char *const[]){files->path[1], files->path[2], files->path[0], NULL});
    const struct rf_load_figures *sum = saved.run.side[RF_SIDE_A];
    assert_near(sum->seconds, 3);
    assert_near(sum->rps, 3036.0 / 3);
    assert_near(sum->rps_scheduled, 3 * 333.25);
    assert_int_equal(sum->connections, 150);
    assert_int_equal(sum->connections_max, 165);
    assert_int_equal(sum->outstanding_max, 369);
    assert_int_equal(saved.run.machine.threads, 6);
    assert_int_equal(sum->second_count, MADE_SECONDS);
    for (unsigned i = 0; i < MADE_SECONDS; i++) {
        assert_near(sum->second[i].start_s, i);
        assert_int_equal(sum->second[i].requests, 3 * (100 + i) + 1 + 12 + 23);
        assert_int_equal(sum->second[i].errors, 3 * i);
        assert_int_equal(sum->second[i].connections, 150);
        assert_int_equal(sum->second[i].p50_ns, 1000001);
        assert_int_equal(sum->second[i].max_ns, 9000009 + i);
    }
    assert_int_equal(sum->block_count, 3 * MADE_BLOCKS);
    for (unsigned i = 1; i < sum->block_count; i++)
        assert_true(sum->block[i].start_s >= sum->block[i - 1].start_s);
    bench_saved_deinit(&saved);
}

/* Two times two shards; and a rerun that begins as the last one drains. */
static void test_shards_again(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    static const double starts[] = {0, 0.1, 30, 30.3, 32.5};
    for (unsigned i = 0; i < 5; i++)
        add(files, starts[i]);
    save(files);
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], files->path[2],
                                              files->path[3], files->path[4], NULL});
    const struct rf_load_figures *sum = saved.run.side[RF_SIDE_A];
    assert_near(sum->seconds, 9);
    assert_near(sum->rps_scheduled, (2 + 2 + 1) * 333.25 / 3);
    assert_int_equal(sum->connections_max, 110);
    bench_saved_deinit(&saved);
}

/* Requests that ended when the time was over are none of the rate's, in one run or in several. */
static void test_late_answers(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    static const double starts[] = {0, 0.1, 50};
    for (unsigned i = 0; i < 3; i++) {
        add(files, starts[i]);
        files->side[i].figures.rps = 80;
    }
    save(files);
    read_merged(&saved,
                (const char *const[]){files->path[0], files->path[1], files->path[2], NULL});
    assert_near(saved.run.side[RF_SIDE_A]->rps, (2 * 80 * 3 + 80 * 3) / 6.0);
    bench_saved_deinit(&saved);
}

/* The last second of a run may be short, and the next run begin soon after it. */
static void test_a_rerun_begins_at_once(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    for (unsigned i = 0; i < 2; i++)
        add(files, i * 2.3);
    for (unsigned i = 0; i < 2; i++) {
        files->side[i].second[MADE_SECONDS - 1].length_s = 0.2;
        files->side[i].figures.seconds = 2.2;
    }
    save(files);
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], NULL});
    const struct rf_load_figures *sum = saved.run.side[RF_SIDE_A];
    assert_int_equal(sum->second_count, 2 * MADE_SECONDS);
    assert_int_equal(sum->second[2].requests, files->side[0].second[2].requests);
    assert_near(sum->second[3].start_s, 2.3);
    bench_saved_deinit(&saved);
}

/* ---- without loss --------------------------------------------------------------------------------- */

static void assert_same_sums(const struct rf_load_figures *a, const struct rf_load_figures *b) {
    assert_int_equal(a->requests, b->requests);
    assert_int_equal(a->errors, b->errors);
    assert_int_equal(a->received_bytes, b->received_bytes);
    assert_memory_equal(a->status, b->status, sizeof a->status);
    assert_memory_equal(a->errors_by_kind, b->errors_by_kind, sizeof a->errors_by_kind);
    assert_same_histogram(a->latency, b->latency);
    assert_same_histogram(a->raw, b->raw);
    assert_same_histogram(a->slip, b->slip);
    assert_same_histogram(a->first_byte, b->first_byte);
    assert_same_histogram(a->connect, b->connect);
    assert_same_histogram(a->tls, b->tls);
    assert_int_equal(a->entry_count, b->entry_count);
    for (size_t i = 0; i < a->entry_count; i++) {
        assert_string_equal(a->entry[i].name, b->entry[i].name);
        assert_int_equal(a->entry[i].requests, b->entry[i].requests);
        assert_same_histogram(a->entry[i].latency, b->entry[i].latency);
    }
}

static void test_associative(void **state) {
    struct files *files = *state;
    struct fake_printed printed;
    struct bench_saved left, right, all;
    static const double starts[] = {0, 0.1, 50};
    for (unsigned i = 0; i < 3; i++)
        add(files, starts[i]);
    save(files);
    const char *const *path = (const char *const *)files->path;
    char *first = merge(&printed, (const char *const[]){path[0], path[1], NULL});
    char *last = merge(&printed, (const char *const[]){path[2], path[1], NULL});
    read_merged(&left, (const char *const[]){first, path[2], NULL});
    read_merged(&right, (const char *const[]){path[0], last, NULL});
    read_merged(&all, (const char *const[]){path[2], path[1], path[0], NULL});
    assert_same_sums(left.run.side[0], right.run.side[0]);
    assert_same_sums(left.run.side[0], all.run.side[0]);
    assert_int_equal(left.run.runs, 3);
    assert_int_equal(right.run.runs, 3);
    struct rf_histogram *sum = rf_histogram_new(HOUR_NS);
    for (unsigned i = 0; i < 3; i++)
        assert_true(rf_histogram_merge(sum, files->side[i].figures.latency));
    assert_same_histogram(sum, all.run.side[0]->latency);
    rf_histogram_free(sum);
    bench_saved_deinit(&left);
    bench_saved_deinit(&right);
    bench_saved_deinit(&all);
    forget(first);
    forget(last);
}

static void test_entries(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    for (unsigned i = 0; i < 2; i++)
        add(files, i * 10);
    files->side[0].entry[0].name = files->side[0].entry[1].name = "same"; /* twice */
    files->side[1].entry[0].name = "new";
    files->side[1].entry[1].name = "same";
    files->side[1].entry[1].latency = NULL;
    save(files);
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], NULL});
    const struct rf_load_figures *sum = saved.run.side[RF_SIDE_A];
    assert_int_equal(sum->entry_count, 3);
    assert_string_equal(sum->entry[0].name, "same");
    assert_int_equal(sum->entry[0].requests, 1000);
    assert_int_equal(sum->entry[1].requests, 500);
    assert_string_equal(sum->entry[2].name, "new");
    assert_same_histogram(sum->entry[0].latency, files->side[0].entry[0].latency);
    assert_same_histogram(sum->entry[2].latency, files->side[1].entry[0].latency);
    bench_saved_deinit(&saved);
}

/* ---- verdicts ------------------------------------------------------------------------------------- */

static void test_two_servers(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    struct rf_comparison comparison = make_comparison();
    for (unsigned i = 0; i < 2; i++) {
        struct bench_run *run = add(files, i * 10);
        make_side(&files->other[i], 100 + i);
        run->side[RF_SIDE_B] = &files->other[i].figures;
        run->comparison = &comparison;
    }
    save(files);
    fake_load.comparison = make_comparison();
    fake_load.comparison.verdict = RF_CHANGE_IMPROVED;
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], NULL});
    assert_int_equal(saved.run.side[RF_SIDE_A]->requests, 2013);
    assert_int_equal(saved.run.side[RF_SIDE_B]->requests, 2201);
    assert_int_equal(saved.run.side[RF_SIDE_B]->block_count, 2 * MADE_BLOCKS);
    assert_non_null(saved.run.comparison);
    assert_int_equal(saved.run.comparison->verdict, RF_CHANGE_IMPROVED);
    bench_saved_deinit(&saved);
}

static void test_baselines(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    struct rf_comparison comparison = make_comparison();
    for (unsigned i = 0; i < 2; i++) {
        struct bench_run *run = add(files, i * 10);
        make_side(&files->other[i], 100);
        run->baseline = &files->other[i].figures;
        run->baseline_path = "main.json";
        run->comparison = &comparison;
    }
    save(files);
    fake_load.comparison = make_comparison();
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], NULL});
    assert_non_null(saved.run.baseline);
    assert_int_equal(saved.run.baseline->requests, 1100);
    assert_int_equal(saved.run.exit, 5);
    bench_saved_deinit(&saved);
    forget(files->path[1]);
    comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    files->run[1].incomparable = "another kernel";
    files->path[1] = save_run(&files->run[1]);
    read_merged(&saved, (const char *const[]){"--force", files->path[1], files->path[1], NULL});
    assert_string_equal(saved.run.incomparable, "another kernel");
    assert_int_equal(saved.run.comparison->verdict, RF_CHANGE_INCONCLUSIVE);
    bench_saved_deinit(&saved);
    forget(files->path[1]);
    files->run[1].baseline_path = "other.json";
    files->path[1] = save_run(&files->run[1]);
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], NULL});
    assert_null(saved.run.baseline);
    assert_null(saved.run.comparison);
    bench_saved_deinit(&saved);
}

/* Each condition once, judged by what the sum is. */
static void test_thresholds(void **state) {
    struct files *files = *state;
    struct bench_saved saved;
    struct bench_threshold first[] = {{.text = "rps<500"}, {.text = "errors>10"}};
    struct bench_threshold second[] = {{.text = "errors>10"}, {.text = "p99>+5%"}};
    struct bench_run *run = add(files, 0);
    run->threshold = first;
    run->threshold_count = 2;
    run = add(files, 0);
    run->threshold = second;
    run->threshold_count = 2;
    run->machine.limits = RF_LIMIT_PORTS;
    run->interrupted = true;
    save(files);
    read_merged(&saved, (const char *const[]){files->path[0], files->path[1], NULL});
    assert_int_equal(saved.run.threshold_count, 3);
    assert_true(saved.run.threshold[0].known);
    assert_false(saved.run.threshold[0].failed); /* 2,013 in three seconds */
    assert_true(saved.run.threshold[1].failed);  /* twelve */
    assert_false(saved.run.threshold[2].known);
    assert_int_equal(saved.run.machine.limits, RF_LIMIT_PORTS);
    assert_true(saved.run.interrupted);
    assert_int_equal(saved.run.exit, 130);
    bench_saved_deinit(&saved);
}

/* ---- what is refused ------------------------------------------------------------------------------ */

static void assert_refused(const char *const *words, int status, const char *says) {
    struct fake_printed printed = fake_run(cmd_merge, words);
    assert_int_equal(printed.status, status);
    assert_string_equal(printed.out, "");
    assert_memory_equal(printed.err, "ringfetch merge: ", 17);
    assert_ptr_equal(strchr(printed.err, '\n'), printed.err + strlen(printed.err) - 1);
    if (!strstr(printed.err, says))
        fail_msg("\"%s\" does not say \"%s\"", printed.err, says);
}

static void test_unlike(void **state) {
    struct files *files = *state;
    add(files, 0);
    add(files, 10)->fingerprint.cores = 8;
    struct bench_run *run = add(files, 20);
    make_side(&files->other[2], 5);
    run->side[RF_SIDE_B] = &files->other[2].figures;
    run = add(files, 30);
    struct rf_histogram *narrow = rf_histogram_new(1000000);
    rf_histogram_record(narrow, 5);
    files->side[3].figures.latency = narrow;
    save(files);
    char **path = files->path;
    assert_refused((const char *const[]){"merge", path[0], path[1], NULL}, RF_USAGE,
                   "another number of cores: 4 then, 8 now");
    assert_refused((const char *const[]){"merge", "--force", path[0], path[2], NULL}, RF_USAGE,
                   "compares two servers");
    assert_refused((const char *const[]){"merge", path[0], path[3], NULL}, RF_USAGE,
                   "another range");
    assert_refused((const char *const[]){"merge", path[0], path[0], NULL}, RF_USAGE,
                   "are the same run");
    struct bench_saved saved;
    read_merged(&saved, (const char *const[]){"--force", path[0], path[1], NULL});
    assert_int_equal(saved.run.fingerprint.cores, 4);
    bench_saved_deinit(&saved);
    rf_histogram_free(narrow);
}

/* Counts from files add up to no crash. */
static void test_overflow(void **state) {
    struct files *files = *state;
    for (unsigned i = 0; i < 3; i++)
        add(files, i * 10)->side[0] = &files->side[i].figures;
    for (unsigned i = 0; i < 3; i++) {
        struct rf_histogram *full = rf_histogram_new(HOUR_NS);
        rf_histogram_record(full, 1000);
        for (unsigned bit = 0; bit < 62; bit++)
            rf_histogram_merge(full, full);
        rf_histogram_free(files->side[i].histogram[0]);
        files->side[i].histogram[0] = full;
        files->side[i].figures.latency = full;
        files->side[i].figures.requests = INT64_MAX;
    }
    save(files);
    assert_refused(
        (const char *const[]){"merge", files->path[0], files->path[1], files->path[2], NULL},
        RF_USAGE, "can be counted");
}

static void test_command(void **state) {
    struct files *files = *state;
    add(files, 0);
    add(files, 10);
    save(files);
    char **path = files->path;
    assert_refused((const char *const[]){"merge", NULL}, RF_USAGE, "nothing to merge");
    assert_refused((const char *const[]){"merge", "--rate", path[0], NULL}, RF_USAGE, "--rate");
    assert_refused((const char *const[]){"merge", path[0], "/nowhere/x", NULL}, RF_LOCAL_FAULT,
                   "/nowhere/x: No such file");
    assert_refused((const char *const[]){"merge", path[0], "/dev/null", NULL}, RF_LOCAL_FAULT,
                   "/dev/null: not JSON");
    assert_refused((const char *const[]){"merge", "--json", "/nowhere/out", path[0], path[1], NULL},
                   RF_LOCAL_FAULT, "/nowhere/out");
    assert_refused((const char *const[]){"merge", "--json", "-", "--hdr", "-", path[0], NULL},
                   RF_USAGE, "standard output");
    struct fake_printed help = fake_run(cmd_merge, (const char *const[]){"merge", "--help", NULL});
    assert_int_equal(help.status, 0);
    assert_non_null(strstr(help.out, "ringfetch merge [options] FILE..."));
}

/* With reports, JSON is one that must be asked for. */
static void test_reports(void **state) {
    struct files *files = *state;
    add(files, 0);
    add(files, 10);
    save(files);
    char *json = save_text("", 0), *junit = save_text("", 0);
    const char *words[] = {"merge", files->path[0], "--junit", junit, files->path[1], NULL};
    struct fake_printed printed = fake_run(cmd_merge, words);
    assert_int_equal(printed.status, 0);
    assert_string_equal(printed.out, "");
    const char *more[] = {"merge", files->path[0], "--json", json, files->path[1], NULL};
    printed = fake_run(cmd_merge, more);
    assert_int_equal(printed.status, 0);
    assert_string_equal(printed.out, "");
    struct bench_saved saved;
    char why[512];
    assert_true(bench_json_read(json, &saved, why, sizeof why));
    assert_int_equal(saved.run.runs, 2);
    bench_saved_deinit(&saved);
    forget(json);
    forget(junit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_file),     TEST(test_reruns),       TEST(test_shards),
        TEST(test_shards_again), TEST(test_late_answers), TEST(test_a_rerun_begins_at_once),
        TEST(test_associative),  TEST(test_entries),      TEST(test_two_servers),
        TEST(test_baselines),    TEST(test_thresholds),   TEST(test_unlike),
        TEST(test_overflow),     TEST(test_command),      TEST(test_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
