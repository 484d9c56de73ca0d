/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_name.h: what a file is called: name templates, and making of whatever a URL says a name that every file
 * system takes. Pure, but for the template's memory; a parsed template is constant, so any thread.
 *
 * Names are relative to the output's directory, their components divided by '/', never empty, "." or "..".
 *
 * Made safe, that is: control bytes, invalid UTF-8, '/', '\', '<', '>', ':', '"', '|', '?' and '*' become '_'; dots and
 * spaces at the end go; a device's name of Windows gets a '_' before it, and so does a name that looks like one of our
 * own unfinished files, which a server could otherwise plant for a later --on-exist resume; longer than 255 bytes is
 * cut, keeping the extension and adding a hash of the whole. A '-' in front stays: it is no file system's trouble.
 */
#ifndef OUTPUT_FILE_NAME_H
#define OUTPUT_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILE_NAME_BYTES_MAX = 255,  /* one component; what Linux file systems take */
    FILE_PATH_BYTES_MAX = 3071, /* all of them; leaves room for DIR below PATH_MAX */
    FILE_COMPONENTS_MAX = 128,
};

/* What a template may ask. */
struct name_facts {
    const char *url; /* normalised */
    const char *tag; /* or NULL */
    const char *sha256;
    uint64_t n;
    unsigned status;
};

struct name_template;

/* Returns NULL with a line in `why`: an unknown placeholder, an unmatched brace, "..", an absolute name. */
struct name_template *name_template_parse(const char *text, char *why, size_t why_size);
void name_template_free(struct name_template *name);

bool name_needs_status(const struct name_template *name);
bool name_needs_sha256(const struct name_template *name);

/* Writes the relative path and its NUL into `path` (FILE_PATH_BYTES_MAX + 1 bytes). False: no file can be called that, too long. */
bool name_expand(const struct name_template *name, const struct name_facts *facts, char *path);

/* The same from a name that the user gave for one request: refused (false) rather than made safe. */
bool name_check_wanted(const char *wanted, char *path);

/* Names beside `name`, a single component; each writes at most FILE_NAME_BYTES_MAX bytes and a NUL. */
void name_with_suffix(char *out, const char *name, unsigned suffix); /* NAME.7 */
void name_temporary(char *out, const char *name, unsigned pid,
                    unsigned once);               /* .NAME.PID.ONCE.part */
void name_part(char *out, const char *name);      /* .NAME.part */
void name_part_meta(char *out, const char *name); /* .NAME.part.meta */

#endif
