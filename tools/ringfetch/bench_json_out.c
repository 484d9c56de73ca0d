/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_json_out.c: see bench_json_out.h. Faults of the file stay in the FILE; the caller asks ferror once at the end. One
 * thread; the locale is that thread's alone.
 */
#include "bench_json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "text.h"

bool out_begin(struct json_out *out, FILE *file) {
    *out = (struct json_out){.file = file};
    out->own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!out->own)
        return false;
    out->before = uselocale(out->own);
    return true;
}

void out_end(struct json_out *out) {
    fputc('\n', out->file);
    uselocale(out->before);
    freelocale(out->own);
}

static void put_line(struct json_out *out) {
    fputc('\n', out->file);
    for (unsigned i = 0; i < out->depth; i++)
        fputs("  ", out->file);
}

static void put_name(struct json_out *out, const char *name) {
    if (out->begun)
        fputc(',', out->file);
    if (out->flat && out->begun)
        fputc(' ', out->file);
    else if (!out->flat && out->depth)
        put_line(out);
    if (name) {
        text_json(out->file, name);
        fputs(": ", out->file);
    }
    out->begun = true;
}

void out_open(struct json_out *out, const char *name, char bracket) {
    put_name(out, name);
    fputc(bracket, out->file);
    out->begun = false;
    out->depth++;
    out->flat += out->flat > 0;
}

void out_open_row(struct json_out *out, const char *name, char bracket) {
    out_open(out, name, bracket);
    out->flat += out->flat == 0;
}

void out_close(struct json_out *out, char bracket) {
    out->depth--;
    if (out->flat)
        out->flat--;
    else if (out->begun)
        put_line(out);
    fputc(bracket, out->file);
    out->begun = true;
}

/* 2^63 - 1 at most: beyond that most readers make something else of it. */
void out_count(struct json_out *out, const char *name, uint64_t value) {
    put_name(out, name);
    fprintf(out->file, "%" PRIu64, value < INT64_MAX ? value : (uint64_t)INT64_MAX);
}

void out_number(struct json_out *out, const char *name, double value) {
    char text[32];
    put_name(out, name);
    if (!isfinite(value)) {
        fputs("null", out->file);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (!(strtod(text, NULL) < value) && !(strtod(text, NULL) > value))
            break;
    }
    fputs(text, out->file);
}

void out_boolean(struct json_out *out, const char *name, bool value) {
    put_name(out, name);
    fputs(value ? "true" : "false", out->file);
}

void out_text(struct json_out *out, const char *name, const char *value) {
    put_name(out, name);
    if (value)
        text_json(out->file, value);
    else
        fputs("null", out->file);
}
