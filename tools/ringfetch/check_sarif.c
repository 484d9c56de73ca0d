/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_sarif.c: --sarif: SARIF 2.1.0 for code scanning, section numbers are that standard's.
 * Results are written as they come and what describes them (rules, the invocation) after them: an
 * object's members have no order. Only what is the target's fault is a result: an inconclusive link
 * that became an alert would be "fixed" by the next run, so these are counted in a notification
 * instead.
 *
 * GitHub refuses a file with more than 25,000 results; the rest is counted in a notification too.
 * Splitting them into several runs was rejected: GitHub takes the runs of one tool and category for
 * one.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_escape.h"
#include "check_reports.h"
#include "text.h"

enum {
    RESULTS_MAX = 25000, /* that GitHub accepts */
    RESULTS_SHOWN = 5000,
    SEEN_SLOTS = 65536, /* a power of two, well above RESULTS_MAX */
    MESSAGE_BYTES = 1024,
    STAMP_BYTES = 32,
    RULES_MAX = RF_KINDS_MAX + RF_VERDICTS
};

struct sarif {
    struct report_file file;
    uint64_t results, dropped, inconclusive;
    char begun[STAMP_BYTES];
    const char *rules[RULES_MAX]; /* of the results so far; static names */
    unsigned rule_count;
    struct {
        uint64_t hash; /* of a place's source and URL; 0: none */
        unsigned count;
    } seen[SEEN_SLOTS];
};

/* ---- text ------------------------------------------------------------------------------------ */

/* Brackets begin an embedded link and braces a placeholder in a message (3.11.5, 3.11.6), those
 * that text_escape writes too. */
static void write_message(FILE *out, const char *text) {
    char shown[2 * MESSAGE_BYTES], plain[2 * sizeof shown], *at = plain;
    text_escape(shown, sizeof shown, text);
    for (const char *from = shown; *from; from++) {
        if (strchr("[]\\", *from)) {
            *at++ = '\\';
        } else if (strchr("{}", *from)) {
            *at++ = *from;
        }
        *at++ = *from;
    }
    *at = '\0';
    text_json(out, plain);
}

static void write_member(FILE *out, const char *name, const char *text) {
    if (text && *text) {
        fprintf(out, ",\"%s\":", name);
        escape_json(out, text);
    }
}

/* UTC, as 3.9 has it. */
static void write_stamp(char out[STAMP_BYTES]) {
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, STAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* ---- results --------------------------------------------------------------------------------- */

/* FNV-1a, whose values stay the same for ever. The NUL counts, so that "a" "bc" is not "ab" "c". */
static uint64_t hash_add(uint64_t hash, const char *text) {
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    } while (*text++);
    return hash;
}

/* How often this link was seen in this place, this time included. */
static unsigned occurrence(struct sarif *sarif, uint64_t hash) {
    size_t slot = hash % SEEN_SLOTS;
    while (sarif->seen[slot].hash && sarif->seen[slot].hash != hash) {
        slot = (slot + 1) % SEEN_SLOTS;
    }
    sarif->seen[slot].hash = hash;
    return ++sarif->seen[slot].count;
}

/* Neither the line nor the error is part of it: an alert stays the same one when text is added
 * above the link, or when the server refuses today what it let time out yesterday.
 * primaryLocationLineHash is the name that GitHub knows. */
static void write_fingerprint(struct sarif *sarif, const struct rf_result *result,
                              const char *path) {
    uint64_t hash = hash_add(UINT64_C(0xCBF29CE484222325), path ? path : "");
    hash = hash_add(hash, result->url ? result->url : "");
    hash += !hash;
    unsigned count = occurrence(sarif, hash);
    fprintf(sarif->file.out,
            ",\"partialFingerprints\":{\"ringfetchLink/v1\":\"%016llx:%u\","
            "\"primaryLocationLineHash\":\"%016llx:%u\"}",
            (unsigned long long)hash, count, (unsigned long long)hash, count);
}

/* A link that was found in no file is its own place: without one GitHub drops the result. Columns
 * are bytes; a viewer that counts characters is off where others than ASCII stand before the
 * link. */
