/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * console.c: see console.h. The bar's line is erased with "\r\033[K" where TERM promises as much,
 * and with blanks on a dumb terminal that was asked for a bar by name. The state is the process's
 * one stderr, hence static.
 */
#include "console.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

enum { LINE_BYTES_MAX = 6144, BAR_BYTES_MAX = 512 };

static struct {
    pthread_mutex_t lock;
    bool is_tty, is_smart;
    char bar[BAR_BYTES_MAX]; /* what is on the screen, "" for nothing */
} console = {.lock = PTHREAD_MUTEX_INITIALIZER};

void console_open(void) {
    const char *term = getenv("TERM");
    console.is_tty = isatty(STDERR_FILENO);
    console.is_smart = console.is_tty && term && *term && strcmp(term, "dumb") != 0;
}

bool console_is_terminal(void) {
    return console.is_smart;
}

unsigned console_columns(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
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

/* Adds what takes the bar off the screen. */
static size_t add_erase(char *out, size_t size, size_t used) {
    if (!console.bar[0]) {
        return used;
    }
    if (console.is_smart) {
        return text_add(out, size, used, "\r\033[K");
    }
    return text_add(out, size, used, "\r%*s\r", (int)strlen(console.bar), "");
}

void console_line(const char *format, ...) {
    char text[LINE_BYTES_MAX];
    pthread_mutex_lock(&console.lock);
    size_t used = add_erase(text, sizeof text, 0);
    /* Room is kept for the newline and the bar: whatever is cut off, they are there. */
    size_t room = sizeof text - BAR_BYTES_MAX - 2;
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text + used, room - used, format, arguments);
    va_end(arguments);
    if (count > 0) {
        used = used + (size_t)count < room ? used + (size_t)count : room - 1;
    }
    used = text_add(text, sizeof text, used, "\n%s", console.bar);
    put(text, used);
    pthread_mutex_unlock(&console.lock);
}

void console_bar(const char *text) {
    char bytes[2 * BAR_BYTES_MAX + 8];
    pthread_mutex_lock(&console.lock);
    if (!console.is_tty) {
        if (text) {
            put(bytes, text_add(bytes, sizeof bytes, 0, "%.511s\n", text));
        }
    } else if (!in_background()) {
        size_t used = add_erase(bytes, sizeof bytes, 0);
        snprintf(console.bar, sizeof console.bar, "%s", text ? text : "");
        put(bytes, text_add(bytes, sizeof bytes, used, "%s", console.bar));
    }
    pthread_mutex_unlock(&console.lock);
}
