/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench.h: what a bench run came to, as all that print, save or judge it see it; and the door of each. A run is filled by
 * bench.c (live) or by bench_merge.c (from files); the writers don't care which. Main thread.
 */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <ringfetch/load.h>

/* ---- where it was measured ------------------------------------------------------------------------ */

/* What must be alike for two runs to be compared. Texts are owned, never NULL, "" where not known. */
struct bench_fingerprint {
    char *system;   /* "Linux 6.1.0-18-amd64 x86_64" */
    char *cpu;      /* "AMD EPYC 7B13" */
    unsigned cores; /* this process may run on */
    char *tls;      /* "1.3 TLS_AES_128_GCM_SHA256"; "" for http */
    char *version;  /* ringfetch's */
    char *
        options; /* what of the options changes the load, in a fixed order: "connections=50 pipeline=1 ..." */
    char *url;  /* of side A without query and user information: for people, not compared */
    char *host; /* this machine's name: for people, not compared */
};
/* Fills in the machine's part (system, cpu, cores, version, host). False: memory is out. */
bool bench_fingerprint_read(struct bench_fingerprint *fingerprint);
void bench_fingerprint_deinit(struct bench_fingerprint *fingerprint);
/* NULL: alike; else a phrase that says the first difference: "another kernel: Linux 6.1 then, Linux 6.12 now". In `text`. */
const char *bench_fingerprint_differs(const struct bench_fingerprint *then,
                                      const struct bench_fingerprint *now, char *text, size_t size);

/* ---- thresholds: --fail-if ------------------------------------------------------------------------- */

/* `p99>20ms`, `errors>0.1%`, `rps<10000`, `p50>+5%` (more than 5% above the baseline's or A's; with two sides the others mean B). Quantities: rps, mean, min,
 * max, p50, p75, p90, p95, p99, p99.9 (any pN), errors (a share with %, a number without), connect_p99 and tls_p99 and first_byte_p99 likewise, cpu (us a request). */
struct bench_threshold {
    const char *text; /* as given */
    bool known;       /* false: there is nothing to compare it with, `why` says so */
    bool failed;
    double actual, limit; /* both in the threshold's unit (ns, requests a second, a share) */
    char shown[96]; /* "p99 is 23.1 ms, allowed is 20 ms"; of a failed one, and of one that held */
};
/* Whether it is one; else a phrase in `why`. For the option's parser. */
bool bench_threshold_is_valid(const char *text, char *why, size_t why_size);

/* ---- the run ---------------------------------------------------------------------------------------- */

struct bench_run {
    const struct rf_load_figures *side[RF_SIDES]; /* [RF_SIDE_B] NULL: one server */
    const struct rf_comparison *comparison;       /* two sides, or with a baseline; else NULL */
    const struct rf_load_figures *baseline;       /* what side A was compared with; NULL */
    const char *baseline_path;                    /* NULL: none */
    const char
        *incomparable; /* why the baseline can't be compared; NULL: it can, or there is none */
    struct rf_load_machine machine;
    struct bench_fingerprint fingerprint;
    struct bench_threshold *threshold;
    size_t threshold_count;
    double confidence, min_effect;
    unsigned runs; /* 1; of a merged result how many went into it */
    bool interrupted;
    int exit;           /* bench_exit's answer */
    int64_t started_us; /* since 1970 UTC */
};

/* Judges run->threshold[].text: sets all else in them. */
void bench_judge(struct bench_run *run);
/* The exit status: 130/143 as `rf_exit` says; 5 a threshold failed or something regressed; 6 the generator was the limit, the verdict is inconclusive or can't be had, or a
 * threshold can't be told; 1 errors (more than 0) where no threshold speaks of errors; 0. In that order of precedence. */
int bench_exit(const struct bench_run *run, int rf_exit);
/* Whether a threshold speaks of errors, so that any at all are no failure in themselves. */
bool bench_errors_judged(const struct bench_run *run);
/* "the generator was the limit: a worker used 99% of its core": one sentence for each limit, "" for none. Returns text. */
char *bench_limits(const struct rf_load_machine *machine, char *text, size_t size);

/* ---- saved runs: bench_save.c ------------------------------------------------------------------------ */

/* A run read back from JSON, owned. `run` points into it. */
struct bench_saved {
    struct bench_run run;
    void *memory; /* bench_read.c's */
};
/* The JSON result (docs/bench-json.md). False: could not be written, errno says why. */
bool bench_json_write(FILE *file, const struct bench_run *run);
/* False: unreadable, not of this kind, or of a version that is too new: `why` says which. */
bool bench_json_read(const char *path, struct bench_saved *saved, char *why, size_t why_size);
void bench_saved_deinit(struct bench_saved *saved);

/* ---- reports ------------------------------------------------------------------------------------------ */

/* Each writes a whole file. False: errno says why. */
bool bench_junit_write(FILE *file, const struct bench_run *run);
bool bench_markdown_write(FILE *file, const struct bench_run *run);
bool bench_gha_write(
    FILE *file, const struct bench_run *run); /* github-action-benchmark, customSmallerIsBetter */
bool bench_bmf_write(FILE *file, const struct bench_run *run); /* Bencher's metric format */
bool bench_hdr_write(FILE *file, const struct bench_run *run); /* .hlog */
bool bench_html_write(FILE *file, const struct bench_run *run);
/* For people: the table and the histogram in text, on stdout of `bench`. `width` of the terminal in columns, 0: not a terminal; `colour`. */
void bench_summary_write(FILE *file, const struct bench_run *run, unsigned width, bool colour);

/* Shared by the writers: "1.23 ms", "45.6 us", "12 s" (three digits) into text[24]. Returns text. */
char *bench_duration(double ns, char *text);
/* "12,345", "1.23 M" are never used: plain digits with separators of thousands. Into text[32]. */
char *bench_count(uint64_t count, char *text);

#endif
