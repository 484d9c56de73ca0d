/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_merge.c: `ringfetch merge`: reads saved runs, makes one of them, and writes it by the same writers that a live run has.
 * Verdicts are not merged but found again, from the blocks of all. Main thread, once a process.
 */
#include "bench_merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_output.h"
#include "commands.h"
#include "console.h"
#include "options.h"
#include "streams.h"
#include "text.h"

static const char help[] =
    "ringfetch merge [options] FILE...: one result of several.\n"
    "\n"
    "FILE is what ringfetch bench --json or --save wrote. Runs that ran at the same\n"
    "time are shards of one load: their rates add up. Others are reruns: their times\n"
    "do. Histograms are added without loss; verdicts are found again.\n"
    "\n"
    "      --force               merge unlike conditions, or a run with itself\n"
    "      --json FILE           the result (default: standard output)\n"
    "      --junit FILE, --markdown FILE, --html FILE, --hdr FILE,\n"
    "      --gha-benchmark FILE, --bmf FILE\n"
    "                            reports, as bench has them; - is standard output\n"
    "  -h, --help; -V, --version\n"
    "\n"
    "Examples:\n"
    "  ringfetch merge shard-1.json shard-2.json >all.json\n"
    "  ringfetch merge --html load.html --json all.json run-*.json\n"
    "\n"
    "Exit status: 0 merged (what it means is the result's \"exit\"), 2 bad usage or\n"
    "runs that can't be merged, 4 a file that can't be read or written.\n";

struct merge_options {
    struct option_list files;
    bool force;
    struct bench_outputs outputs;
};

static bool take_file(void *target, const struct option_row *row, const char *value, char *why,
                      size_t why_size) {
    (void)row;
    struct merge_options *options = target;
    if (option_list_add(&options->files, value))
        return true;
    snprintf(why, why_size, "out of memory");
    return false;
}

static const struct option_row rows[] = {
    {"force", 0, 0, option_flag, .offset = offsetof(struct merge_options, force)},
    BENCH_OUTPUT_ROWS(offsetof(struct merge_options, outputs)),
};
static const struct option_table table = {"merge",   help, rows, sizeof rows / sizeof *rows,
                                          take_file, NULL};

/* ---- verdicts ------------------------------------------------------------------------------------- */

static void settings_of(const struct bench_run *run, struct rf_load_settings *settings) {
    rf_load_settings_init(settings);
    settings->confidence = run->confidence;
    settings->min_effect = run->min_effect;
    for (unsigned i = 0; run->comparison && i < RF_METRICS; i++)
        settings->judged |= (unsigned)run->comparison->metric[i].judged << i;
}

static bool is_sane(const struct bench_run *run) {
    return run->confidence >= 0.5 && run->confidence < 1 && run->min_effect >= 0 &&
           run->min_effect < 1e6;
}

/* Blocks of shards and reruns have lost who was whose neighbour, so the sides are compared as two runs are; that is less sharp
 * than pairs, and never more certain than it should be. False: memory is out. */
