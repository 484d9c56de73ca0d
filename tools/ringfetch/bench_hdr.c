/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_hdr.c: --hdr: a .hlog file, as HdrHistogram's own tools read it. Main thread, after the run. One interval, the whole
 * measured part, for each histogram. Values are nanoseconds, and the largest of each line is given in milliseconds, which is the
 * ratio that those tools assume if they are not told another.
 *
 * What stands without a tag is the latency of one server, as tools look at lines without a tag only unless they are asked for
 * one; with two servers the tags are A and B. All else has a tag: `raw`, `first_byte`, `A.connect`, and a request's name. A line a second was
 * rejected: seconds have quantiles, not histograms, and a decoder would have to add them up.
 */
#include <stdlib.h>
#include <string.h>

#include "bench_text.h"

#define NS_IN_MS 1e6

enum { TAG_BYTES = 1024 };

static bool write_text(FILE *file, char *text) {
    bool whole = text && fputs(text, file) >= 0;
    free(text);
    return whole;
}

/* "A", "raw", "A.raw"; NULL where neither is. */
static const char *make_tag(char tag[TAG_BYTES], const char *side, const char *what) {
    bool both = *side && *what;
    snprintf(tag, TAG_BYTES, "%.900s%s%s", *side ? side : what, both ? "." : "", both ? what : "");
    return *tag ? tag : NULL;
}

static bool write_line(FILE *file, const struct rf_histogram *histogram, const char *side,
                       const char *what, double seconds) {
    char tag[TAG_BYTES];
    if (!histogram) {
        return true;
    }
    return write_text(file, rf_histogram_log_line(histogram, make_tag(tag, side, what), 0,
                                                  seconds > 0 ? seconds : 0, NS_IN_MS));
}

static bool write_entries(FILE *file, const struct rf_load_figures *figures, const char *side) {
    struct bench_names names;
    if (!bench_names_init(&names, figures, side)) {
        return false;
    }
    bool whole = true;
    for (size_t i = 1; whole && names.count > 2 && i < names.count; i++) {
        whole =
            write_line(file, figures->entry[i - 1].latency, names.text[i], "", figures->seconds);
    }
    bench_names_deinit(&names);
    return whole;
}

static bool write_side(FILE *file, const struct rf_load_figures *figures, const char *side) {
    const struct {
        const char *name;
        const struct rf_histogram *histogram;
    } lines[] = {
        {"", figures->latency},        {"raw", figures->raw}, {"first_byte", figures->first_byte},
        {"connect", figures->connect}, {"tls", figures->tls}, {"slip", figures->slip},
    };
    bool whole = true;
    for (size_t i = 0; whole && i < sizeof lines / sizeof *lines; i++) {
        if (i == 0 || bench_total(lines[i].histogram)) {
            whole = write_line(file, lines[i].histogram, side, lines[i].name, figures->seconds);
        }
    }
    return whole && write_entries(file, figures, side);
}

bool bench_hdr_write(FILE *file, const struct bench_run *run) {
    struct bench_sides sides = bench_sides_measured(run);
    bool whole = write_text(file, rf_histogram_log_begin((double)run->started_us / 1e6));
    for (unsigned i = 0; whole && i < sides.count; i++) {
        whole = write_side(file, sides.figures[i], sides.name[i]);
    }
    return fflush(file) == 0 && !ferror(file) && whole;
}