static void write_location(FILE *out, const struct rf_result *result, const char *path) {
    fputs(",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"", out);
    if (path) {
        fputs(*path == '/' ? "file://" : "", out);
        escape_uri(out, path, true);
    } else if (result->source && strstr(result->source, "://")) {
        escape_uri(out, result->source, false);
    } else if (result->final_url) {
        escape_uri(out, result->final_url, false);
    } else { /* no URL: whatever it is, a reference is made of it */
        escape_uri(out, result->url && *result->url ? result->url : "-", true);
    }
    fputs("\"}", out);
    if (result->line && result->source && strcmp(result->source, "-") != 0) {
        fprintf(out, ",\"region\":{\"startLine\":%llu", (unsigned long long)result->line);
        if (result->column) {
            fprintf(out, ",\"startColumn\":%u", result->column);
        }
        fputs("}", out);
    }
    fputs("}}]", out);
}

static void write_properties(FILE *out, const struct rf_result *result) {
    fprintf(out, ",\"properties\":{\"verdict\":\"%s\"", rf_verdict_name(result->verdict));
    write_member(out, "url", result->url);
    write_member(out, "finalUrl", result->final_url);
    write_member(out, "stage", rf_error_stage(report_error(result)));
    write_member(out, "change", result->change);
    write_member(out, "ip", result->ip);
    write_member(out, "tag", result->tag);
    if (result->status) {
        fprintf(out, ",\"status\":%u", result->status);
    }
    fputs("}", out);
}

static void note_rule(struct sarif *sarif, const char *rule) {
    for (unsigned i = 0; i < sarif->rule_count; i++) {
        if (strcmp(sarif->rules[i], rule) == 0) {
            return;
        }
    }
    if (sarif->rule_count < RULES_MAX) {
        sarif->rules[sarif->rule_count++] = rule;
    }
}

static void write_result(struct sarif *sarif, const struct rf_result *result) {
    FILE *out = sarif->file.out;
    char message[MESSAGE_BYTES], text[2 * MESSAGE_BYTES];
    const char *rule = report_kind(result), *path = report_path(result->source);
    note_rule(sarif, rule);
    fprintf(out, "%s{\"ruleId\":\"%s\",\"level\":\"%s\",\"message\":{\"text\":",
            sarif->results ? ",\n" : "", rule,
            result->verdict == RF_VERDICT_DEAD ? "error" : "warning");
    report_message(message, sizeof message, result);
    snprintf(text, sizeof text, "%s: %.1000s (%s)", rf_verdict_name(result->verdict),
             result->url ? result->url : "", message);
    write_message(out, text);
    fputs("}", out);
    write_location(out, result, path);
    write_fingerprint(sarif, result, path);
    write_properties(out, result);
    fputs("}", out);
    sarif->results++;
}

static void sarif_add(void *report, const struct rf_result *result) {
    struct sarif *sarif = report;
    if (result->verdict == RF_VERDICT_INCONCLUSIVE) {
        sarif->inconclusive++;
    } else if (result->verdict == RF_VERDICT_DEAD || result->verdict == RF_VERDICT_FLAKY ||
               result->verdict == RF_VERDICT_BLOCKED) {
        if (sarif->results < RESULTS_MAX) {
            write_result(sarif, result);
        } else {
            sarif->dropped++;
        }
    }
}

/* ---- what describes them --------------------------------------------------------------------- */

static const char *meaning_of(const char *rule) {
    struct rf_error_row row;
    for (size_t i = 0; rf_error_row(i, &row); i++) {
        if (strcmp(row.kind, rule) == 0) {
            return row.meaning;
        }
    }
    return NULL;
}

/* What somebody who is shown the alert can do. */
static const char *advice_for(const char *rule) {
    static const struct {
        const char *rule, *advice;
    } rows[] = {
        {"http-status", "The server is there but the page is not, or it can't be had. Correct or "
                        "remove the link."},
        {"no-such-host", "The name is misspelt or its domain is gone. Correct or remove the link."},
        {"no-such-fragment", "The page is there, but nothing in it has this id or name. Correct "
                             "the part after #."},
        {"no-such-file", "Correct the path, or add the file."},
        {"bad-url", "Correct the URL."},
        {"expectation", "The page answers otherwise than --expect demands. Correct whichever of "
                        "the two is wrong."},
        {"expired", "The owner of the server has to renew its certificate."},
        {"wrong-host", "The server has no certificate for this name. Use the name that it has one "
                       "for, or tell its owner."},
        {"too-many-redirects", "Link to where the redirects lead in the end."},
        {"redirect-loop", "The server redirects in a circle. Correct or remove the link."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].rule, rule) == 0) {
            return rows[i].advice;
        }
    }
    return "Open the link to see whether it is still so; if it stays, correct or remove it, or "
           "tell "
           "the owner of the server.";
}

