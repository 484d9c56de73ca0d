/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text.c: numbers and times as text without printf. Pure but for the memory; the owner of a text serialises.
 */
#include "output/text.h"

#include <stdlib.h>

#include "base/assert.h"

enum { TEXT_FIRST_BYTES = 4096 };

char *text_room(struct text *text, size_t more) {
    if (UNLIKELY(text->size - text->len < more)) {
        size_t size = text->size ? text->size : TEXT_FIRST_BYTES;
        while (size - text->len < more)
            size *= 2;
        char *at = realloc(text->at, size);
        CHECK(at);
        text->at = at;
        text->size = size;
    }
    return text->at + text->len;
}

static char *put_digits(char *at, uint64_t number) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count)
        *at++ = digits[--count];
    return at;
}

/* Exactly `width` digits, leading zeros included. */
static char *put_padded(char *at, uint64_t number, int width) {
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + width;
}

void text_put_number(struct text *text, uint64_t number) {
    char *at = text_room(text, 20);
    text->len += (size_t)(put_digits(at, number) - at);
}

void text_put_signed(struct text *text, int64_t number) {
    if (number < 0)
        text_put(text, "-", 1);
    text_put_number(text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void text_put_ms(struct text *text, double ms) {
    const double ten_thousand_years = 3.2e14;
    uint64_t us = ms >= 0 && ms < ten_thousand_years ? (uint64_t)(ms * 1000 + 0.5) : 0;
    char *begin = text_room(text, 24), *at = put_digits(begin, us / 1000);
    *at++ = '.';
    at = put_padded(at, us % 1000, 3);
    for (int i = 0; i < 2 && at[-1] == '0'; i++)
        at--;
    text->len += (size_t)(at - begin);
}

struct civil_date {
    int64_t year, month, day;
};

/* The proleptic Gregorian date of a day counted from 1970-01-01. Years are counted from March, so that the leap day is the
 * last of its year, in eras of 400 years, which all have 146097 days. */
static struct civil_date date_of_day(int64_t day) {
    int64_t shifted = day + 719468; /* from 0000-03-01 */
    int64_t era = shifted / 146097, of_era = shifted % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    struct civil_date date = {.year = year + era * 400,
                              .month = march_month < 10 ? march_month + 3 : march_month - 9,
                              .day = of_year - (153 * march_month + 2) / 5 + 1};
    date.year += date.month <= 2;
    return date;
}

void text_put_time(struct text *text, int64_t time_us) {
    const int64_t first = INT64_C(-62162035200000000), last = INT64_C(253402300799999999);
    if (time_us < first) /* 0000-03-01, where date_of_day begins */
        time_us = first;
    if (time_us > last)
        time_us = last;
    int64_t ms = time_us / 1000 - (time_us % 1000 < 0);
    int64_t day = ms / 86400000 - (ms % 86400000 < 0);
    uint64_t of_day = (uint64_t)(ms - day * 86400000);
    struct civil_date date = date_of_day(day);
    char *begin = text_room(text, 24), *at = put_padded(begin, (uint64_t)date.year, 4);
    *at++ = '-';
    at = put_padded(at, (uint64_t)date.month, 2);
    *at++ = '-';
    at = put_padded(at, (uint64_t)date.day, 2);
    *at++ = 'T';
    at = put_padded(at, of_day / 3600000, 2);
    *at++ = ':';
    at = put_padded(at, of_day / 60000 % 60, 2);
    *at++ = ':';
    at = put_padded(at, of_day / 1000 % 60, 2);
    *at++ = '.';
    at = put_padded(at, of_day % 1000, 3);
    *at++ = 'Z';
    text->len += (size_t)(at - begin);
}

void text_put_time_s(struct text *text, int64_t time_s) {
    const int64_t year = 366 * 86400,
                  last = 10000 * year; /* beyond what is printed, in range for microseconds */
    if (time_s < -last)
        time_s = -last;
    if (time_s > last)
        time_s = last;
    text_put_time(text, time_s * 1000000);
    text->len -= sizeof ".000Z" - 1;
    text_put(text, "Z", 1);
}