static bool compare_again(struct bench_memory **memory, const struct bench_run *first,
                          struct bench_run *run) {
    const struct rf_load_figures *a = run->side[RF_SIDE_A], *b = run->side[RF_SIDE_B];
    if (!b) {
        b = a;
        a = run->baseline;
    }
    if (run->incomparable)
        run->comparison = first->comparison; /* which says nothing, but inconclusively */
    if (!a || run->incomparable || !first->comparison || !is_sane(run))
        return true;
    struct rf_load_settings settings;
    struct rf_comparison *comparison = bench_memory_take(memory, 1, sizeof *comparison);
    settings_of(first, &settings);
    if (!comparison || !rf_compare_blocks(a->block, a->block_count, b->block, b->block_count,
                                          &settings, comparison))
        return false;
    run->comparison = comparison;
    return true;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A merged run can be compared with a baseline only if all of them were compared with that one. */
static void take_baseline(const struct merge_source *source, size_t count, struct bench_run *run) {
    const struct bench_run *first = &source[0].saved.run;
    for (size_t i = 0; i < count; i++) {
        const struct bench_run *one = &source[i].saved.run;
        bool same = same_text(first->baseline_path, one->baseline_path) &&
                    !first->baseline == !one->baseline &&
                    (!first->baseline || first->baseline->requests == one->baseline->requests);
        if (!same) {
            run->baseline = NULL;
            run->baseline_path = run->incomparable = NULL;
            return;
        }
        run->baseline = first->baseline;
        run->baseline_path = first->baseline_path;
        run->incomparable = run->incomparable ? run->incomparable : one->incomparable;
    }
}

/* Each condition once. False: memory is out. */
static bool take_thresholds(struct bench_memory **memory, const struct merge_source *source,
                            size_t count, struct bench_run *run) {
    size_t room = 0;
    for (size_t i = 0; i < count; i++)
        room += source[i].saved.run.threshold_count;
    run->threshold = bench_memory_take(memory, room, sizeof *run->threshold);
    if (!run->threshold)
        return false;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < source[i].saved.run.threshold_count; k++) {
            const char *text = source[i].saved.run.threshold[k].text;
            size_t at = 0;
            while (at < run->threshold_count && strcmp(run->threshold[at].text, text) != 0)
                at++;
            if (at == run->threshold_count)
                run->threshold[run->threshold_count++].text = text;
        }
    }
    return true;
}

/* ---- the run -------------------------------------------------------------------------------------- */

static void add_machine(struct rf_load_machine *into, const struct rf_load_machine *from) {
    into->limits |= from->limits;
    into->worker_cpu = fmax(into->worker_cpu, from->worker_cpu);
    into->process_cpu = fmax(into->process_cpu, from->process_cpu);
    into->machine_cpu = fmax(into->machine_cpu, from->machine_cpu);
}

/* Of what ran at the same time together. */
static unsigned threads_of(const struct merge_source *source, size_t count) {
    unsigned most = 0;
    for (size_t group = 0; group < count; group++) {
        unsigned sum = 0;
        for (size_t i = group; i < count; i++) {
            unsigned threads = source[i].saved.run.machine.threads;
            if (source[i].group == group && threads < 1U << 30 && sum < 1U << 30)
                sum += threads;
        }
        most = sum > most ? sum : most;
    }
    return most;
}

static bool fill_sides(struct bench_memory **memory, const struct merge_source *source,
                       size_t count, struct bench_run *run, char *why, size_t why_size) {
    for (unsigned side = 0; side < RF_SIDES; side++) {
        if (!source[0].saved.run.side[side])
            continue;
        run->side[side] = merge_figures(memory, source, count, (enum rf_side)side, why, why_size);
        if (!run->side[side])
            return false;
    }
    return true;
}

/* Everything in `run` is borrowed from the sources or `memory`. */
static bool fill(struct bench_memory **memory, const struct merge_source *source, size_t count,
                 struct bench_run *run, char *why, size_t why_size) {
    const struct bench_run *first = &source[0].saved.run;
    *run = (struct bench_run){.machine = first->machine,
                              .fingerprint = first->fingerprint,
                              .confidence = first->confidence,
                              .min_effect = first->min_effect,
                              .started_us = first->started_us};
    for (size_t i = 0; i < count; i++) {
        const struct bench_run *one = &source[i].saved.run;
        run->runs += one->runs;
        run->interrupted |= one->interrupted;
        add_machine(&run->machine, &one->machine);
    }
    run->machine.threads = threads_of(source, count);
    if (!fill_sides(memory, source, count, run, why, why_size))
        return false;
    take_baseline(source, count, run);
    if (!compare_again(memory, first, run) || !take_thresholds(memory, source, count, run)) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    bench_judge(run);
    run->exit = bench_exit(run, run->interrupted ? RF_INTERRUPTED : RF_OK);
    return true;
}

/* ---- what may be merged --------------------------------------------------------------------------- */