static void write_rule(FILE *out, const char *rule) {
    char help[MESSAGE_BYTES];
    const char *meaning = meaning_of(rule);
    meaning = meaning ? meaning : "the link did not answer well every time";
    fprintf(out, "{\"id\":\"%s\",\"name\":\"%s\",\"shortDescription\":{\"text\":", rule, rule);
    write_message(out, meaning);
    fputs("},\"fullDescription\":{\"text\":", out);
    snprintf(help, sizeof help, "Checking a link found this: %s.", meaning);
    write_message(out, help);
    fputs("},\"help\":{\"text\":", out);
    write_message(out, advice_for(rule));
    fputs("},\"defaultConfiguration\":{\"level\":\"error\"},"
          "\"properties\":{\"tags\":[\"links\"]}}",
          out);
}

static void write_tool(const struct sarif *sarif) {
    FILE *out = sarif->file.out;
    fputs("\"tool\":{\"driver\":{\"name\":\"ringfetch\",\"version\":\"" RF_VERSION
          "\",\"semanticVersion\":\"" RF_VERSION "\",\"rules\":[",
          out);
    for (unsigned i = 0; i < sarif->rule_count; i++) {
        fputs(i ? ",\n" : "\n", out);
        write_rule(out, sarif->rules[i]);
    }
    fputs("]}}", out);
}

static void write_notification(FILE *out, bool first, const char *text) {
    fprintf(out, "%s{\"level\":\"warning\",\"message\":{\"text\":", first ? "" : ",");
    write_message(out, text);
    fputs("}}", out);
}

static void write_notifications(const struct sarif *sarif) {
    FILE *out = sarif->file.out;
    char text[MESSAGE_BYTES];
    bool first = true;
    if (sarif->dropped) {
        snprintf(text, sizeof text,
                 "Links that failed beyond the %d that are reported here: %llu. GitHub refuses "
                 "more in one run, and shows %d of them.",
                 RESULTS_MAX, (unsigned long long)sarif->dropped, RESULTS_SHOWN);
        write_notification(out, first, text);
        first = false;
    } else if (sarif->results > RESULTS_SHOWN) {
        snprintf(text, sizeof text, "GitHub shows %d of these %llu results.", RESULTS_SHOWN,
                 (unsigned long long)sarif->results);
        write_notification(out, first, text);
        first = false;
    }
    if (sarif->inconclusive) {
        snprintf(
            text, sizeof text,
            "Links that are not reported because nothing was found out about them: %llu. A fault "
            "of the machine that ran the check, or a limit of the run.",
            (unsigned long long)sarif->inconclusive);
        write_notification(out, first, text);
    }
}

/* Links that fail are what the tool is there to find: it did its work. */
static void write_invocation(const struct sarif *sarif, const struct check_run *run) {
    FILE *out = sarif->file.out;
    char ended[STAMP_BYTES];
    write_stamp(ended);
    fprintf(out,
            "\"invocations\":[{\"executionSuccessful\":%s,\"exitCode\":%d,"
            "\"startTimeUtc\":\"%s\",\"endTimeUtc\":\"%s\",\"toolExecutionNotifications\":[",
            run->exit == RF_OK || run->exit == RF_SOME_FAILED ? "true" : "false", (int)run->exit,
            sarif->begun, ended);
    write_notifications(sarif);
    fputs("]}]", out);
}

/* ---- the report ------------------------------------------------------------------------------ */

static bool sarif_open(void **report, const char *path, char *why, size_t why_size) {
    struct sarif *sarif = calloc(1, sizeof *sarif);
    if (!sarif) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    if (!report_file_open(&sarif->file, path, why, why_size)) {
        free(sarif);
        return false;
    }
    write_stamp(sarif->begun);
    fputs("{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\","
          "\"runs\":[{\"results\":[\n",
          sarif->file.out);
    *report = sarif;
    return true;
}

static bool sarif_close(void *report, const struct check_run *run, char *why, size_t why_size) {
    struct sarif *sarif = report;
    fputs("\n],\n", sarif->file.out);
    write_tool(sarif);
    fputs(",\n", sarif->file.out);
    write_invocation(sarif, run);
    fputs("}]}\n", sarif->file.out);
    bool whole = report_file_close(&sarif->file, why, why_size);
    free(sarif);
    return whole;
}

static void sarif_discard(void *report) {
    struct sarif *sarif = report;
    report_file_discard(&sarif->file);
    free(sarif);
}

const struct report_ops report_sarif = {.option = "sarif",
                                        .open = sarif_open,
                                        .add = sarif_add,
                                        .close = sarif_close,
                                        .discard = sarif_discard};
