/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fake_engine.c: see fake_engine.h. Kinds are numbered as it pleases the fake: names alone are part
 * of the API.
 */
#include "fake_engine.h"

#include <ringfetch/output.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_load.h"

struct submitted {
    const char *url;
    rf_done_fn *done;
    void *context;
};

struct rf_engine {
    rf_done_fn *done;
    void *context;
    struct submitted submitted; /* until the next rf_run */
};

struct fake fake;
static struct rf_engine engine;
static const char *const kinds[] = {"",        "refused",     "timed-out", "http-status",
                                    "bad-url", "interrupted", "wrong-host"};

void fake_reset(void) {
    memset(&fake, 0, sizeof fake);
    memset(&engine, 0, sizeof engine);
    fake.result_repeats = 1;
    fake_load_reset();
}

void fake_note(const char *what, const char *detail) {
    size_t used = strlen(fake.calls);
    snprintf(fake.calls + used, sizeof fake.calls - used, "%s%s%s;", what, *detail ? " " : "",
             detail);
}

static enum rf_exit answer(enum rf_exit exit, char *why, size_t why_size) {
    if (exit) {
        snprintf(why, why_size, "%s", fake.why);
    }
    return exit;
}

const char *rf_error_stage(struct rf_error error) {
    return error.kind == FAKE_WRONG_HOST ? "tls" : error.kind ? "connect" : "";
}
const char *rf_error_kind(struct rf_error error) {
    return kinds[error.kind];
}
const char *rf_error_fault(struct rf_error error) {
    return error.kind == 5 ? "cancelled" : "target";
}
char *rf_error_text(struct rf_error error, char *text, size_t size) {
    snprintf(text, size, "it went \033[31mwrong (%d)", error.detail);
    return text;
}
const char *rf_kind_name(unsigned kind) {
    return kind < sizeof kinds / sizeof *kinds ? kinds[kind] : NULL;
}

bool rf_error_row(size_t index, struct rf_error_row *row) {
    if (index + 1 >= sizeof kinds / sizeof *kinds) {
        return false;
    }
    *row =
        (struct rf_error_row){.kind = kinds[index + 1], .fault = "target", .meaning = "it is [so]"};
    return true;
}

const char *rf_verdict_name(enum rf_verdict verdict) {
    static const char *const names[] = {"",        "ok",           "dead",   "flaky",
                                        "blocked", "inconclusive", "skipped"};
    return names[verdict];
}

void rf_settings_init(struct rf_settings *settings) {
    *settings = (struct rf_settings){.concurrency = 256,
                                     .per_host = 32,
                                     .connect_timeout_ms = 10000,
                                     .stall_time_ms = 30000,
                                     .retries = 2,
                                     .redirects_max = 10,
                                     .fail_on_status = true};
}

enum rf_exit rf_engine_open(struct rf_engine **opened, const struct rf_settings *settings,
                            char *why, size_t why_size) {
    fake_note("open", "");
    memset(&engine, 0,
           sizeof engine); /* an engine of an earlier call is gone, and its callback with it */
    fake.settings = *settings;
    *opened = fake.open_exit ? NULL : &engine;
    return answer(fake.open_exit, why, why_size);
}

void rf_engine_close(struct rf_engine *closed) {
    fake_note("close", closed ? "" : "nothing");
}

enum rf_exit rf_add_output(struct rf_engine *to, const char *spec,
                           const struct rf_output_options *options, char *why, size_t why_size) {
    (void)to, (void)options;
    fake_note("output", spec);
    return answer(fake.output_exit, why, why_size);
}

enum rf_exit rf_add_url(struct rf_engine *to, const char *pattern, char *why, size_t why_size) {
    (void)to;
    fake_note("url", pattern);
    return answer(fake.input_exit, why, why_size);
}

enum rf_exit rf_add_input_file(struct rf_engine *to, const char *path, char *why, size_t why_size) {
    (void)to;
    fake_note("file", path);
    return answer(fake.input_exit, why, why_size);
}

