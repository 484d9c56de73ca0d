/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_threshold.c: see bench_threshold.h. One pass over the text; numbers are digits and one point, as everywhere on the command
 * line: strtod alone takes "inf", signs and hexadecimal, and none of these is a limit that anybody meant.
 */
#include "bench_threshold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "text.h"

static const char quantities[] =
    "rps, errors, cpu, mean, min, max, pN (p99, p99.9), and these with connect_, tls_ or "
    "first_byte_ before them";
static const char examples[] = "p99>20ms, errors>0.1%, rps<10000, p50>+5%";

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t");
}

/* Moves *at past "12", "1.5" or ".5". */
static bool take_number(const char **at, double *number) {
    char digits[32];
    size_t count = strspn(*at, "0123456789.");
    if (count == 0 || count >= sizeof digits)
        return false;
    memcpy(digits, *at, count);
    digits[count] = '\0';
    const char *point = strchr(digits, '.');
    if (strlen(digits) == (size_t)(point != NULL) || (point && strchr(point + 1, '.')))
        return false;
    *number = strtod(digits, NULL);
    *at += count;
    return true;
}

static bool take_prefix(const char **at, const char *prefix) {
    size_t count = strlen(prefix);
    if (strncmp(*at, prefix, count) != 0)
        return false;
    *at += count;
    return true;
}

/* ---- what ---------------------------------------------------------------------------------------- */

static bool parse_point(const char *at, struct threshold_rule *rule) {
    static const char *const names[] = {
        [POINT_MEAN] = "mean", [POINT_MIN] = "min", [POINT_MAX] = "max"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(at, names[i]) == 0) {
            rule->point = (enum threshold_point)i;
            return true;
        }
    }
    rule->point = POINT_PERCENTILE;
    return *at++ == 'p' && take_number(&at, &rule->percent) && !*at && rule->percent > 0 &&
           rule->percent <= 100;
}

static bool parse_quantity(struct threshold_rule *rule) {
    const char *at = rule->name;
    rule->kind = strcmp(at, "rps") == 0      ? THRESHOLD_RPS
                 : strcmp(at, "errors") == 0 ? THRESHOLD_ERRORS
                 : strcmp(at, "cpu") == 0    ? THRESHOLD_CPU
                                             : THRESHOLD_TIME;
    if (rule->kind != THRESHOLD_TIME)
        return true;
    rule->phase = take_prefix(&at, "connect_")      ? PHASE_CONNECT
                  : take_prefix(&at, "tls_")        ? PHASE_TLS
                  : take_prefix(&at, "first_byte_") ? PHASE_FIRST_BYTE
                                                    : PHASE_LATENCY;
    return parse_point(at, rule);
}

/* ---- how much ------------------------------------------------------------------------------------ */

/* All return a complaint, or NULL. */
static const char *parse_relative(const char *at, struct threshold_rule *rule) {
    double sign = *at++ == '-' ? -1 : 1;
    if (!take_number(&at, &rule->value) || strcmp(skip_blanks(at), "%") != 0)
        return "a change is a number with %, such as +5%";
    rule->relative = true;
    rule->share = true;
    rule->value *= sign / 100;
    return rule->value < -1 ? "nothing can fall by more than 100%" : NULL;
}

static const char *parse_duration(const char *unit, struct threshold_rule *rule) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"\u00b5s", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            rule->value *= units[i].ns;
            return NULL;
        }
    }
    return *unit ? "the units of time are ns, us, ms and s"
                 : "a duration needs its unit: ns, us, ms or s";
}

static const char *parse_errors(const char *unit, struct threshold_rule *rule) {
    rule->share = strcmp(unit, "%") == 0;
    if (rule->share) {
        rule->value /= 100;
        return rule->value > 1 ? "more than 100% can't fail" : NULL;
    }
    if (*unit)
        return "errors are a number, or a share of all requests with %";
    return rule->value > 1e15 || rule->value > (double)(uint64_t)rule->value
               ? "errors are counted whole; a share of all requests has %"
               : NULL;
}

static const char *parse_value(const char *at, struct threshold_rule *rule) {
    if (*at == '+' || *at == '-')
        return parse_relative(at, rule);
    if (!take_number(&at, &rule->value))
        return "there is no number to compare with";
    at = skip_blanks(at);
    switch (rule->kind) {
    case THRESHOLD_RPS:
        return *at ? "requests a second are a number without a unit" : NULL;
    case THRESHOLD_ERRORS:
        return parse_errors(at, rule);
    case THRESHOLD_CPU:
    case THRESHOLD_TIME:
        break;
    }
    return parse_duration(at, rule);
}

bool threshold_parse(const char *text, struct threshold_rule *rule, char *why, size_t why_size) {
    char plain[96];
    *rule = (struct threshold_rule){0};
    text = skip_blanks(text);
    size_t name = strcspn(text, " \t<>=");
    const char *op = skip_blanks(text + name);
    if ((*op != '<' && *op != '>') || !name || strlen(op) >= sizeof plain) {
        snprintf(why, why_size, "not a condition such as %s", examples);
        return false;
    }
    snprintf(rule->name, sizeof rule->name, "%.*s", (int)(name < 31 ? name : 31), text);
    if (name >= sizeof rule->name || !parse_quantity(rule)) {
        char shown[64];
        snprintf(why, why_size, "there is no %s; there are %s",
                 text_escape(shown, sizeof shown, rule->name), quantities);
        return false;
    }
    rule->above = *op++ == '>';
    rule->equal = *op == '=';
    op += rule->equal;
    snprintf(plain, sizeof plain, "%s", skip_blanks(op));
    for (size_t end = strlen(plain); end && strchr(" \t", plain[end - 1]); end--)
        plain[end - 1] = '\0';
    const char *complaint = parse_value(plain, rule);
    if (complaint)
        snprintf(why, why_size, "%s", complaint);
    return !complaint;
}

bool bench_threshold_is_valid(const char *text, char *why, size_t why_size) {
    struct threshold_rule rule;
    return threshold_parse(text, &rule, why, why_size);
}
