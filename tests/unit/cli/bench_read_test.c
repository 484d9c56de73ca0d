/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read_test.c: what was written comes back, and what was not written by us is refused in one line.
 */
#include "bench_saved_help.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

static char why[512];

/* ---- there and back ------------------------------------------------------------------------------- */

static bool is_same(double a, double b) {
    return isnan(a) ? isnan(b) : !(a < b) && !(a > b) && !isnan(b);
}

static void assert_same_tables(const struct rf_load_figures *a, const struct rf_load_figures *b) {
    assert_int_equal(a->second_count, b->second_count);
    assert_memory_equal(a->second, b->second, a->second_count * sizeof *a->second);
    assert_int_equal(a->block_count, b->block_count);
    for (size_t i = 0; i < a->block_count; i++) {
        const struct rf_load_block *one = &a->block[i], *other = &b->block[i];
        assert_int_equal(one->requests, other->requests);
        assert_int_equal(one->errors, other->errors);
        const double ones[] = {one->start_s, one->length_s, one->rps,    one->mean_ns,
                               one->p50_ns,  one->p90_ns,   one->p99_ns, one->error_share};
        const double others[] = {other->start_s, other->length_s,   other->rps,
                                 other->mean_ns, other->p50_ns,     other->p90_ns,
                                 other->p99_ns,  other->error_share};
        for (size_t k = 0; k < sizeof ones / sizeof *ones; k++)
            assert_true(is_same(ones[k], others[k]));
    }
    assert_int_equal(a->entry_count, b->entry_count);
    for (size_t i = 0; i < a->entry_count; i++) {
        assert_string_equal(a->entry[i].name, b->entry[i].name);
        assert_true(is_same(a->entry[i].weight, b->entry[i].weight));
        assert_int_equal(a->entry[i].requests, b->entry[i].requests);
        assert_int_equal(a->entry[i].errors, b->entry[i].errors);
        assert_int_equal(a->entry[i].bytes, b->entry[i].bytes);
        assert_same_histogram(a->entry[i].latency, b->entry[i].latency);
    }
}

static void assert_same_text(const char *a, const char *b) {
    assert_int_equal(!a, !b);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same_side(const struct rf_load_figures *a, const struct rf_load_figures *b) {
    assert_true(is_same(a->seconds, b->seconds) && is_same(a->rps, b->rps) &&
                is_same(a->rps_scheduled, b->rps_scheduled) &&
                is_same(a->cpu_user_s, b->cpu_user_s) && is_same(a->cpu_system_s, b->cpu_system_s));
    assert_int_equal(a->requests, b->requests);
    assert_int_equal(a->errors, b->errors);
    assert_int_equal(a->received_bytes, b->received_bytes);
    assert_int_equal(a->sent_bytes, b->sent_bytes);
    assert_int_equal(a->body_bytes, b->body_bytes);
    assert_memory_equal(a->status, b->status, sizeof a->status);
    assert_memory_equal(a->errors_by_kind, b->errors_by_kind, sizeof a->errors_by_kind);
    assert_int_equal(a->connects, b->connects);
    assert_int_equal(a->tls_resumed, b->tls_resumed);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->connections_max, b->connections_max);
    assert_int_equal(a->outstanding_max, b->outstanding_max);
    assert_same_text(a->first_error, b->first_error);
    assert_same_text(a->url, b->url);
    assert_same_text(a->ip, b->ip);
    assert_same_text(a->server, b->server);
    assert_same_text(a->tls_version, b->tls_version);
    assert_same_text(a->tls_cipher, b->tls_cipher);
    assert_same_histogram(a->latency, b->latency);
    assert_same_histogram(a->raw, b->raw);
    assert_same_histogram(a->slip, b->slip);
    assert_same_histogram(a->first_byte, b->first_byte);
    assert_same_histogram(a->connect, b->connect);
    assert_same_histogram(a->tls, b->tls);
    assert_same_tables(a, b);
}

static void assert_same_comparison(const struct rf_comparison *a, const struct rf_comparison *b) {
    assert_int_equal(!a, !b);
    if (!a)
        return;
    assert_int_equal(a->verdict, b->verdict);
    assert_same_text(a->reason, b->reason);
    for (unsigned i = 0; i < RF_METRICS; i++) {
        assert_int_equal(a->metric[i].judged, b->metric[i].judged);
        assert_true(is_same(a->metric[i].a, b->metric[i].a));
        assert_true(is_same(a->metric[i].b, b->metric[i].b));
        assert_true(is_same(a->metric[i].change, b->metric[i].change));
        assert_true(is_same(a->metric[i].low, b->metric[i].low));
        assert_true(is_same(a->metric[i].high, b->metric[i].high));
        assert_int_equal(a->metric[i].verdict, b->metric[i].verdict);
        assert_int_equal(a->metric[i].samples, b->metric[i].samples);
    }
}

