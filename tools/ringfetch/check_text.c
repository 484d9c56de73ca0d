/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_text.c: see check_text.h. Pure; any thread.
 */
#include "check_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

char *check_text_count(char *out, size_t size, uint64_t count) {
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            out[used++] = ',';
        }
        if (used + 1 < size) {
            out[used++] = digits[i];
        }
    }
    out[used] = '\0';
    return out;
}

char *check_text_share(char *out, size_t size, uint64_t count, uint64_t of) {
    double share = of ? 100.0 * (double)count / (double)of : 0;
    bool all_but = count < of && share >= 99.95, hardly = count > 0 && share < 0.05;
    if (of == 0) {
        snprintf(out, size, "%s", "");
    } else if (all_but || hardly) {
        snprintf(out, size, "%s", hardly ? "<0.1%" : ">99.9%");
    } else {
        snprintf(out, size, "%.1f%%", share);
    }
    return out;
}

char *check_text_ms(char *out, size_t size, double ms) {
    if (ms >= 999.5) {
        return text_seconds(out, size, ms / 1000);
    }
    int decimals = ms < 0.995 ? 2 : ms < 99.95 ? 1 : 0;
    snprintf(out, size, "%.*f ms", decimals, ms > 0 ? ms : 0);
    return out;
}

char *check_text_host(char *out, size_t size, unsigned width, const char *host) {
    char shown[1024];
    text_escape(shown, sizeof shown, host);
    /* What is left beyond ASCII is harmless, but as wide as the terminal pleases. */
    size_t used = 0;
    for (const char *at = shown; *at; at++) {
        if ((*at & 0xC0) != 0x80) {
            shown[used++] = (unsigned char)*at < 0x80 ? *at : '?';
        }
    }
    shown[used] = '\0';
    if (used <= width) {
        snprintf(out, size, "%s", shown);
        return out;
    }
    /* Subdomains differ at the beginning, domains and ports at the end. */
    unsigned kept = width > 3 ? width - 3 : 0, tail = (kept + 1) / 2;
    snprintf(out, size, "%.*s...%s", (int)(kept - tail), shown, shown + used - tail);
    return out;
}
