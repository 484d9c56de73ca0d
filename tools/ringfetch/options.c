/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * options.c: see options.h. The parser walks argv once; struct scan is where it stands. Names are
 * compared one after another: a table has some sixty rows and a command line a dozen options.
 */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringfetch/ringfetch.h>

#include "streams.h"
#include "text.h"
#include "values.h"

struct scan {
    const struct option_table *table;
    int argc, next; /* next: the first word not yet looked at */
    char **argv;
    void *target;
    char *line; /* for the complaint */
    size_t line_size;
};

/* The option as the user wrote it, for complaints: "--name" or "-n". */
struct written {
    char text[80];
};

static struct written written_long(const char *name, size_t count) {
    struct written written;
    char whole[64];
    snprintf(whole, sizeof whole, "%.*s", (int)(count < 63 ? count : 63), name);
    memcpy(written.text, "--", 2);
    text_escape(written.text + 2, sizeof written.text - 2, whole);
    return written;
}

static struct written written_short(char letter) {
    struct written written = {"-"};
    text_escape(written.text + 1, sizeof written.text - 1, (char[]){letter, '\0'});
    return written;
}

__attribute__((format(printf, 2, 3))) static enum option_end complain(struct scan *scan,
                                                                      const char *format, ...) {
    size_t used = text_add(scan->line, scan->line_size, 0, "ringfetch %s: ", scan->table->command);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scan->line + used, scan->line_size - used, format, arguments);
    va_end(arguments);
    return OPTIONS_BAD;
}

static enum option_end unknown(struct scan *scan, const char *option) {
    return complain(scan, "unknown option %s (see ringfetch %s --help)", option,
                    scan->table->command);
}

/* Refuses a row of OPTION_LATER; the long name is always there, whichever was written. */
static enum option_end not_yet(struct scan *scan, const struct option_row *row,
                               const char *option) {
    if (option[1] == '-') {
        snprintf(scan->line, scan->line_size, "ringfetch: %s is not supported yet", option);
    } else {
        snprintf(scan->line, scan->line_size, "ringfetch: %s (--%s) is not supported yet", option,
                 row->name);
    }
    return OPTIONS_BAD;
}

static enum option_end store(struct scan *scan, const struct option_row *row, const char *option,
                             const char *value) {
    char why[256] = "", shown[256];
    if (!row->take || row->take(scan->target, row, value, why, sizeof why)) {
        return OPTIONS_DONE;
    }
    if (!(row->traits & OPTION_VALUE) || (row->traits & OPTION_SECRET)) {
        return complain(scan, "%s: %s", option, why);
    }
    return complain(scan, "%s %s: %s", option,
                    *value ? text_escape(shown, sizeof shown, value) : "''", why);
}

/* The value is the rest of this word, or else the next word, whatever it begins with, as curl
 * has it. */
static enum option_end take_value(struct scan *scan, const struct option_row *row,
                                  const char *option, const char *attached) {
    if (attached) {
        return store(scan, row, option, attached);
    }
    if (scan->next >= scan->argc) {
        return complain(scan, "%s needs a value", option);
    }
    return store(scan, row, option, scan->argv[scan->next++]);
}

