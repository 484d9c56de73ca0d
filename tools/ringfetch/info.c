/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * info.c: `ringfetch info`: what the kernel offers, what is used of it, limits and library
 * versions, as aligned text or as JSON. The lines are kept until the last has come: their widths
 * decide the columns, and a group becomes one JSON object even when its lines don't come in one
 * piece. Main thread.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringfetch/ringfetch.h>

#include "commands.h"
#include "options.h"
#include "streams.h"
#include "text.h"

static const char help[] =
    "Usage: ringfetch info [options]\n"
    "What this kernel and this build can do, and what a run would use of it.\n"
    "  -j, --concurrency N   as in get: memory and descriptors it would need (256)\n"
    "  -t, --threads N       as in get\n"
    "      --json            one JSON object, a member a group\n"
    "Exit status: 0, or 3 where ringfetch get could not run; the lines say why.\n"
    "\n"
    "Examples:\n"
    "  ringfetch info\n"
    "  ringfetch info -j 100000\n"
    "  ringfetch info --json | python3 -m json.tool\n";

struct info_options {
    struct rf_settings settings;
    bool json;
};

static const struct option_row rows[] = {
    {"concurrency", 'j', OPTION_VALUE, option_count,
     .offset = offsetof(struct info_options, settings.concurrency), .min = 1, .max = 10000000},
    {"threads", 't', OPTION_VALUE, option_count,
     .offset = offsetof(struct info_options, settings.threads), .min = 1, .max = 1024},
    {"json", 0, 0, option_flag, .offset = offsetof(struct info_options, json)},
};
static const struct option_table table = {"info", help, rows, sizeof rows / sizeof *rows,
                                          NULL,   NULL};

struct line {
    char *group, *name, *value;
    bool printed;
};
struct lines {
    struct line *items;
    size_t count;
    bool memory_out;
};

static void keep_line(void *context, const char *group, const char *name, const char *value) {
    struct lines *lines = context;
    struct line *items = realloc(lines->items, (lines->count + 1) * sizeof *items);
    if (!items) {
        lines->memory_out = true;
        return;
    }
    lines->items = items;
    struct line *line = &items[lines->count++];
    *line = (struct line){strdup(group), strdup(name), strdup(value), false};
    lines->memory_out |= !line->group || !line->name || !line->value;
}

static void lines_deinit(struct lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i].group);
        free(lines->items[i].name);
        free(lines->items[i].value);
    }
    free(lines->items);
}

/* The next unprinted line of the group, from `at` on; NULL past the last. Marks it printed. */
static const struct line *next_of(struct lines *lines, size_t at, const char *group) {
    for (; at < lines->count; at++) {
        struct line *line = &lines->items[at];
        if (!line->printed && strcmp(line->group, group) == 0) {
            line->printed = true;
            return line;
        }
    }
    return NULL;
}

static void print_text(struct lines *lines) {
    int width = 0;
    for (size_t i = 0; i < lines->count; i++) {
        int length = (int)strlen(lines->items[i].name);
        width = length > width && length <= 40 ? length : width;
    }
    const char *gap = "";
    for (size_t i = 0; i < lines->count; i++) {
        const char *group = lines->items[i].group;
        char shown[2048];
        const struct line *line = next_of(lines, i, group);
        if (line) {
            printf("%s%s\n", gap, text_escape(shown, sizeof shown, group));
            gap = "\n";
        }
        for (; line; line = next_of(lines, i, group)) {
            printf("  %-*s  ", width, line->name);
            printf("%s\n", text_escape(shown, sizeof shown, line->value));
        }
    }
}

static void print_json(struct lines *lines) {
    const char *outer = "{";
    for (size_t i = 0; i < lines->count; i++) {
        const char *group = lines->items[i].group, *inner = "{";
        const struct line *line = next_of(lines, i, group);
        if (!line) {
            continue;
        }
        fputs(outer, stdout);
        text_json(stdout, group);
        fputc(':', stdout);
        outer = ",";
        for (; line; line = next_of(lines, i, group)) {
            fputs(inner, stdout);
            text_json(stdout, line->name);
            fputc(':', stdout);
            text_json(stdout, line->value);
            inner = ",";
        }
        fputc('}', stdout);
    }
    fputs(lines->count ? "}\n" : "{}\n", stdout);
}

int cmd_info(int argc, char **argv) {
    struct info_options options = {0};
    rf_settings_init(&options.settings);
    int status = options_read(&table, argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    struct lines lines = {0};
    status = rf_info(&options.settings, keep_line, &lines);
    if (lines.memory_out) {
        fputs("ringfetch info: out of memory\n", stderr);
        status = RF_ENVIRONMENT;
    } else if (options.json) {
        print_json(&lines);
    } else {
        print_text(&lines);
    }
    lines_deinit(&lines);
    return streams_end(status);
}
