/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * http_date.c: reads HTTP-dates and the one field that may hold a date or a number of seconds, Retry-After. Pure; any
 * thread. Strict about form and calendar; the weekday's name must be one, but need not be the right one.
 *
 * Rejected: strptime. It obeys the locale and takes numbers, blanks and names that the standard doesn't have.
 */
#include "http/http_date.h"

#include <time.h>

#include "http/request.h"
#include "http/token.h"

enum { RETRY_AFTER_S_MAX = 24 * 60 * 60 };

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                     "Aug", "Sep", "Oct", "Nov", "Dec", NULL};
static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", NULL};
static const char *const long_days[] = {"Sunday",   "Monday", "Tuesday",  "Wednesday",
                                        "Thursday", "Friday", "Saturday", NULL};

static bool take_text(struct span *in, const char *text) {
    size_t len = strlen(text);
    if (in->len < len || memcmp(in->at, text, len))
        return false;
    *in = span_skip(*in, len);
    return true;
}

/* The index of the name that comes next in *index. */
static bool take_name(struct span *in, const char *const *names, int *index) {
    for (*index = 0; names[*index]; ++*index)
        if (take_text(in, names[*index]))
            return true;
    return false;
}

/* Exactly `count` digits. */
static bool take_number(struct span *in, size_t count, int *number) {
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        if (i >= in->len || in->at[i] < '0' || in->at[i] > '9')
            return false;
        *number = *number * 10 + (in->at[i] - '0');
    }
    *in = span_skip(*in, count);
    return true;
}

static bool take_clock(struct span *in, struct tm *date) {
    return take_number(in, 2, &date->tm_hour) && take_text(in, ":") &&
           take_number(in, 2, &date->tm_min) && take_text(in, ":") &&
           take_number(in, 2, &date->tm_sec);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool imf_fixdate(struct span in, struct tm *date) {
    int year;
    bool good = take_name(&in, days, &date->tm_wday) && take_text(&in, ", ") &&
                take_number(&in, 2, &date->tm_mday) && take_text(&in, " ") &&
                take_name(&in, months, &date->tm_mon) && take_text(&in, " ") &&
                take_number(&in, 4, &year) && take_text(&in, " ") && take_clock(&in, date) &&
                take_text(&in, " GMT") && !in.len;
    if (good)
        date->tm_year = year - 1900;
    return good;
}

/* A year that seems to lie more than 50 years ahead is the last past one with these digits (RFC 9110, 5.6.7). */
static int century_add(int two_digits, int64_t now_s) {
    time_t now = (time_t)now_s;
    struct tm today;
    if (!gmtime_r(&now, &today))
        return two_digits;
    int year = today.tm_year - (today.tm_year % 100) + two_digits;
    return year > today.tm_year + 50 ? year - 100 : year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool rfc850_date(struct span in, struct tm *date, int64_t now_s) {
    int year;
    bool good = take_name(&in, long_days, &date->tm_wday) && take_text(&in, ", ") &&
                take_number(&in, 2, &date->tm_mday) && take_text(&in, "-") &&
                take_name(&in, months, &date->tm_mon) && take_text(&in, "-") &&
                take_number(&in, 2, &year) && take_text(&in, " ") && take_clock(&in, date) &&
                take_text(&in, " GMT") && !in.len;
    if (good)
        date->tm_year = century_add(year, now_s);
    return good;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool asctime_date(struct span in, struct tm *date) {
    int year;
    bool good = take_name(&in, days, &date->tm_wday) && take_text(&in, " ") &&
                take_name(&in, months, &date->tm_mon) && take_text(&in, " ") &&
                take_number(&in, take_text(&in, " ") ? 1 : 2, &date->tm_mday) &&
                take_text(&in, " ") && take_clock(&in, date) && take_text(&in, " ") &&
                take_number(&in, 4, &year) && !in.len;
    if (good)
        date->tm_year = year - 1900;
    return good;
}

bool http_date_parse(struct span text, int64_t now_s, int64_t *unix_s) {
    struct tm date = {0};
    if (!imf_fixdate(text, &date) && !rfc850_date(text, &date, now_s) && !asctime_date(text, &date))
        return false;
    if (date.tm_hour > 23 || date.tm_min > 59 || date.tm_sec > 60)
        return false;
    /* timegm would make the 1st of March of the 29th of February where there is none. */
    struct tm checked = date;
    *unix_s = timegm(&checked);
    checked = date;
    checked.tm_sec = 0;
    timegm(&checked);
    return checked.tm_mday == date.tm_mday && checked.tm_mon == date.tm_mon;
}

/* 1*DIGIT, capped; -1 if it is none. */
static int64_t delay_seconds(struct span digits) {
    int64_t seconds = digits.len ? 0 : -1;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return -1;
        if (seconds <= RETRY_AFTER_S_MAX)
            seconds = seconds * 10 + (digits.at[i] - '0');
    }
    return seconds;
}

int64_t retry_after_ms(struct span value, int64_t now_s) {
    value = span_trim(value);
    int64_t delay = delay_seconds(value), until;
    if (delay < 0) {
        if (!http_date_parse(value, now_s, &until))
            return -1;
        delay = until > now_s ? until - now_s : 0;
    }
    return 1000 * (delay < RETRY_AFTER_S_MAX ? delay : RETRY_AFTER_S_MAX);
}