static void assert_same_run(const struct bench_run *a, const struct bench_run *b) {
    for (unsigned side = 0; side < RF_SIDES; side++) {
        assert_int_equal(!a->side[side], !b->side[side]);
        if (a->side[side])
            assert_same_side(a->side[side], b->side[side]);
    }
    assert_same_comparison(a->comparison, b->comparison);
    assert_int_equal(!a->baseline, !b->baseline);
    if (a->baseline)
        assert_same_side(a->baseline, b->baseline);
    assert_same_text(a->baseline_path, b->baseline_path);
    assert_same_text(a->incomparable, b->incomparable);
    assert_int_equal(a->machine.limits, b->machine.limits);
    assert_int_equal(a->machine.threads, b->machine.threads);
    assert_true(is_same(a->machine.worker_cpu, b->machine.worker_cpu) &&
                is_same(a->machine.process_cpu, b->machine.process_cpu) &&
                is_same(a->machine.machine_cpu, b->machine.machine_cpu));
    char text[256];
    assert_null(bench_fingerprint_differs(&a->fingerprint, &b->fingerprint, text, sizeof text));
    assert_string_equal(a->fingerprint.url, b->fingerprint.url);
    assert_string_equal(a->fingerprint.host, b->fingerprint.host);
    assert_int_equal(a->threshold_count, b->threshold_count);
    for (size_t i = 0; i < a->threshold_count; i++) {
        assert_string_equal(a->threshold[i].text, b->threshold[i].text);
        assert_string_equal(a->threshold[i].shown, b->threshold[i].shown);
        assert_int_equal(a->threshold[i].known, b->threshold[i].known);
        assert_int_equal(a->threshold[i].failed, b->threshold[i].failed);
        assert_true(is_same(a->threshold[i].actual, b->threshold[i].actual));
        assert_true(is_same(a->threshold[i].limit, b->threshold[i].limit));
    }
    assert_true(is_same(a->confidence, b->confidence) && is_same(a->min_effect, b->min_effect));
    assert_int_equal(a->runs, b->runs);
    assert_int_equal(a->interrupted, b->interrupted);
    assert_int_equal(a->exit, b->exit);
    assert_int_equal(a->started_us, b->started_us);
}

static void assert_comes_back(const struct bench_run *run) {
    struct bench_saved saved;
    char *path = save_run(run);
    if (!bench_json_read(path, &saved, why, sizeof why))
        fail_msg("%s", why);
    assert_same_run(run, &saved.run);
    char *before = write_run(run), *after = write_run(&saved.run);
    assert_string_equal(before, after);
    free(before);
    free(after);
    bench_saved_deinit(&saved);
    forget(path);
}

static void test_round_trip(void **state) {
    (void)state;
    struct made_side a, b;
    make_side(&a, 1);
    make_side(&b, 7);
    struct bench_threshold thresholds[] = {
        {"p99>20ms", true, true, 2.5e7, 2e7, "p99 is 25 ms, allowed is 20 ms"},
        {"p50>+5%", false, false, 0, 0, "p50 can't be told: there is no baseline"}};
    struct rf_comparison comparison = make_comparison();
    struct bench_run run = make_run(&a, NULL);
    assert_comes_back(&run);
    run.threshold = thresholds;
    run.threshold_count = 2;
    run.comparison = &comparison;
    run.baseline = &b.figures;
    run.baseline_path = "old\n.json";
    run.incomparable = "another kernel";
    assert_comes_back(&run);
    run = make_run(&a, &b);
    run.comparison = &comparison;
    run.interrupted = true;
    run.runs = 4;
    run.machine = (struct rf_load_machine){.machine_cpu = -1};
    assert_comes_back(&run);
    drop_side(&a);
    drop_side(&b);
}

static void test_empty_run(void **state) {
    (void)state;
    struct made_side a = {.figures = {.url = "http://127.0.0.1/"}};
    struct bench_run run = make_run(&a, NULL);
    assert_comes_back(&run);
    a.histogram[0] = rf_histogram_new(HOUR_NS);
    a.figures.latency = a.histogram[0];
    assert_comes_back(&run);
    rf_histogram_record(a.histogram[0], 123456789);
    assert_comes_back(&run);
    rf_histogram_record(a.histogram[0], 123456789);
    assert_comes_back(&run);
    rf_histogram_record(a.histogram[0], HOUR_NS * 2); /* clipped */
    rf_histogram_record(a.histogram[0], 0);
    assert_comes_back(&run);
    drop_side(&a);
}

