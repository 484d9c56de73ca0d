/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * options.h: reads a subcommand's options by a table. A subcommand declares one row an option, each
 * with the function that stores its value in the subcommand's own struct; the usual ones are below.
 * Understood are `--name value`, `--name=value`, `-n value`, `-nvalue`, bundled flags `-sg`,
 * `--no-name` where the row allows it, and `--`, after which everything is an operand. Operands and
 * options may be mixed and are taken in the order given.
 *
 * getopt_long was rejected: it accepts abbreviations, so that a new option breaks old scripts, and
 * its messages can't be worded. No state but the caller's; any thread.
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option_row;

/* Stores `value` in `target`, the subcommand's struct. A flag's value is "yes", or "no" when it
 * was written --no-name. An option's value points into argv and outlives the parse. False:
 * refused, with a phrase in `why` ("not a number"); the parser puts the option and its value
 * before it. */
typedef bool option_take_fn(void *target, const struct option_row *row, const char *value,
                            char *why, size_t why_size);

enum option_trait {
    OPTION_VALUE = 1,  /* takes a value; without: a flag */
    OPTION_NO = 2,     /* a flag that --no-name switches off */
    OPTION_LATER = 4,  /* known, but refused as not supported yet */
    OPTION_SECRET = 8, /* its value may hold a secret: complaints don't repeat it */
};

struct option_row {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    uint8_t traits;
    option_take_fn *take;     /* NULL: accepted without effect */
    size_t offset;            /* where in the target the usual functions store */
    uint64_t min, max;        /* option_count: what is allowed, inclusive */
    const char *const *words; /* option_word: NULL ends */
};

/* --help (-h) and --version (-V) belong to every table and have no row. */
struct option_table {
    const char *command; /* "get" */
    const char *help;    /* what --help prints */
    const struct option_row *rows;
    size_t count;
    option_take_fn *operand; /* called with a row of NULL; NULL: the subcommand takes no operands */
    /* Rows that it shares with others, whose struct its own begins with; or NULL. */
    const struct option_table *also;
};

/* ---- the usual ways to store a value; the member's type at row->offset is named ------------- */

option_take_fn option_flag;  /* bool */
option_take_fn option_text;  /* const char *: borrowed from argv */
option_take_fn option_count; /* unsigned: a whole number from min to max */
option_take_fn option_bytes; /* uint64_t: "10", "64k", "1.5M", "2G" */
option_take_fn option_ms; /* unsigned, milliseconds: "0.5" (seconds), "500ms", "30s", "2m", "1h" */
option_take_fn option_rate; /* double, a second: "100", "100/s", "30/m" */
option_take_fn option_word; /* int: index of the word in row->words */
option_take_fn option_list; /* struct option_list: adds the value */

/* Strings in the order given. `items` ends in NULL once there is one; NULL before that. */
struct option_list {
    const char **items;
    size_t count;
};
/* Adds `text`, borrowed. False when memory is out. */
bool option_list_add(struct option_list *list, const char *text);
/* Frees the array, not the strings. */
void option_list_deinit(struct option_list *list);

/* ---- parsing -------------------------------------------------------------------------------- */

enum option_end { OPTIONS_DONE, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

/* Reads argv[1] and on. OPTIONS_BAD: `line` holds what to print, without a newline. Stops at the
 * first fault. */
enum option_end options_parse(const struct option_table *table, int argc, char **argv, void *target,
                              char *line, size_t line_size);

/* The same for a subcommand's first line: prints help, version or the complaint itself and
 * returns the exit status to end with; -1: go on. */
int options_read(const struct option_table *table, int argc, char **argv, void *target);

/* Prints `ringfetch COMMAND: ` and the text as one line on stderr; returns RF_USAGE. */
__attribute__((format(printf, 2, 3))) int options_refuse(const char *command, const char *format,
                                                         ...);

#endif
