/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_options.c: the rows that only check has, and what its options mean together.
 */
#include "check_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_help.h"
#include "values.h"

enum { CONFIRMS_MAX = 10, MAX_TIME_MS = 30000, DAY_S = 24 * 60 * 60 };

static bool say(char *why, size_t why_size, const char *complaint) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return !complaint;
}

/* HEAD first, as without it, is "auto". */
static bool take_method(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    (void)row;
    struct check_options *options = target;
    if (!say(why, why_size, field_check_method(value))) {
        return false;
    }
    options->get.settings.method = strcmp(value, "auto") == 0 ? NULL : value;
    return true;
}

/* Days too, which no other time on this command line is counted in. */
static bool take_age(void *target, const struct option_row *row, const char *value, char *why,
                     size_t why_size) {
    (void)row;
    struct check_options *options = target;
    size_t count = strlen(value);
    char number[32];
    unsigned ms = 0;
    double days;
    const char *complaint = count >= sizeof number ? "not a time" : NULL;
    if (!complaint && count && value[count - 1] == 'd') {
        memcpy(number, value, count - 1);
        number[count - 1] = '\0';
        complaint = value_rate(number, &days) ? "not a time (90s, 12h, 7d)" : NULL;
        options->max_age_s = complaint ? 0 : (uint64_t)(days * DAY_S);
    } else if (!complaint) {
        complaint = value_ms(value, &ms) ? "not a time (90s, 12h, 7d)" : NULL;
        options->max_age_s = ms / 1000;
    }
    if (!complaint && !options->max_age_s) {
        complaint = "must be a second at least";
    }
    return say(why, why_size, complaint);
}

static bool add_report(struct check_options *options, const struct report_ops *ops,
                       const char *path, char *why, size_t why_size) {
    if (options->report_count == REPORTS_MAX) {
        return say(why, why_size, "too many reports");
    }
    options->reports[options->report_count++] = (struct check_report){ops, path};
    return true;
}

static bool take_report(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    static const struct report_ops *const all[] = {&report_junit, &report_sarif, &report_markdown,
                                                   &report_html};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i]->option, row->name) == 0) {
            return say(why, why_size, *value ? NULL : "must not be empty") &&
                   add_report(target, all[i], value, why, why_size);
        }
    }
    return say(why, why_size, "there is no such report");
}

static bool take_annotate(void *target, const struct option_row *row, const char *value, char *why,
                          size_t why_size) {
    (void)row;
    return say(why, why_size, strcmp(value, "github") == 0 ? NULL : "must be github") &&
           add_report(target, &report_github, "-", why, why_size);
}

static bool take_filled(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    return say(why, why_size, *value ? NULL : "must not be empty") &&
           option_text(target, row, value, why, why_size);
}

/* A check has no bodies. */
static bool take_output(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    if (strncmp(value, "files", 5) == 0 || strcmp(value, "stdout") == 0) {
        return say(why, why_size,
                   "check has no bodies to write; must be jsonl:FILE, csv:FILE or null");
    }
    return get_options_take_output(target, row, value, why, why_size);
}

static bool take_unique(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    (void)row, (void)why, (void)why_size;
    struct check_options *options = target;
    options->get.settings.unique = strcmp(value, "yes") == 0 ? RF_UNIQUE_ALL : RF_UNIQUE_NONE;
    return true;
}

#define AT(member) .offset = offsetof(struct check_options, member)
#define VALUE(name, take, member)                                                                  \
    { name, 0, OPTION_VALUE, take, AT(member) }

static const char *const fail_on_words[] = {"any", "new", "none", NULL};

static const struct option_row rows[] = {
    VALUE("method", take_method, get),
    VALUE("sniff", option_bytes, get.settings.sniff_bytes),
    VALUE("expect", option_list, expects),
    {"title", 0, 0, option_flag, AT(get.settings.title)},
    {"confirm", 0, OPTION_VALUE, option_count, AT(get.settings.confirms), .min = 0,
     .max = CONFIRMS_MAX},
    VALUE("cache", take_filled, cache),
    VALUE("max-age", take_age, max_age_s),
    VALUE("diff", take_filled, diff),
    {"fail-on", 0, OPTION_VALUE, option_word, AT(fail_on), .words = fail_on_words},
    VALUE("from", take_filled, from),
    VALUE("base", take_filled, base),
    {"unique", 0, OPTION_NO, take_unique, AT(get)},
    VALUE("output", take_output, get.outputs),
    VALUE("junit", take_report, get),
    VALUE("sarif", take_report, get),
    VALUE("markdown", take_report, get),
    VALUE("html", take_report, get),
    VALUE("annotate", take_annotate, get),
};

const struct option_table check_option_table = {
    "check", check_help, rows, sizeof rows / sizeof *rows, get_options_take_url, &shared_table};

void check_options_init(struct check_options *options) {
    *options = (struct check_options){.fail_on = -1};
    get_options_init(&options->get);
    options->get.settings.check = true;
    options->get.settings.max_time_ms = MAX_TIME_MS;
}

void check_options_deinit(struct check_options *options) {
    option_list_deinit(&options->expects);
    get_options_deinit(&options->get);
}

/* ---- together ---------------------------------------------------------------------------------- */

static const char *check_together(const struct check_options *options) {
    const struct rf_settings *settings = &options->get.settings;
    if (options->max_age_s && !options->cache) {
        return "--max-age is for --cache FILE";
    }
    if (options->fail_on == FAIL_ON_NEW && !options->diff) {
        return "--fail-on new compares with an earlier run: add --diff FILE";
    }
    if (settings->range) {
        return "-r, --range is for get: check reads as much as --sniff says";
    }
    if (settings->method && strcmp(settings->method, "HEAD") == 0 && settings->title) {
        return "--title needs a body, and HEAD has none";
    }
    return NULL;
}

/* Only one can write to standard output; annotations are lines of their own and the run's records are not. */
static const char *check_stdout(const struct check_options *options) {
    unsigned users = get_options_use_stdout(&options->get);
    for (unsigned i = 0; i < options->report_count; i++) {
        users += strcmp(options->reports[i].path, "-") == 0;
    }
    return users > 1 ? "only one of --output, reports and --annotate can write to standard output"
                     : NULL;
}

/* Somebody who looks at a terminal gets a table, everybody else records, unless he said what he wants. */
static bool complete_output(struct check_options *options) {
    bool stdout_taken = false;
    for (unsigned i = 0; i < options->report_count; i++) {
        stdout_taken |= strcmp(options->reports[i].path, "-") == 0;
    }
    if (options->get.outputs.count) {
        return true;
    }
    options->shows_table = stdout_taken || isatty(STDOUT_FILENO);
    return options->shows_table || option_list_add(&options->get.outputs, "jsonl:-");
}

static void complete_settings(struct check_options *options) {
    struct rf_settings *settings = &options->get.settings;
    settings->expect = options->expects.items;
    options->get.output.check = true;
    if (options->cache && !options->max_age_s) {
        options->max_age_s = DAY_S;
    }
    if (options->fail_on < 0) {
        options->fail_on = FAIL_ON_ANY;
    }
}

bool check_options_finish(struct check_options *options, char *why, size_t why_size) {
    complete_settings(options);
    return say(why, why_size, complete_output(options) ? NULL : "out of memory") &&
           get_options_finish_shared(&options->get, why, why_size) &&
           say(why, why_size, check_together(options)) && say(why, why_size, check_stdout(options));
}
