/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <time.h>

#include "base/clock.h"

/* What strangers sent may hold anything but controls; bytes beyond ASCII could be a terminal's C1 controls. */
static void write_escaped(FILE *log, struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < 0x7f)
            putc_unlocked(text.at[i], log);
        else
            fprintf(log, "\\x%02x", text.at[i]);
    }
}

void log_request(FILE *log, const struct request *request, struct span head) {
    enum { STATUS_AT = 9, STATUS_DIGITS = 3 };
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    char when[32];
    gmtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    flockfile(log);
    fprintf(log, "%s.%03dZ ", when, (int)(now_us / 1000 % 1000));
    write_escaped(log, request->method);
    putc_unlocked(' ', log);
    write_escaped(log, request->target);
    if (head.len >= STATUS_AT + STATUS_DIGITS && memcmp(head.at, "HTTP/1.1 ", STATUS_AT) == 0)
        fprintf(log, " %.*s\n", STATUS_DIGITS, (const char *)head.at + STATUS_AT);
    else
        fputs(" -\n", log);
    funlockfile(log);
}