static bool is_like(const struct merge_source *first, const struct merge_source *other, bool force,
                    char *why, size_t why_size) {
    char text[512], one[256], two[256];
    text_escape(one, sizeof one, first->path);
    text_escape(two, sizeof two, other->path);
    if (!first->saved.run.side[RF_SIDE_B] != !other->saved.run.side[RF_SIDE_B]) {
        snprintf(why, why_size, "one of %s and %s compares two servers, the other does not", one,
                 two);
        return false;
    }
    const char *difference = bench_fingerprint_differs(
        &first->saved.run.fingerprint, &other->saved.run.fingerprint, text, sizeof text);
    if (!difference || force)
        return true;
    snprintf(why, why_size,
             "%s and %s were measured under unlike conditions: %s (--force merges them)", one, two,
             difference);
    return false;
}

/* One file given twice would count twice; no two runs begin in one microsecond and end alike. */
static bool is_new(const struct merge_source *source, size_t at, bool force, char *why,
                   size_t why_size) {
    const struct bench_run *run = &source[at].saved.run;
    for (size_t i = 0; i < at && !force; i++) {
        const struct bench_run *other = &source[i].saved.run;
        char one[256], two[256];
        if (other->started_us == run->started_us && other->runs == run->runs &&
            other->side[RF_SIDE_A]->requests == run->side[RF_SIDE_A]->requests &&
            strcmp(other->fingerprint.host, run->fingerprint.host) == 0) {
            snprintf(why, why_size, "%s and %s are the same run (--force counts it twice)",
                     text_escape(one, sizeof one, source[i].path),
                     text_escape(two, sizeof two, source[at].path));
            return false;
        }
    }
    return true;
}

/* The exit status; RF_OK: all are read. */
static int read_sources(const struct merge_options *options, struct merge_source *source, char *why,
                        size_t why_size) {
    for (size_t i = 0; i < options->files.count; i++) {
        source[i].path = options->files.items[i];
        if (!bench_json_read(source[i].path, &source[i].saved, why, why_size))
            return RF_LOCAL_FAULT;
        if ((i && !is_like(&source[0], &source[i], options->force, why, why_size)) ||
            !is_new(source, i, options->force, why, why_size))
            return RF_USAGE;
    }
    return RF_OK;
}

/* ---- the command ---------------------------------------------------------------------------------- */

static int write_all(struct merge_options *options, const struct bench_run *run, char *why,
                     size_t why_size) {
    if (!bench_outputs_open(&options->outputs, why, why_size))
        return RF_LOCAL_FAULT;
    why[0] = '\0'; /* what follows says it itself */
    return bench_outputs_close(&options->outputs, run, "merge") ? RF_OK : RF_LOCAL_FAULT;
}

static int merge(struct merge_options *options, char *why, size_t why_size) {
    size_t count = options->files.count;
    struct bench_memory *memory = NULL;
    struct bench_run run;
    struct merge_source *source = calloc(count, sizeof *source);
    if (!source) {
        snprintf(why, why_size, "out of memory");
        return RF_LOCAL_FAULT;
    }
    int status = read_sources(options, source, why, why_size);
    if (status == RF_OK && count == 1) {
        status = write_all(options, &source[0].saved.run, why, why_size);
    } else if (status == RF_OK) {
        merge_arrange(source, count);
        status = fill(&memory, source, count, &run, why, why_size)
                     ? write_all(options, &run, why, why_size)
                     : RF_USAGE;
    }
    bench_memory_free(memory);
    for (size_t i = 0; i < count; i++)
        bench_saved_deinit(&source[i].saved);
    free(source);
    return status;
}

static int run_merge(struct merge_options *options) {
    static const struct option_row json = {.name = "json",
                                           .offset = offsetof(struct merge_options, outputs)};
    char why[1536] = "";
    if (!options->files.count)
        return options_refuse("merge", "nothing to merge (see ringfetch merge --help)");
    if (!options->outputs.count)
        bench_outputs_take(options, &json, "-", why, sizeof why);
    if (bench_outputs_check(&options->outputs, why, sizeof why))
        return options_refuse("merge", "%s", why);
    int status = merge(options, why, sizeof why);
    if (status != RF_OK && *why)
        console_line("ringfetch merge: %s", why);
    return streams_end(status);
}

int cmd_merge(int argc, char **argv) {
    struct merge_options options = {0};
    int status = options_read(&table, argc, argv, &options);
    if (status < 0)
        status = run_merge(&options);
    option_list_deinit(&options.files);
    return status;
}
