/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_der.c: writes DER front to back into memory of the caller's. An element's length is known when it ends; its value then
 * moves by as many octets as the length takes. Certificates nest six deep, so that costs nothing worth a second pass. Pure.
 *
 * Rejected: writing back to front, which moves nothing, but reads backwards too.
 */
#include "tls/tls_der.h"

#include <stdio.h>

void der_add_raw(struct der_writer *writer, struct span bytes) {
    if (writer->full || bytes.len > writer->room - writer->len) {
        writer->full = true;
        return;
    }
    if (bytes.len)
        memcpy(writer->at + writer->len, bytes.at, bytes.len);
    writer->len += bytes.len;
}

/* One octet of length is kept; der_end makes room for more. */
size_t der_begin(struct der_writer *writer, unsigned tag) {
    der_add_raw(writer, span_of((uint8_t[]){(uint8_t)tag, 0}, 2));
    return writer->len;
}

void der_end(struct der_writer *writer, size_t begun) {
    size_t len = writer->len - begun, more = 0;
    if (writer->full)
        return;
    for (size_t rest = len; len >= 0x80 && rest; rest >>= 8)
        more++;
    der_add_raw(writer, span_of((uint8_t[sizeof len]){0}, more));
    if (writer->full)
        return;
    memmove(writer->at + begun + more, writer->at + begun, len);
    writer->at[begun - 1] = (uint8_t)(more ? 0x80 | more : len);
    for (size_t i = 0; i < more; i++)
        writer->at[begun + i] = (uint8_t)(len >> 8 * (more - 1 - i));
}

void der_add(struct der_writer *writer, unsigned tag, struct span value) {
    size_t begun = der_begin(writer, tag);
    der_add_raw(writer, value);
    der_end(writer, begun);
}

/* X.690 8.3.2: as few octets as will do, and a zero before a first bit that would mean a minus. */
void der_add_unsigned(struct der_writer *writer, struct span octets) {
    while (octets.len > 1 && octets.at[0] == 0)
        octets = span_skip(octets, 1);
    size_t begun = der_begin(writer, DER_INTEGER);
    if (!octets.len || octets.at[0] & 0x80)
        der_add_raw(writer, span_of("", 1));
    der_add_raw(writer, octets);
    der_end(writer, begun);
}

void der_add_small(struct der_writer *writer, uint8_t value) {
    der_add_unsigned(writer, span_of(&value, 1));
}

void der_add_true(struct der_writer *writer) {
    der_add(writer, DER_BOOLEAN, span_of("\xff", 1));
}

/* Years begin in March here, so that the leap day is a year's last. */
static void civil_from_days(int64_t days, unsigned *year, unsigned *month, unsigned *day) {
    days += 719468; /* since the first of March of the year 0 */
    int64_t era = days / 146097, day_of_era = days % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * from_march + 2) / 5 + 1);
    *month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (unsigned)(year_of_era + era * 400 + (*month <= 2));
}

bool der_add_time(struct der_writer *writer, int64_t seconds) {
    const int64_t first = -631152000, last = 253402300799; /* 1950-01-01, 9999-12-31 */
    unsigned year, month, day;
    char text[32];
    if (seconds < first || seconds > last)
        return false;
    int64_t days = (seconds - first) / 86400 + first / 86400;
    unsigned second = (unsigned)(seconds - days * 86400);
    civil_from_days(days, &year, &month, &day);
    bool utc = year < 2050;
    int len =
        snprintf(text, sizeof text, "%0*u%02u%02u%02u%02u%02uZ", utc ? 2 : 4,
                 utc ? year % 100 : year, month, day, second / 3600, second / 60 % 60, second % 60);
    der_add(writer, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, span_of(text, (size_t)len));
    return true;
}
