/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read.c: a run comes back from what bench_json.c wrote, for --baseline and merge. The file may be anybody's, cut off or of
 * another program: it ends in figures or in one line that says what is wrong with it. Main thread. Rejected: taking whatever is
 * there and calling the rest 0, since a baseline of half a file would make every run a regression.
 */
#include "bench_read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_json.h"
#include "text.h"

enum { FILE_BYTES_MAX = 256 << 20 }; /* a day of blocks is a third of it */

/* ---- the file ------------------------------------------------------------------------------------- */

/* All of it, in the reader's memory; NULL: a fault. */
static char *slurp(struct bench_reader *reader, FILE *file, size_t *count) {
    size_t room = 1 << 16;
    char *text = malloc(room);
    *count = 0;
    while (text) {
        size_t got = fread(text + *count, 1, room - *count, file);
        *count += got;
        if (!got || *count > FILE_BYTES_MAX)
            break;
        if (*count == room) {
            char *more = realloc(text, room *= 2);
            if (!more)
                free(text);
            text = more;
        }
    }
    if (!text) {
        read_out_of_memory(reader);
    } else if (ferror(file)) {
        read_fail(reader, "%s", strerror(errno));
    } else if (*count > FILE_BYTES_MAX) {
        read_fail(reader, "too large to be a result of ringfetch bench");
    }
    if (reader->failed) {
        free(text);
        return NULL;
    }
    return text;
}

static void free_tree(void *tree) {
    json_decref(tree);
}

static const json_t *parse(struct bench_reader *reader, const char *text, size_t count) {
    json_error_t error;
    char shown[JSON_ERROR_TEXT_LENGTH];
    json_t *tree = json_loadb(text, count, JSON_REJECT_DUPLICATES, &error);
    if (!tree) {
        read_fail(reader, "not JSON, or not all of it: line %d: %s", error.line,
                  text_escape(shown, sizeof shown, error.text));
        return NULL;
    }
    if (!bench_memory_keep(reader->memory, tree, free_tree)) {
        read_out_of_memory(reader);
        return NULL;
    }
    return tree;
}

static const json_t *load(struct bench_reader *reader) {
    FILE *file = fopen(reader->path, "re");
    if (!file) {
        read_fail(reader, "%s", strerror(errno));
        return NULL;
    }
    size_t count;
    char *text = slurp(reader, file, &count);
    fclose(file);
    const json_t *tree = text ? parse(reader, text, count) : NULL;
    free(text);
    return tree;
}

/* ---- members of the run --------------------------------------------------------------------------- */

static bool check_version(struct bench_reader *reader, const json_t *top) {
    const json_t *v = json_object_get(top, "v");
    if (!json_is_integer(v) || json_integer_value(v) < 1 || !json_object_get(top, "fingerprint"))
        return read_fail(reader, "not a result of ringfetch bench");
    if (json_integer_value(v) > BENCH_JSON_VERSION) {
        return read_fail(reader,
                         "of a newer ringfetch: its \"v\" is %" JSON_INTEGER_FORMAT
                         ", this one reads up to %d",
                         json_integer_value(v), BENCH_JSON_VERSION);
    }
    return true;
}

/* "2026-01-02T03:04:05.678901Z" */
static int64_t read_start(struct bench_reader *reader, const json_t *top) {
    const char *text = read_text(reader, top, "started");
    struct tm tm = {0};
    const char *at = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    int64_t us = 0, unit = 100000;
    if (!text)
        return 0;
    if (at && *at == '.') {
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
            us += (*at - '0') * unit;
    }
    time_t seconds = timegm(&tm);
    if (!at || strcmp(at, "Z") != 0 || seconds < 0) {
        read_fail(reader, "\"started\" is not a time such as 2026-01-02T03:04:05.678901Z");
        return 0;
    }
    return (int64_t)seconds * 1000000 + us;
}

static void read_generator(struct bench_reader *reader, const json_t *top,
                           struct rf_load_machine *machine) {
    const json_t *generator = read_object(reader, top, "generator");
    machine->threads = read_unsigned(reader, generator, "threads");
    machine->worker_cpu = read_number(reader, generator, "worker_cpu", 0);
    machine->process_cpu = read_number(reader, generator, "process_cpu", 0);
    machine->machine_cpu = read_number(reader, generator, "machine_cpu", -1);
    const json_t *limits = read_array(reader, top, "limits");
    for (size_t i = 0; i < json_array_size(limits); i++) {
        const char *name = json_string_value(json_array_get(limits, i));
        unsigned bit = 0;
        while (name && bench_limit_name(bit) && strcmp(bench_limit_name(bit), name) != 0)
            bit++;
        if (!name || !bench_limit_name(bit))
            read_fail(reader, "\"limits\" names what is no limit");
        else
            machine->limits |= 1U << bit;
    }
}

static void read_fingerprint(struct bench_reader *reader, const json_t *top,
                             struct bench_fingerprint *fingerprint) {
    const json_t *object = read_object(reader, top, "fingerprint");
    const struct {
        const char *name;
        char **place;
    } texts[] = {{"system", &fingerprint->system},   {"cpu", &fingerprint->cpu},
                 {"tls", &fingerprint->tls},         {"version", &fingerprint->version},
                 {"options", &fingerprint->options}, {"url", &fingerprint->url},
                 {"host", &fingerprint->host}};
    fingerprint->cores = read_unsigned(reader, object, "cores");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = read_text(reader, object, texts[i].name);
        *texts[i].place = strdup(text ? text : "");
        if (!*texts[i].place)
            read_out_of_memory(reader);
    }
}