static const struct option_row *find_long(const struct option_table *table, const char *name,
                                          size_t count) {
    for (; table; table = table->also) {
        for (size_t i = 0; i < table->count; i++) {
            const struct option_row *row = &table->rows[i];
            if (strlen(row->name) == count && memcmp(row->name, name, count) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

/* What every subcommand has. */
static enum option_end standard_long(const char *word) {
    if (strcmp(word, "help") == 0) {
        return OPTIONS_HELP;
    }
    return strcmp(word, "version") == 0 ? OPTIONS_VERSION : OPTIONS_DONE;
}

/* `word` begins after the two dashes. */
static enum option_end parse_long(struct scan *scan, const char *word) {
    const char *equals = strchr(word, '=');
    size_t count = equals ? (size_t)(equals - word) : strlen(word);
    struct written option = written_long(word, count);
    const struct option_row *row = find_long(scan->table, word, count);
    if (standard_long(word) != OPTIONS_DONE) {
        return standard_long(word);
    }
    bool off = false;
    if (!row && count > 3 && memcmp(word, "no-", 3) == 0) {
        row = find_long(scan->table, word + 3, count - 3);
        off = true;
    }
    if (!row || (off && !(row->traits & OPTION_NO))) {
        return unknown(scan, option.text);
    }
    if (row->traits & OPTION_LATER) {
        return not_yet(scan, row, option.text);
    }
    if (row->traits & OPTION_VALUE) {
        return take_value(scan, row, option.text, equals ? equals + 1 : NULL);
    }
    if (equals) {
        return complain(scan, "%s takes no value", option.text);
    }
    return store(scan, row, option.text, off ? "no" : "yes");
}

static const struct option_row *find_short(const struct option_table *table, char letter) {
    for (; table; table = table->also) {
        for (size_t i = 0; i < table->count; i++) {
            if (table->rows[i].letter == letter) {
                return &table->rows[i];
            }
        }
    }
    return NULL;
}

static enum option_end parse_letter(struct scan *scan, const char *letters, bool *rest_taken) {
    struct written option = written_short(*letters);
    const struct option_row *row = find_short(scan->table, *letters);
    if (!row) {
        return *letters == 'h'   ? OPTIONS_HELP
               : *letters == 'V' ? OPTIONS_VERSION
                                 : unknown(scan, option.text);
    }
    if (row->traits & OPTION_LATER) {
        return not_yet(scan, row, option.text);
    }
    if (row->traits & OPTION_VALUE) {
        *rest_taken = true;
        return take_value(scan, row, option.text, letters[1] ? letters + 1 : NULL);
    }
    return store(scan, row, option.text, "yes");
}

/* `letters` begins after the dash: flags, of which the last may take a value. */
static enum option_end parse_short(struct scan *scan, const char *letters) {
    bool rest_taken = false;
    enum option_end end = OPTIONS_DONE;
    for (; *letters && !rest_taken && end == OPTIONS_DONE; letters++) {
        end = parse_letter(scan, letters, &rest_taken);
    }
    return end;
}

static enum option_end parse_operand(struct scan *scan, const char *word) {
    char why[256] = "", shown[256];
    text_escape(shown, sizeof shown, word);
    if (!scan->table->operand) {
        return complain(scan, "takes no argument %s (see ringfetch %s --help)", shown,
                        scan->table->command);
    }
    if (!scan->table->operand(scan->target, NULL, word, why, sizeof why)) {
        return complain(scan, "%s: %s", shown, why);
    }
    return OPTIONS_DONE;
}

enum option_end options_parse(const struct option_table *table, int argc, char **argv, void *target,
                              char *line, size_t line_size) {
    struct scan scan = {table, argc, 1, argv, target, line, line_size};
    bool only_operands = false;
    enum option_end end = OPTIONS_DONE;
    while (scan.next < argc && end == OPTIONS_DONE) {
        const char *word = argv[scan.next++];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            end = parse_operand(&scan, word);
        } else if (word[1] != '-') {
            end = parse_short(&scan, word + 1);
        } else if (word[2] == '\0') {
            only_operands = true;
        } else {
            end = parse_long(&scan, word + 2);
        }
    }
    return end;
}

int options_read(const struct option_table *table, int argc, char **argv, void *target) {
    char line[1024];
    switch (options_parse(table, argc, argv, target, line, sizeof line)) {
    case OPTIONS_DONE:
        return -1;
    case OPTIONS_HELP:
        fputs(table->help, stdout);
        return streams_end(RF_OK);
    case OPTIONS_VERSION:
        fputs("ringfetch " RF_VERSION "\n", stdout);
        return streams_end(RF_OK);
    case OPTIONS_BAD:
        break;
    }
    fprintf(stderr, "%s\n", line);
    return RF_USAGE;
}

int options_refuse(const char *command, const char *format, ...) {
    char line[1024], shown[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "ringfetch %s: %s\n", command, text_escape(shown, sizeof shown, line));
    return RF_USAGE;
}

/* ---- storing -------------------------------------------------------------------------------- */

static void *member(void *target, const struct option_row *row) {
    return (char *)target + row->offset;
}

static bool answer(const char *complaint, char *why, size_t why_size) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return complaint == NULL;
}

bool option_flag(void *target, const struct option_row *row, const char *value, char *why,
                 size_t why_size) {
    (void)why, (void)why_size;
    *(bool *)member(target, row) = value[0] == 'y';
    return true;
}

bool option_text(void *target, const struct option_row *row, const char *value, char *why,
                 size_t why_size) {
    (void)why, (void)why_size;
    *(const char **)member(target, row) = value;
    return true;
}

bool option_count(void *target, const struct option_row *row, const char *value, char *why,
                  size_t why_size) {
    uint64_t count = 0;
    const char *complaint = value_count(value, &count);
    if (complaint && strcmp(complaint, "too large") != 0) {
        return answer(complaint, why, why_size);
    }
    if (complaint || count < row->min || count > row->max) {
        snprintf(why, why_size, "must be %llu to %llu", (unsigned long long)row->min,
                 (unsigned long long)row->max);
        return false;
    }
    *(unsigned *)member(target, row) = (unsigned)count;
    return true;
}

bool option_bytes(void *target, const struct option_row *row, const char *value, char *why,
                  size_t why_size) {
    return answer(value_bytes(value, member(target, row)), why, why_size);
}

bool option_ms(void *target, const struct option_row *row, const char *value, char *why,
               size_t why_size) {
    return answer(value_ms(value, member(target, row)), why, why_size);
}

bool option_rate(void *target, const struct option_row *row, const char *value, char *why,
                 size_t why_size) {
    return answer(value_rate(value, member(target, row)), why, why_size);
}

bool option_word(void *target, const struct option_row *row, const char *value, char *why,
                 size_t why_size) {
    size_t used = text_add(why, why_size, 0, "must be ");
    for (int i = 0; row->words[i]; i++) {
        if (strcmp(row->words[i], value) == 0) {
            *(int *)member(target, row) = i;
            return true;
        }
        const char *separator = i == 0 ? "" : row->words[i + 1] ? ", " : " or ";
        used = text_add(why, why_size, used, "%s%s", separator, row->words[i]);
    }
    return false;
}

bool option_list_add(struct option_list *list, const char *text) {
    const char **items = realloc(list->items, (list->count + 2) * sizeof *items);
    if (!items) {
        return false;
    }
    list->items = items;
    items[list->count++] = text;
    items[list->count] = NULL;
    return true;
}

void option_list_deinit(struct option_list *list) {
    free(list->items);
    *list = (struct option_list){0};
}

bool option_list(void *target, const struct option_row *row, const char *value, char *why,
                 size_t why_size) {
    bool ok = option_list_add(member(target, row), value);
    return answer(ok ? NULL : "out of memory", why, why_size);
}
