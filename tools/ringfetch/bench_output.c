/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_output.c: see bench_output.h. All kinds are written in the end, from the same struct bench_run, so a kind is a name and a
 * function.
 */
#include "bench_output.h"

#include <errno.h>
#include <string.h>

#include "console.h"
#include "text.h"

struct bench_output_kind {
    const char *option;
    bool (*write)(FILE *file, const struct bench_run *run);
    bool appends; /* to a file that exists: a job's summary has more than one author */
};

static const struct bench_output_kind kinds[] = {
    {"save", bench_json_write, false},         {"json", bench_json_write, false},
    {"junit", bench_junit_write, false},       {"markdown", bench_markdown_write, true},
    {"html", bench_html_write, false},         {"hdr", bench_hdr_write, false},
    {"gha-benchmark", bench_gha_write, false}, {"bmf", bench_bmf_write, false},
};

static const struct bench_output_kind *find_kind(const char *option) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].option, option) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

bool bench_outputs_take(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    struct bench_outputs *outputs = (void *)((char *)target + row->offset);
    const struct bench_output_kind *kind = find_kind(row->name);
    const char *complaint = !*value                               ? "must not be empty"
                            : !kind                               ? "there is no such report"
                            : outputs->count == BENCH_OUTPUTS_MAX ? "too many reports"
                                                                  : NULL;
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
        return false;
    }
    outputs->output[outputs->count++] = (struct bench_output){.kind = kind, .path = value};
    return true;
}

static bool is_stdout(const struct bench_output *output) {
    return strcmp(output->path, "-") == 0;
}

bool bench_outputs_use_stdout(const struct bench_outputs *outputs) {
    for (unsigned i = 0; i < outputs->count; i++) {
        if (is_stdout(&outputs->output[i])) {
            return true;
        }
    }
    return false;
}

bool bench_outputs_has(const struct bench_outputs *outputs, const char *option) {
    for (unsigned i = 0; i < outputs->count; i++) {
        if (strcmp(outputs->output[i].kind->option, option) == 0) {
            return true;
        }
    }
    return false;
}

const char *bench_outputs_check(const struct bench_outputs *outputs, char *why, size_t why_size) {
    for (unsigned i = 0; i < outputs->count; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct bench_output *one = &outputs->output[k], *other = &outputs->output[i];
            if (strcmp(one->path, other->path) != 0 || strncmp(one->path, "/dev/", 5) == 0) {
                continue;
            }
            snprintf(why, why_size, "--%s and --%s can't both write to %s", one->kind->option,
                     other->kind->option, is_stdout(one) ? "standard output" : "the same file");
            return why;
        }
    }
    return NULL;
}

bool bench_outputs_open(struct bench_outputs *outputs, char *why, size_t why_size) {
    for (unsigned i = 0; i < outputs->count; i++) {
        struct bench_output *output = &outputs->output[i];
        output->is_open = output->kind->appends
                              ? report_file_append(&output->file, output->path, why, why_size)
                              : report_file_open(&output->file, output->path, why, why_size);
        if (!output->is_open) {
            bench_outputs_discard(outputs);
            return false;
        }
    }
    return true;
}

static bool close_one(struct bench_output *output, const struct bench_run *run,
                      const char *command) {
    char why[REPORT_WHY_BYTES], shown[REPORT_WHY_BYTES];
    bool written = output->kind->write(output->file.out, run);
    output->is_open = false;
    if (!written) {
        const char *name = is_stdout(output) ? "standard output" : output->path;
        snprintf(why, sizeof why, "%s: %s", text_escape(shown, sizeof shown / 2, name),
                 strerror(errno ? errno : EIO));
        report_file_discard(&output->file);
    } else {
        written = report_file_close(&output->file, why, sizeof why);
    }
    if (!written) {
        console_line("ringfetch %s: --%s %s", command, output->kind->option, why);
    }
    return written;
}

bool bench_outputs_close(struct bench_outputs *outputs, const struct bench_run *run,
                         const char *command) {
    bool all = true;
    for (unsigned i = 0; i < outputs->count; i++) {
        if (outputs->output[i].is_open) {
            errno = 0;
            all = close_one(&outputs->output[i], run, command) && all;
        }
    }
    return all;
}

void bench_outputs_discard(struct bench_outputs *outputs) {
    for (unsigned i = 0; i < outputs->count; i++) {
        if (outputs->output[i].is_open) {
            report_file_discard(&outputs->output[i].file);
            outputs->output[i].is_open = false;
        }
    }
}
