/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * my_output.c: an output of one's own. It keeps no body, but counts the lines of each, and prints
 * one row a request: what a search index, a database or a message queue would do with the text.
 * Takes a list of URLs on standard input.
 *
 * printf '%s\n' http://localhost:8080/bytes/100 | ./my_output
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ringfetch/output.h>
#include <ringfetch/ringfetch.h>

/* The output itself: one a run, shared by the workers. */
struct counter {
    pthread_mutex_t lock;
    uint64_t lines; /* of all bodies */
};

/* What one request needs; the engine keeps it, zeroed, in rf_stream.state. */
struct body_lines {
    uint64_t lines;
};

static enum rf_exit counter_open(void **output, const char *argument,
                                 const struct rf_output_options *options, char *why,
                                 size_t why_size) {
    (void)argument, (void)options;
    struct counter *counter = calloc(1, sizeof *counter);
    if (!counter) {
        snprintf(why, why_size, "out of memory");
        return RF_LOCAL_FAULT;
    }
    pthread_mutex_init(&counter->lock, NULL);
    *output = counter;
    return RF_OK;
}

/* Comes again when an attempt failed half way and is made anew. */
static enum rf_output_answer counter_begin(void *output, struct rf_stream *stream,
                                           const struct rf_response *response) {
    (void)output, (void)response;
    ((struct body_lines *)stream->state)->lines = 0;
    return RF_OUTPUT_OK;
}

static enum rf_output_answer counter_body(void *output, struct rf_stream *stream, const void *bytes,
                                          size_t count) {
    (void)output;
    const char *at = bytes;
    struct body_lines *body = stream->state;
    for (size_t i = 0; i < count; i++) {
        body->lines += at[i] == '\n';
    }
    return RF_OUTPUT_OK;
}

static enum rf_output_answer counter_finish(void *output, struct rf_stream *stream) {
    (void)output, (void)stream;
    return RF_OUTPUT_OK;
}

static void counter_discard(void *output, struct rf_stream *stream) {
    (void)output;
    ((struct body_lines *)stream->state)->lines = 0;
}

/* The one place where every request passes, failed ones included. */
static void counter_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    struct counter *counter = output;
    const struct body_lines *body = stream->state;
    pthread_mutex_lock(&counter->lock);
    counter->lines += result->ok ? body->lines : 0;
    if (result->ok) {
        printf("%8" PRIu64 "  %s\n", body->lines, result->url);
    } else {
        printf("%8s  %s  (%s)\n", "-", result->url, rf_error_kind(result->error));
    }
    pthread_mutex_unlock(&counter->lock);
}

static enum rf_exit counter_close(void *output, char *why, size_t why_size) {
    struct counter *counter = output;
    printf("%8" PRIu64 "  in all\n", counter->lines);
    pthread_mutex_destroy(&counter->lock);
    free(counter);
    if (fflush(stdout) != 0) {
        snprintf(why, why_size, "standard output can't be written");
        return RF_LOCAL_FAULT;
    }
    return RF_OK;
}

static const struct rf_output_ops line_counter = {
    .abi = RF_OUTPUT_ABI,
    .kind = "lines",
    .state_bytes = sizeof(struct body_lines),
    .wants_body = true,
    .open = counter_open,
    .begin = counter_begin,
    .body = counter_body,
    .finish = counter_finish,
    .discard = counter_discard,
    .record = counter_record,
    .close = counter_close,
};

int main(void) {
    char why[256] = "";
    struct rf_settings settings;
    rf_settings_init(&settings);

    struct rf_engine *engine;
    enum rf_exit exit = rf_engine_open(&engine, &settings, why, sizeof why);
    if (!exit) {
        exit = rf_register_output(engine, &line_counter, NULL, NULL, why, sizeof why);
    }
    if (!exit) {
        exit = rf_add_input_file(engine, "-", why, sizeof why);
    }
    if (exit) {
        fprintf(stderr, "%s\n", why);
    } else {
        exit = rf_run(engine);
    }
    rf_engine_close(engine);
    return exit;
}