static void read_thresholds(struct bench_reader *reader, const json_t *top, struct bench_run *run) {
    const json_t *thresholds = read_array(reader, top, "thresholds");
    size_t count = json_array_size(thresholds);
    run->threshold = bench_memory_take(reader->memory, count, sizeof *run->threshold);
    if (!run->threshold)
        read_out_of_memory(reader);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        const json_t *row = read_element(reader, thresholds, i, "thresholds");
        struct bench_threshold *threshold = &run->threshold[i];
        const char *text = read_text(reader, row, "text"), *shown = read_text(reader, row, "shown");
        threshold->text = text ? text : "";
        threshold->known = read_boolean(reader, row, "known");
        threshold->failed = read_boolean(reader, row, "failed");
        threshold->actual = read_number(reader, row, "actual", 0);
        threshold->limit = read_number(reader, row, "limit", 0);
        snprintf(threshold->shown, sizeof threshold->shown, "%s", shown ? shown : "");
        run->threshold_count = i + 1;
    }
}

static enum rf_change read_change(struct bench_reader *reader, const json_t *object) {
    const char *name = read_text(reader, object, "verdict");
    for (unsigned i = 0; name && i <= RF_CHANGE_INCONCLUSIVE; i++) {
        if (strcmp(name, rf_change_name((enum rf_change)i)) == 0)
            return (enum rf_change)i;
    }
    read_fail(reader, "\"comparison\" has a verdict that is none");
    return RF_CHANGE_INCONCLUSIVE;
}

static void read_comparison(struct bench_reader *reader, const json_t *top, struct bench_run *run) {
    const json_t *object = read_object(reader, top, "comparison");
    if (!object)
        return;
    struct rf_comparison *comparison = bench_memory_take(reader->memory, 1, sizeof *comparison);
    if (!comparison) {
        read_out_of_memory(reader);
        return;
    }
    const json_t *metrics = read_object(reader, object, "metrics");
    for (unsigned i = 0; i < RF_METRICS; i++) {
        const json_t *metric = read_object(reader, metrics, rf_metric_name((enum rf_metric)i));
        comparison->metric[i].judged = read_boolean(reader, metric, "judged");
        comparison->metric[i].a = read_number(reader, metric, "a", NAN);
        comparison->metric[i].b = read_number(reader, metric, "b", NAN);
        comparison->metric[i].change = read_number(reader, metric, "change", NAN);
        comparison->metric[i].low = read_number(reader, metric, "low", -INFINITY);
        comparison->metric[i].high = read_number(reader, metric, "high", INFINITY);
        comparison->metric[i].verdict =
            metric ? read_change(reader, metric) : RF_CHANGE_INCONCLUSIVE;
        comparison->metric[i].samples = read_count(reader, metric, "samples");
    }
    comparison->verdict = read_change(reader, object);
    comparison->reason = read_text(reader, object, "reason");
    run->comparison = comparison;
}

static void read_baseline(struct bench_reader *reader, const json_t *top, struct bench_run *run) {
    const json_t *baseline = read_object(reader, top, "baseline");
    if (!baseline)
        return;
    run->baseline_path = read_text(reader, baseline, "path");
    run->incomparable = read_text(reader, baseline, "incomparable");
    const json_t *figures = read_object(reader, baseline, "figures");
    if (figures)
        run->baseline = read_figures(reader, figures, "baseline.figures.");
}

static void read_sides(struct bench_reader *reader, const json_t *top, struct bench_run *run) {
    const json_t *a = read_object(reader, top, "a"), *b = read_object(reader, top, "b");
    if (!a != !b) {
        read_fail(reader, "only one of \"a\" and \"b\" is there");
    } else if (!a) {
        run->side[RF_SIDE_A] = read_figures(reader, top, "");
    } else {
        run->side[RF_SIDE_A] = read_figures(reader, a, "a.");
        run->side[RF_SIDE_B] = read_figures(reader, b, "b.");
    }
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static void read_run(struct bench_reader *reader, const json_t *top, struct bench_run *run) {
    run->started_us = read_start(reader, top);
    run->runs = read_unsigned(reader, top, "runs");
    run->interrupted = read_boolean(reader, top, "interrupted");
    run->exit = (int)(read_unsigned(reader, top, "exit") & 255);
    run->confidence = read_number(reader, top, "confidence", 0);
    run->min_effect = read_number(reader, top, "min_effect", 0);
    read_fingerprint(reader, top, &run->fingerprint);
    read_generator(reader, top, &run->machine);
    read_sides(reader, top, run);
    read_comparison(reader, top, run);
    read_baseline(reader, top, run);
    read_thresholds(reader, top, run);
}

bool bench_json_read(const char *path, struct bench_saved *saved, char *why, size_t why_size) {
    struct bench_memory *memory = NULL;
    struct bench_reader reader = {
        .path = path, .in = "", .why = why, .why_size = why_size, .memory = &memory};
    *saved = (struct bench_saved){.run = {.runs = 1}};
    const json_t *top = load(&reader);
    if (top && check_version(&reader, top))
        read_run(&reader, top, &saved->run);
    saved->memory = memory;
    if (!reader.failed)
        return true;
    bench_saved_deinit(saved);
    return false;
}

void bench_saved_deinit(struct bench_saved *saved) {
    bench_fingerprint_deinit(&saved->run.fingerprint);
    bench_memory_free(saved->memory);
    *saved = (struct bench_saved){0};
}
