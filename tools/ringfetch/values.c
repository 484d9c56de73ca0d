/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * values.c: see values.h. Everything begins with value_decimal, which takes digits and one point
 * and nothing else; the conversion itself is strtod's, in the "C" locale that the program never
 * leaves.
 */
#include "values.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 1000000 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads "12", "1.5" or ".5"; *rest is what follows. False without a digit. */
static bool value_decimal(const char *text, double *number, const char **rest) {
    const char *at = text;
    unsigned digits = 0;
    for (; is_digit(*at); at++) {
        digits++;
    }
    if (*at == '.') {
        for (at++; is_digit(*at); at++) {
            digits++;
        }
    }
    *rest = at;
    if (digits == 0) {
        return false;
    }
    /* strtod would read on in "1e5" or "0x10", so it is given what was checked: nothing follows
     * that it could take, except an exponent or an x, which are no unit here. */
    if (*at == 'e' || *at == 'E' || *at == 'x' || *at == 'X') {
        return false;
    }
    *number = strtod(text, NULL);
    return true;
}

const char *value_count(const char *text, uint64_t *count) {
    uint64_t sum = 0;
    if (*text == '\0') {
        return "not a number";
    }
    for (const char *at = text; *at; at++) {
        if (!is_digit(*at)) {
            return "not a number";
        }
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum)) {
            return "too large";
        }
    }
    *count = sum;
    return NULL;
}

const char *value_bytes(const char *text, uint64_t *bytes) {
    static const char wrong[] = "not a size such as 1000, 64k, 1.5M or 2G";
    double number;
    const char *unit;
    if (!value_decimal(text, &number, &unit)) {
        return wrong;
    }
    if (*unit) {
        static const char units[] = "kKmMgGtT";
        const char *found = strchr(units, *unit);
        if (!found || unit[1]) {
            return wrong;
        }
        number *= (double)(UINT64_C(1) << (10 * ((found - units) / 2 + 1)));
    }
    if (number >= 9223372036854775808.0) { /* 2^63: offsets in files are signed */
        return "too large";
    }
    *bytes = (uint64_t)number;
    if (*bytes == 0 && number > 0) {
        *bytes = 1;
    }
    return NULL;
}

const char *value_ms(const char *text, unsigned *ms) {
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    double number;
    const char *unit;
    if (value_decimal(text, &number, &unit)) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            if (strcmp(unit, units[i].name) != 0) {
                continue;
            }
            double exact = number * units[i].ms;
            if (exact >= (double)UINT_MAX) {
                return "too long (at most 49 days)";
            }
            *ms = (unsigned)(exact + 0.5);
            if (*ms == 0 && exact > 0) {
                *ms = 1;
            }
            return NULL;
        }
    }
    return "not a time such as 0.5 (seconds), 500ms, 2m or 1h";
}

const char *value_rate(const char *text, double *per_second) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/h", 3600}};
    double number;
    const char *unit;
    if (value_decimal(text, &number, &unit)) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            if (strcmp(unit, units[i].name) == 0) {
                if (number > 1e9) {
                    return "too large";
                }
                *per_second = number / units[i].seconds;
                return NULL;
            }
        }
    }
    return "not a rate such as 100, 100/s or 30/m";
}

const char *value_shard(const char *text, unsigned *shard, unsigned *shards) {
    static const char wrong[] = "not a part such as 1/4 (the first of four)";
    const char *slash = strchr(text, '/');
    char first[12];
    if (!slash || (size_t)(slash - text) >= sizeof first) {
        return wrong;
    }
    memcpy(first, text, (size_t)(slash - text));
    first[slash - text] = '\0';
    uint64_t part, parts;
    if (value_count(first, &part) || value_count(slash + 1, &parts) || parts > SHARDS_MAX ||
        part < 1 || part > parts) {
        return wrong;
    }
    *shard = (unsigned)part;
    *shards = (unsigned)parts;
    return NULL;
}
