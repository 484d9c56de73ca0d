/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * report_file.h: how the report of a run, check's or bench's, comes to its file: opened before the run, so that a path that can't be
 * written stops it in time, and there under its name when it is whole. Main thread, but for what is written to `out`.
 */
#ifndef TOOLS_REPORT_FILE_H
#define TOOLS_REPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { REPORT_WHY_BYTES = 512 };

/* The file of a report: written under a temporary name beside its own, which it takes when it is
 * whole. Standard output ("-") and what exists and is no file (/dev/..., a pipe) get all of it at
 * the end, so that it does not mix with records; it can be sought in either way. */
struct report_file {
    FILE *out;
    char *path;      /* as the user named it */
    char *target;    /* links followed; NULL: no file */
    char *temporary; /* NULL: none */
    int fd;          /* where it is copied to; -1: nowhere */
};
bool report_file_open(struct report_file *file, const char *path, char *why, size_t why_size);
/* The same, but what is in the file already stays before it. */
bool report_file_append(struct report_file *file, const char *path, char *why, size_t why_size);
/* False where not all could be written; the file is closed then too, and the temporary name
 * gone. */
bool report_file_close(struct report_file *file, char *why, size_t why_size);
/* Instead of closing it: no file is made or changed. */
void report_file_discard(struct report_file *file);

#endif
