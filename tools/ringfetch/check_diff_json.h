/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_diff_json.h: reads one record (docs/formats.md) of a line of text: the few members that a comparison needs; the rest is
 * passed over, but must be well-formed. Bytes in, values out: no allocation, any thread. Rejected: jansson, which builds a tree of
 * some 50 allocations for each of ten million records, four fifths of which nobody asks for.
 */
#ifndef TOOLS_CHECK_DIFF_JSON_H
#define TOOLS_CHECK_DIFF_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text as it lies in the line, or unescaped: NUL bytes may be in it. NULL: null, or no such member. */
struct json_text {
    const char *at;
    size_t count;
};

struct json_record {
    struct json_text url, verdict, final_url, fingerprint, fault;
    unsigned status; /* 0: none */
    bool ok, has_ok, skipped;
    bool wrong_version; /* a record, but none of version 1 */
};

/* Reads `line`, which must be writable: texts with escapes are unescaped where they lie. Returns NULL, or what is wrong with it, for
 * people; never ends in a newline. */
const char *json_record_read(struct json_record *record, char *line, size_t count);

#endif