enum rf_exit rf_add_source(struct rf_engine *to, const char *path, const char *from,
                           const char *base, char *why, size_t why_size) {
    (void)to;
    fake_note("source", path);
    fake_note("from", from ? from : "anything");
    fake_note("base", base ? base : "nothing");
    return answer(fake.input_exit, why, why_size);
}

enum rf_exit rf_register_output(struct rf_engine *to, const struct rf_output_ops *ops,
                                const char *argument, const struct rf_output_options *options,
                                char *why, size_t why_size) {
    (void)to, (void)argument, (void)options;
    fake_note("register", ops->kind);
    return answer(fake.output_exit, why, why_size);
}

void rf_on_compare(struct rf_engine *of, rf_compare_fn *compare, void *context) {
    (void)of, (void)compare, (void)context;
    fake_note("compare", "");
}

void rf_on_result(struct rf_engine *of, rf_done_fn *done, void *context) {
    of->done = done;
    of->context = context;
    fake.has_callback = true;
    fake.failures_only = false;
}

void rf_on_failure(struct rf_engine *of, rf_done_fn *done, void *context) {
    rf_on_result(of, done, context);
    fake.failures_only = true;
}

void rf_request_init(struct rf_request *request) {
    *request = (struct rf_request){.size = -1};
}

uint64_t rf_submit(struct rf_engine *to, const struct rf_request *request, rf_done_fn *done,
                   void *context) {
    to->submitted = (struct submitted){request->url, done, context};
    return 1;
}

enum rf_exit rf_run(struct rf_engine *run) {
    fake_note("run", "");
    for (unsigned i = 0; i < fake.signals; i++) {
        if (i) /* sooner, it would be taken for the same one */
            usleep(310 * 1000);
        raise(SIGINT);
    }
    if (run->submitted.done) {
        struct submitted submitted = run->submitted;
        struct rf_result result = {0};
        run->submitted = (struct submitted){0};
        if (fake.answers) {
            result = fake.answers(submitted.url);
        }
        submitted.done(submitted.context, &result);
    }
    for (unsigned i = 0; i < fake.result_repeats && run->done; i++) {
        for (unsigned k = 0; k < fake.result_count; k++) {
            if (!fake.failures_only || !fake.results[k].ok) {
                run->done(run->context, &fake.results[k]);
            }
        }
    }
    return fake.stopped_with ? fake.stopped_with : fake.run_exit;
}

enum rf_exit rf_close_outputs(struct rf_engine *closed, char *why, size_t why_size) {
    (void)closed;
    return answer(fake.close_exit, why, why_size);
}

void rf_stop(struct rf_engine *stopped, enum rf_exit exit) {
    (void)stopped;
    fake.stopped_with = exit;
}

void rf_progress(struct rf_engine *of, struct rf_progress *progress) {
    (void)of;
    *progress = fake.progress;
}

enum rf_exit rf_info(const struct rf_settings *settings, rf_info_fn *line, void *context) {
    char number[16];
    snprintf(number, sizeof number, "%u", settings->concurrency);
    line(context, "kernel", "io_uring", "yes");
    line(context, "limits", "requests in flight", number);
    line(context, "kernel", "bundles", "\"no\"\033");
    return fake.run_exit;
}

/* ---- running a subcommand ------------------------------------------------------------------- */

static const char *content(FILE *file, char *text, size_t size) {
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return text;
}

struct fake_printed fake_run(int (*call)(int argc, char **argv), const char *const *words) {
    static char out_text[65536], err_text[65536];
    char *argv[FAKE_MAX] = {0};
    int argc = 0;
    for (; words[argc]; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc];
    }
    FILE *out = tmpfile(), *err = tmpfile();
    fflush(stdout);
    fflush(stderr);
    int saved_out = dup(1), saved_err = dup(2);
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    struct fake_printed printed = {.status = call(argc, argv)};
    fflush(stdout);
    fflush(stderr);
    dup2(saved_out, 1);
    dup2(saved_err, 2);
    close(saved_out);
    close(saved_err);
    printed.out = content(out, out_text, sizeof out_text);
    printed.err = content(err, err_text, sizeof err_text);
    return printed;
}
