/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_fingerprint.c: where a run was measured, and whether that is where another one was. Two runs are alike only if all is equal
 * that moves figures by more than what people look for; what is not known of one of them counts as unlike, as a verdict
 * that rests on a guess is worth less than none. Main thread.
 *
 * Rejected: a hash of all of it, which could not say what is different.
 */
#include "bench_fingerprint.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"
#include "text.h"

enum { CPUS_FIRST = 1024, CPUS_LAST = 1 << 20 };

/* ---- reading it --------------------------------------------------------------------------------- */

/* The value of a line "name<TAB>: value", with its end cut off; NULL: the line is another one. */
static const char *line_value(char *line, const char *name) {
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0)
        return NULL;
    char *at = line + length + strspn(line + length, " \t");
    if (*at != ':')
        return NULL;
    at += 1 + strspn(at + 1, " \t");
    at[strcspn(at, "\r\n")] = '\0';
    return *at ? at : NULL;
}

char *bench_fingerprint_cpu(FILE *cpuinfo, char *text, size_t size) {
    char line[1024], implementer[32] = "", part[32] = "";
    text[0] = '\0';
    while (!*text && fgets(line, sizeof line, cpuinfo)) {
        const char *value;
        if ((value = line_value(line, "model name")) || (value = line_value(line, "cpu")) ||
            (value = line_value(line, "cpu model")) || (value = line_value(line, "uarch"))) {
            snprintf(text, size, "%s", value);
        } else if ((value = line_value(line, "CPU implementer"))) {
            snprintf(implementer, sizeof implementer, "%s", value);
        } else if ((value = line_value(line, "CPU part"))) {
            snprintf(part, sizeof part, "%s", value);
        }
    }
    /* 64-bit Arm has no name there, only the two numbers that its manuals list. */
    if (!*text && *implementer)
        snprintf(text, size, "ARM implementer %s part %s", implementer, *part ? part : "?");
    return text;
}

static char *read_cpu(void) {
    char text[256] = "";
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file) {
        bench_fingerprint_cpu(file, text, sizeof text);
        fclose(file);
    }
    return strdup(text);
}

/* Of a container's share too: what the affinity mask holds. The kernel refuses masks shorter than its own. */
static unsigned read_cores(void) {
    for (size_t count = CPUS_FIRST; count <= CPUS_LAST; count *= 2) {
        cpu_set_t *set = CPU_ALLOC(count);
        size_t size = CPU_ALLOC_SIZE(count);
        bool known = set && sched_getaffinity(0, size, set) == 0;
        int found = known ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (known)
            return (unsigned)found;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 0;
}

static char *read_system(void) {
    struct utsname name;
    char *text = NULL;
    if (uname(&name) != 0)
        return strdup("");
    return asprintf(&text, "%s %s %s", name.sysname, name.release, name.machine) < 0 ? NULL : text;
}

static char *read_host(void) {
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) != 0)
        name[0] = '\0';
    return strdup(name);
}

/* What others fill in is never NULL either. */
static bool fill_empty(struct bench_fingerprint *fingerprint) {
    char **const others[] = {&fingerprint->tls, &fingerprint->options, &fingerprint->url};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!*others[i] && !(*others[i] = strdup("")))
            return false;
    }
    return true;
}

static void take_text(char **place, char *text) {
    free(*place);
    *place = text;
}

bool bench_fingerprint_read(struct bench_fingerprint *fingerprint) {
    take_text(&fingerprint->system, read_system());
    take_text(&fingerprint->cpu, read_cpu());
    take_text(&fingerprint->version, strdup(RF_VERSION));
    take_text(&fingerprint->host, read_host());
    fingerprint->cores = read_cores();
    return fill_empty(fingerprint) && fingerprint->system && fingerprint->cpu &&
           fingerprint->version && fingerprint->host;
}

void bench_fingerprint_deinit(struct bench_fingerprint *fingerprint) {
    free(fingerprint->system);
    free(fingerprint->cpu);
    free(fingerprint->tls);
    free(fingerprint->version);
    free(fingerprint->options);
    free(fingerprint->url);
    free(fingerprint->host);
    *fingerprint = (struct bench_fingerprint){0};
}

/* ---- comparing ---------------------------------------------------------------------------------- */

/* Saved files are anybody's: escaped. */
static const char *say(char *text, size_t size, const char *what, const char *then,
                       const char *now) {
    char shown_then[160], shown_now[160];
    snprintf(text, size, "%s: %s then, %s now", what,
             text_escape(shown_then, sizeof shown_then, then),
             text_escape(shown_now, sizeof shown_now, now));
    return text;
}

/* The first word that differs, with what it was then and is now: a line of options is too long to look for it. */
static const char *say_options(char *text, size_t size, const char *then, const char *now) {
    for (;;) {
        then += strspn(then, " ");
        now += strspn(now, " ");
        size_t count_then = strcspn(then, " "), count_now = strcspn(now, " ");
        bool equal = count_then == count_now && memcmp(then, now, count_then) == 0;
        if (!equal || !count_then) {
            char was[128], is[128];
            snprintf(was, sizeof was, "%.*s", (int)(count_then < 120 ? count_then : 120), then);
            snprintf(is, sizeof is, "%.*s", (int)(count_now < 120 ? count_now : 120), now);
            return say(text, size, "other options", *was ? was : "none", *is ? is : "none");
        }
        then += count_then;
        now += count_now;
    }
}

static const char *known(const char *text, const char *unknown) {
    return text && *text ? text : unknown;
}

const char *bench_fingerprint_differs(const struct bench_fingerprint *then,
                                      const struct bench_fingerprint *now, char *text,
                                      size_t size) {
    const struct {
        const char *what, *unknown, *then, *now;
    } rows[] = {{"another kernel", "an unknown one", then->system, now->system},
                {"another processor", "an unknown one", then->cpu, now->cpu},
                {"other TLS", "none", then->tls, now->tls},
                {"another version of ringfetch", "an unknown one", then->version, now->version}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *was = known(rows[i].then, rows[i].unknown);
        const char *is = known(rows[i].now, rows[i].unknown);
        if (strcmp(was, is) != 0)
            return say(text, size, rows[i].what, was, is);
        if (i == 1 && then->cores != now->cores) {
            char cores_then[16], cores_now[16];
            snprintf(cores_then, sizeof cores_then, "%u", then->cores);
            snprintf(cores_now, sizeof cores_now, "%u", now->cores);
            return say(text, size, "another number of cores", cores_then, cores_now);
        }
    }
    const char *was = known(then->options, ""), *is = known(now->options, "");
    return strcmp(was, is) == 0 ? NULL : say_options(text, size, was, is);
}