/* Least, largest and mean are as exact as they were, whatever shape it has. */
static void test_exact_figures(void **state) {
    (void)state;
    struct made_side a = {.figures = {.url = "http://127.0.0.1/"}};
    struct bench_run run = make_run(&a, NULL);
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct rf_histogram *made =
            make_histogram(UINT64_C(1) << (seed / 2), 1 + (unsigned)(seed * seed), seed);
        a.figures.latency = made;
        /* As far as a double counts without gaps: some hundred days of latency. */
        while (rf_histogram_mean(made) * (double)rf_histogram_total(made) < 0x1p51 && seed % 4)
            rf_histogram_merge(made, made);
        assert_comes_back(&run);
        rf_histogram_free(made);
    }
}

/* ---- what is refused ------------------------------------------------------------------------------ */

static void assert_refused(const char *text, size_t count, const char *says) {
    struct bench_saved saved;
    char *path = save_text(text, count);
    memset(why, 0, sizeof why);
    assert_false(bench_json_read(path, &saved, why, sizeof why));
    assert_memory_equal(why, path, strlen(path));
    assert_true(strlen(why) > strlen(path) + 2);
    assert_null(strpbrk(why, "\n\033"));
    if (!strstr(why, says))
        fail_msg("\"%s\" does not say \"%s\"", why, says);
    bench_saved_deinit(&saved); /* allowed, though there is nothing */
    forget(path);
}

static void test_cut_off(void **state) {
    (void)state;
    struct made_side a;
    make_side(&a, 1);
    for (unsigned i = 0; i < MADE_HISTOGRAMS; i++) {
        rf_histogram_free(a.histogram[i]);
        a.histogram[i] = NULL;
    }
    a.histogram[0] = make_histogram(2000, 10, 1);
    struct made_side small = a;
    small.figures.latency = a.histogram[0];
    small.figures.raw = small.figures.slip = small.figures.first_byte = NULL;
    small.figures.connect = small.figures.tls = NULL;
    small.figures.entry_count = small.figures.block_count = 1;
    small.entry[0].latency = NULL;
    small.figures.entry = small.entry;
    struct bench_run run = make_run(&small, NULL);
    char *text = write_run(&run);
    size_t count = strlen(text);
    for (size_t i = 0; i + 2 < count; i++)
        assert_refused(text, i, "");
    free(text);
    drop_side(&a);
}

static void test_foreign(void **state) {
    (void)state;
    static const char *const others[] = {"",
                                         "null",
                                         "[]",
                                         "{}",
                                         "17",
                                         "{\"v\":1}",
                                         "{\"v\":1,\"url\":\"http://127.0.0.1/\",\"ok\":true}",
                                         "{\"v\":1,\"fingerprint\":{}}",
                                         "{\"v\":\"1\",\"fingerprint\":{}}",
                                         "{\"v\":0,\"fingerprint\":{}}",
                                         "Dear Sir or Madam,\n\033[31m",
                                         "{\"v\":1,\"v\":1}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_refused(others[i], strlen(others[i]), "not ");
    assert_refused("{\"v\":2,\"fingerprint\":{}}", 24, "newer");
    assert_refused("{\"v\":2,\"fingerprint\":{}}", 24, "\"v\" is 2");
    struct bench_saved saved;
    assert_false(bench_json_read("/nowhere/\033x", &saved, why, sizeof why));
    assert_string_equal(why, "/nowhere/\\x1bx: No such file or directory");
    assert_false(bench_json_read("/tmp", &saved, why, sizeof why));
    assert_string_equal(why, "/tmp: Is a directory");
}

/* Each member in turn becomes something that it can't be. */
static void test_wrong_types(void **state) {
    (void)state;
    struct made_side a, b;
    make_side(&a, 1);
    make_side(&b, 2);
    struct rf_comparison comparison = make_comparison();
    struct bench_run run = make_run(&a, &b);
    run.comparison = &comparison;
    char *text = write_run(&run);
    json_t *top = json_loads(text, 0, NULL), *value;
    const char *name;
    void *next;
    static const char *const derived[] = {"generator_limited", "verdict"};
    json_object_foreach_safe(json_object_get(top, "a"), next, name, value) {
        json_t *copy = json_deep_copy(top);
        bool is_derived = strstr(name, "_us") || strcmp(name, "cpu_us_per_request") == 0;
        json_object_set_new(json_object_get(copy, "a"), name, json_pack("[s]", "nonsense"));
        char *changed = json_dumps(copy, 0);
        if (!is_derived)
            assert_refused(changed, strlen(changed), name);
        free(changed);
        json_decref(copy);
    }
    json_object_foreach_safe(top, next, name, value) {
        if (json_object_get(json_object_get(top, "a"), name) || strcmp(name, derived[0]) == 0 ||
            strcmp(name, derived[1]) == 0 || strcmp(name, "v") == 0)
            continue;
        json_t *copy = json_deep_copy(top);
        json_object_set_new(copy, name, json_pack("[s]", "nonsense"));
        char *changed = json_dumps(copy, 0);
        assert_refused(changed, strlen(changed), name);
        free(changed);
        json_decref(copy);
    }
    json_decref(top);
    free(text);
    drop_side(&a);
    drop_side(&b);
}

static void test_damaged_histograms(void **state) {
    (void)state;
    static const struct {
        const char *member, *value, *says;
    } rows[] = {{"encoded", "\"HISTFAAAnonsense\"", "damaged"},
                {"encoded", "\"\"", "damaged"},
                {"encoded", "null", "not a histogram"},
                {"unit", "\"us\"", "not a histogram"},
                {"count", "7", "contradict"},
                {"highest", "7", "contradict"},
                {"min", "0", "contradict"},
                {"min", "9000000000000000000", "contradict"},
                {"max", "0", "contradict"},
                {"max", "3600000000000", "contradict"},
                {"count", "-1", "whole number"},
                {"count", "1.5", "whole number"}};
    struct made_side a;
    make_side(&a, 1);
    struct bench_run run = make_run(&a, NULL);
    char *text = write_run(&run);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *top = json_loads(text, 0, NULL);
        json_object_set_new(json_object_get(top, "histogram"), rows[i].member,
                            json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        char *changed = json_dumps(top, 0);
        assert_refused(changed, strlen(changed), rows[i].says);
        free(changed);
        json_decref(top);
    }
    free(text);
    drop_side(&a);
}

/* A mean that can't be is no reason to refuse, and none to leave the buckets. */
static void test_impossible_mean(void **state) {
    (void)state;
    static const char *const means[] = {"-1e300", "0", "1e300"};
    struct made_side a;
    make_side(&a, 1);
    struct bench_run run = make_run(&a, NULL);
    char *text = write_run(&run);
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        json_t *top = json_loads(text, 0, NULL);
        json_object_set_new(json_object_get(top, "histogram"), "mean",
                            json_loads(means[i], JSON_DECODE_ANY, NULL));
        char *changed = json_dumps(top, 0);
        char *path = save_text(changed, strlen(changed));
        struct bench_saved saved;
        assert_true(bench_json_read(path, &saved, why, sizeof why));
        assert_int_equal(rf_histogram_total(saved.run.side[0]->latency), 1000);
        double mean = rf_histogram_mean(saved.run.side[0]->latency);
        assert_true(fabs(mean / rf_histogram_mean(a.figures.latency) - 1) < 0.001);
        bench_saved_deinit(&saved);
        forget(path);
        free(changed);
        json_decref(top);
    }
    free(text);
    drop_side(&a);
}

