/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_records.c: jsonl:FILE and csv:FILE. A worker formats its record straight into the shared text under a lock, which takes
 * less than a microsecond; whole stretches of 64 KiB go to a writer's thread, so that a blocked pipe blocks the
 * workers only when megabytes wait. Any thread.
 *
 * Rejected: a text per worker, joined later. Records would wait for each other, and there is nothing to win.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/output.h"
#include "output/record.h"
#include "output/writer.h"

enum { HAND_OVER_BYTES = 65536 };

struct records {
    pthread_mutex_t lock; /* of text, and of the order in which it is handed over */
    struct text text;
    record_fn *put;
    struct writer *writer;
    char *file; /* as given */
    struct output_fault fault;
};

static void hand_over(struct records *records) {
    if (records->text.len)
        writer_put_bytes(records->writer, records->text.at, records->text.len);
    else
        free(records->text.at);
    records->text = (struct text){0};
}

static enum rf_exit fail_open(const char *file, int error_number, char *why, size_t why_size) {
    char text[160];
    snprintf(why, why_size, "%s: %s", file,
             err_text(output_errno(error_number), text, sizeof text));
    return RF_LOCAL_FAULT;
}

static void records_free(struct records *records) {
    output_fault_deinit(&records->fault);
    pthread_mutex_destroy(&records->lock);
    free(records->file);
    free(records);
}

static enum rf_exit records_open(void **output, const char *file,
                                 const struct rf_output_options *options, record_fn *put, char *why,
                                 size_t why_size) {
    int fd = STDOUT_FILENO;
    if (strcmp(file, "-") != 0)
        fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_open(file, errno, why, why_size);
    struct records *records = calloc(1, sizeof *records);
    CHECK(records);
    pthread_mutex_init(&records->lock, NULL);
    output_fault_init(&records->fault);
    output_fault_tell(&records->fault, options);
    records->put = put;
    records->file = strdup(strcmp(file, "-") != 0 ? file : "standard output");
    CHECK(records->file);
    records->writer = writer_open(fd, records->file, &records->fault, NULL, NULL);
    if (records->writer) {
        *output = records;
        return RF_OK;
    }
    if (fd != STDOUT_FILENO)
        close(fd);
    records_free(records);
    return fail_open(file, EAGAIN, why, why_size);
}

static enum rf_exit jsonl_open(void **output, const char *argument,
                               const struct rf_output_options *options, char *why,
                               size_t why_size) {
    if (argument && *argument)
        return records_open(output, argument, options, record_put_json, why, why_size);
    snprintf(why, why_size, "jsonl needs a file: jsonl:FILE, or jsonl:- for standard output");
    return RF_USAGE;
}

static enum rf_exit csv_open(void **output, const char *argument,
                             const struct rf_output_options *options, char *why, size_t why_size) {
    if (!argument || !*argument) {
        snprintf(why, why_size, "csv needs a file: csv:FILE, or csv:- for standard output");
        return RF_USAGE;
    }
    enum rf_exit end = records_open(output, argument, options, record_put_csv, why, why_size);
    if (end == RF_OK)
        record_put_csv_header(&((struct records *)*output)->text, options && options->check);
    return end;
}

static void records_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    struct records *records = output;
    (void)stream;
    pthread_mutex_lock(&records->lock);
    records->put(&records->text, result);
    bool full = records->text.len >= HAND_OVER_BYTES;
    if (full)
        hand_over(records);
    pthread_mutex_unlock(&records->lock);
    if (full)
        writer_wait(records->writer);
}

static void records_flush(void *output) {
    struct records *records = output;
    pthread_mutex_lock(&records->lock);
    if (records->text.len)
        hand_over(records);
    pthread_mutex_unlock(&records->lock);
}

static enum rf_exit records_close(void *output, char *why, size_t why_size) {
    struct records *records = output;
    hand_over(records);
    writer_close(records->writer);
    enum rf_exit end = output_fault_report(&records->fault, why, why_size);
    records_free(records);
    return end;
}

const struct rf_output_ops output_jsonl = {
    .abi = RF_OUTPUT_ABI,
    .kind = "jsonl",
    .open = jsonl_open,
    .record = records_record,
    .flush = records_flush,
    .close = records_close,
};

const struct rf_output_ops output_csv = {
    .abi = RF_OUTPUT_ABI,
    .kind = "csv",
    .open = csv_open,
    .record = records_record,
    .flush = records_flush,
    .close = records_close,
};
