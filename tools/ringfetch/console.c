/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * console.c: see console.h. A bar is erased with "\r\033[K" where TERM promises as much, and with blanks on a dumb terminal that
 * was asked for a bar by name. A block is written over line by line, so that it does not flicker. The state is the process's one
 * stderr, hence static.
 *
 * Where the block begins is known from what was drawn and the terminal's width now: terminals that are made narrower wrap what is
 * on them (most; xterm cuts it off, and loses a line or two above the block). Asking the terminal for the cursor
 * was rejected: the answer comes on standard input, which belongs to a list of URLs.
 */
#include "console.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

enum { LINE_BYTES_MAX = 6144, BAR_BYTES_MAX = 512 };

static struct {
    pthread_mutex_t lock;
    bool is_tty, is_smart, has_colour;
    char drawn[CONSOLE_BLOCK_BYTES_MAX]; /* what is on the screen, "" for nothing */
    char out[2 * CONSOLE_BLOCK_BYTES_MAX + LINE_BYTES_MAX]; /* what is being written */
} console = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool was_stopped; /* SIGCONT came: other programs have written since */

static void on_continue(int signal_number) {
    (void)signal_number;
    atomic_store(&was_stopped, true);
}

void console_open(void) {
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    console.is_tty = isatty(STDERR_FILENO);
    console.is_smart = console.is_tty && term && *term && strcmp(term, "dumb") != 0;
    console.has_colour = console.is_smart && !(no_colour && *no_colour);
    console.drawn[0] = '\0';
    if (console.is_smart) {
        struct sigaction action = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
        sigaction(SIGCONT, &action, NULL);
    }
}

bool console_is_terminal(void) {
    return console.is_smart;
}

bool console_has_colour(void) {
    return console.has_colour;
}

static struct winsize size_now(void) {
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) {
        size = (struct winsize){0};
    }
    return size;
}

unsigned console_columns(void) {
    unsigned columns = size_now().ws_col;
    return columns ? columns : 80;
}

unsigned console_rows(void) {
    unsigned rows = size_now().ws_row;
    return rows ? rows : 24;
}

/* Nobody can be told that stderr can't be written. */
static void put(const char *text, size_t count) {
    while (count > 0) {
        ssize_t written = write(STDERR_FILENO, text, count);
        if (written < 0 && errno != EINTR) {
            return;
        }
        if (written > 0) {
            text += written;
            count -= (size_t)written;
        }
    }
}

static bool in_background(void) {
    pid_t group = tcgetpgrp(STDERR_FILENO);
    return group > 0 && group != getpgrp();
}

/* True if nothing may be drawn. What is on the screen is forgotten when it is no longer ours. */
static bool look_around(void) {
    bool hidden = !console.is_tty || in_background();
    if (atomic_exchange(&was_stopped, false) || hidden) {
        console.drawn[0] = '\0';
    }
    return hidden;
}

/* Rows of the terminal between the first and the last of what is drawn. */
static unsigned rows_above(void) {
    unsigned columns = console_columns(), rows = 0, width = 0;
    for (const char *at = console.drawn; *at; at++) {
        if (*at == '\033') {
            at += strcspn(at, "m");
            if (!*at) {
                break;
            }
        } else if (*at == '\n') {
            rows++;
            width = 0;
        } else if (++width > columns) {
            rows++;
            width = 1;
        }
    }
    return rows;
}

/* Adds what takes the cursor to the first column and row of what is drawn. */
static size_t add_home(size_t used) {
    unsigned rows = rows_above();
    return rows ? text_add(console.out, sizeof console.out, used, "\r\033[%uA", rows)
                : text_add(console.out, sizeof console.out, used, "\r");
}

/* Adds what takes the bar or block off the screen. */
static size_t add_erase(size_t used) {
    if (!console.drawn[0]) {
        return used;
    }
    if (console.is_smart) {
        bool is_bar = rows_above() == 0;
        used = add_home(used);
        return text_add(console.out, sizeof console.out, used, is_bar ? "\033[K" : "\033[J");
    }
    return text_add(console.out, sizeof console.out, used, "\r%*s\r", (int)strlen(console.drawn),
                    "");
}

void console_line(const char *format, ...) {
    pthread_mutex_lock(&console.lock);
    look_around();
    size_t used = add_erase(0), room = used + LINE_BYTES_MAX;
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(console.out + used, room - used, format, arguments);
    va_end(arguments);
    if (count > 0) {
        used = used + (size_t)count < room ? used + (size_t)count : room - 1;
    }
    /* Room is left for the newline and the block: whatever was cut off, they are there. */
    used = text_add(console.out, sizeof console.out, used, "\n%s", console.drawn);
    put(console.out, used);
    pthread_mutex_unlock(&console.lock);
}

void console_bar(const char *text) {
    pthread_mutex_lock(&console.lock);
    bool hidden = look_around();
    if (!console.is_tty) {
        if (text) {
            put(console.out,
                text_add(console.out, sizeof console.out, 0, "%.*s\n", BAR_BYTES_MAX - 1, text));
        }
    } else if (!hidden) {
        size_t used = add_erase(0);
        snprintf(console.drawn, sizeof console.drawn, "%.*s", BAR_BYTES_MAX - 1, text ? text : "");
        put(console.out, text_add(console.out, sizeof console.out, used, "%s", console.drawn));
    }
    pthread_mutex_unlock(&console.lock);
}

/* Writes over what is drawn; what was longer or lower than the new text is erased as it goes. */
static size_t add_over(const char *text, size_t used) {
    if (console.drawn[0]) {
        used = add_home(used);
    }
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        bool is_last = !at[length];
        used = text_add(console.out, sizeof console.out, used, "%.*s\033[K%s", (int)length, at,
                        is_last ? "\033[J" : "\n");
        at += length + !is_last;
    }
    return used;
}

void console_block(const char *text) {
    if (!console.is_smart || !text || strlen(text) >= sizeof console.drawn) {
        console_bar(NULL);
        return;
    }
    pthread_mutex_lock(&console.lock);
    if (!look_around()) {
        size_t used = *text ? add_over(text, 0) : add_erase(0);
        put(console.out, used);
        snprintf(console.drawn, sizeof console.drawn, "%s", text);
    }
    pthread_mutex_unlock(&console.lock);
}