/* Members and columns that a later version adds, kinds that it knows. */
static void test_later_additions(void **state) {
    (void)state;
    struct made_side a;
    make_side(&a, 1);
    struct bench_run run = make_run(&a, NULL);
    char *text = write_run(&run);
    json_t *top = json_loads(text, 0, NULL);
    json_object_set_new(top, "later", json_pack("{s:i}", "x", 1));
    json_object_set_new(json_object_get(top, "errors_by_kind"), "new-kind", json_integer(3));
    json_t *blocks = json_object_get(top, "blocks"), *row;
    json_array_insert_new(json_object_get(blocks, "columns"), 0, json_string("later"));
    size_t i;
    json_array_foreach(json_object_get(blocks, "rows"), i, row)
        json_array_insert_new(row, 0, json_integer(7));
    char *changed = json_dumps(top, 0);
    char *path = save_text(changed, strlen(changed));
    struct bench_saved saved;
    assert_true(bench_json_read(path, &saved, why, sizeof why));
    assert_same_run(&run, &saved.run);
    bench_saved_deinit(&saved);
    forget(path);
    free(changed);
    json_decref(top);
    free(text);
    drop_side(&a);
}

/* Single bytes become others: anything may come of it but a crash or no text. */
static void test_garbled(void **state) {
    (void)state;
    struct made_side a = {.figures = {.url = "http://127.0.0.1/"}};
    a.histogram[0] = make_histogram(3000, 50, 3);
    a.figures.latency = a.histogram[0];
    struct bench_run run = make_run(&a, NULL);
    char *text = write_run(&run);
    size_t count = strlen(text);
    for (size_t i = 0; i < count; i++) {
        char kept = text[i];
        struct bench_saved saved;
        text[i] = (char)(kept ^ (1 << i % 7));
        char *path = save_text(text, count);
        *why = '\0';
        if (bench_json_read(path, &saved, why, sizeof why))
            bench_saved_deinit(&saved);
        else
            assert_true(*why);
        forget(path);
        text[i] = kept;
    }
    free(text);
    drop_side(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty_run),
        cmocka_unit_test(test_exact_figures),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_damaged_histograms),
        cmocka_unit_test(test_impossible_mean),
        cmocka_unit_test(test_later_additions),
        cmocka_unit_test(test_garbled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
