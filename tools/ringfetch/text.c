/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text.c: see text.h. The decoder accepts exactly the well-formed sequences of the Unicode
 * Standard's table 3-7: a terminal that is laxer than we are would otherwise see a control
 * character that we did not.
 */
#include "text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* Decodes one character of NUL-terminated text. Returns its length, 0 if there is no well-formed
 * one. */
static size_t decode(const unsigned char *at, uint32_t *code) {
    static const struct {
        uint8_t first, last;   /* lead bytes */
        uint8_t low, high;     /* the second byte */
        uint8_t count, prefix; /* length; bits of the lead byte that belong to the length */
    } rows[] = {
        {0x01, 0x7F, 0, 0, 1, 0},          {0xC2, 0xDF, 0x80, 0xBF, 2, 0xC0},
        {0xE0, 0xE0, 0xA0, 0xBF, 3, 0xE0}, {0xE1, 0xEC, 0x80, 0xBF, 3, 0xE0},
        {0xED, 0xED, 0x80, 0x9F, 3, 0xE0}, {0xEE, 0xEF, 0x80, 0xBF, 3, 0xE0},
        {0xF0, 0xF0, 0x90, 0xBF, 4, 0xF0}, {0xF1, 0xF3, 0x80, 0xBF, 4, 0xF0},
        {0xF4, 0xF4, 0x80, 0x8F, 4, 0xF0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (at[0] < rows[i].first || at[0] > rows[i].last) {
            continue;
        }
        uint32_t sum = at[0] ^ rows[i].prefix;
        for (size_t k = 1; k < rows[i].count; k++) {
            uint8_t low = k == 1 ? rows[i].low : 0x80, high = k == 1 ? rows[i].high : 0xBF;
            if (at[k] < low || at[k] > high) {
                return 0;
            }
            sum = sum << 6 | (at[k] & 0x3Fu);
        }
        *code = sum;
        return rows[i].count;
    }
    return 0;
}

/* Characters that move the cursor, start a command, reorder what is shown, break the line or
 * hide. */
static bool is_unsafe(uint32_t code) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0x0000, 0x001F},   {0x007F, 0x009F}, {0x00AD, 0x00AD}, {0x061C, 0x061C},
                  {0x180E, 0x180E},   {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                  {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
                  {0xF0000, 0x10FFFF}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Writes the harmless form of what stands at `at`; *taken is how much of it that covers. */
static size_t escape_one(char piece[16], const unsigned char *at, size_t *taken) {
    uint32_t code;
    size_t count = decode(at, &code);
    *taken = count ? count : 1;
    if (count == 0 || (count == 1 && is_unsafe(code))) {
        return (size_t)snprintf(piece, 16, "\\x%02x", at[0]);
    }
    if (is_unsafe(code)) {
        return (size_t)snprintf(piece, 16, "\\u{%x}", code);
    }
    memcpy(piece, at, count);
    return count;
}

char *text_escape(char *out, size_t size, const char *text) {
    static const char more[] = "...";
    size_t used = 0, cut = 0; /* cut: up to where "..." would still fit */
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        char piece[16];
        size_t taken, count = escape_one(piece, at, &taken);
        if (used + count >= size) {
            snprintf(out + cut, size - cut, "%s", more);
            return out;
        }
        memcpy(out + used, piece, count);
        used += count;
        at += taken;
        if (used + sizeof more <= size) {
            cut = used;
        }
    }
    out[used] = '\0';
    return out;
}

/* Scales by steps of `base`; the number stays below 999.5 where there is a larger unit, so that
 * it never rounds to four digits. */
static double scale(double number, double base, unsigned units, unsigned *unit) {
    *unit = 0;
    while (number >= (base > 1000 ? 1023.5 : 999.5) && *unit + 1 < units) {
        number /= base;
        ++*unit;
    }
    return number;
}

char *text_bytes(char *out, size_t size, double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit;
    double number = scale(bytes, 1024, sizeof units / sizeof *units, &unit);
    snprintf(out, size, unit && number < 99.95 ? "%.1f %s" : "%.0f %s", number, units[unit]);
    return out;
}

char *text_count(char *out, size_t size, double count) {
    static const char *const units[] = {"", "k", "M", "G", "T"};
    unsigned unit;
    double number = scale(count, 1000, sizeof units / sizeof *units, &unit);
    bool decimals =
        number < 99.95 && (unit || (number < 9.95 && number != (double)(unsigned)number));
    snprintf(out, size, decimals ? "%.1f%s" : "%.0f%s", number, units[unit]);
    return out;
}

char *text_clock(char *out, size_t size, double seconds) {
    uint64_t whole = seconds < 1e15 ? (uint64_t)(seconds + 0.5) : (uint64_t)1e15;
    unsigned s = (unsigned)(whole % 60), m = (unsigned)(whole / 60 % 60);
    if (whole < 3600) {
        snprintf(out, size, "%u:%02u", m, s);
    } else {
        snprintf(out, size, "%llu:%02u:%02u", (unsigned long long)(whole / 3600), m, s);
    }
    return out;
}

char *text_seconds(char *out, size_t size, double seconds) {
    if (seconds >= 59.95) {
        return text_clock(out, size, seconds);
    }
    snprintf(out, size, seconds < 9.995 ? "%.2f s" : "%.1f s", seconds);
    return out;
}

size_t text_add(char *out, size_t size, size_t used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(out + used, size - used, format, arguments);
    va_end(arguments);
    if (count < 0) {
        out[used] = '\0';
        return used;
    }
    return used + (size_t)count < size ? used + (size_t)count : size - 1;
}

void text_json(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t code;
        size_t count = decode(at, &code);
        if (count == 0) {
            fputs("\\ufffd", out);
            at++;
            continue;
        }
        if (code == '"' || code == '\\') {
            fprintf(out, "\\%c", (int)code);
        } else if (code < 0x10000 && is_unsafe(code)) {
            fprintf(out, "\\u%04x", code);
        } else {
            fwrite(at, 1, count, out);
        }
        at += count;
    }
    fputc('"', out);
}
