/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "range.h"

#include <stdio.h>
#include <time.h>

#include "http/http_date.h"
#include "http/token.h"
#include "query.h"

void http_date_write(int64_t unix_s, char text[HTTP_DATE_BYTES + 1]) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    char whole[64]; /* strftime's names would follow the locale */
    time_t seconds = (time_t)unix_s;
    gmtime_r(&seconds, &tm);
    snprintf(whole, sizeof whole, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    memcpy(text, whole, HTTP_DATE_BYTES);
    text[HTTP_DATE_BYTES] = '\0';
}

static bool date_of(struct span value, int64_t *unix_s) {
    return http_date_parse(value, (int64_t)time(NULL), unix_s);
}

/* Whether a list of entity tags names ours; weak comparison (RFC 9110, 8.8.3.2). */
static bool tags_match(struct span list, const char *etag) {
    while (list.len) {
        const uint8_t *comma = memchr(list.at, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.at) : list.len;
        struct span tag = span_trim(span_of(list.at, len));
        if (tag.len > 2 && memcmp(tag.at, "W/", 2) == 0)
            tag = span_skip(tag, 2);
        if (span_is(tag, "*") || span_is(tag, etag))
            return true;
        list = span_skip(list, comma ? len + 1 : len);
    }
    return false;
}

/* RFC 9110, 13.2.2: the date counts only where no tag was sent. */
static bool is_unmodified(const struct request *request, const struct resource *resource) {
    const struct http_field *field = request_field(request, "if-none-match");
    if (field)
        return tags_match(field->value, resource->etag);
    int64_t since_s;
    field = request_field(request, "if-modified-since");
    return field && date_of(field->value, &since_s) && resource->modified_s <= since_s;
}

/* RFC 9110, 13.1.5: strong comparison, so a weak tag never matches; a date must be the very one. */
static bool range_is_valid(const struct request *request, const struct resource *resource) {
    const struct http_field *field = request_field(request, "if-range");
    int64_t modified_s;
    if (!field)
        return true;
    if (field->value.len && field->value.at[0] == '"')
        return span_is(field->value, resource->etag);
    return date_of(field->value, &modified_s) && modified_s == resource->modified_s;
}

/* "0-499", "500-", "-500". False: malformed, and so to be ignored. */
static bool select_part(struct span spec, uint64_t length, struct selection *selection) {
    const uint8_t *dash = memchr(spec.at, '-', spec.len);
    uint64_t first = 0, last = UINT64_MAX;
    if (!dash)
        return false;
    struct span before = span_of(spec.at, (size_t)(dash - spec.at));
    struct span after = span_skip(spec, before.len + 1);
    if (before.len && !number_read(before, UINT64_MAX, &first))
        return false;
    if ((after.len || !before.len) && !number_read(after, UINT64_MAX, &last))
        return false;
    if (!before.len) {
        first = last < length ? length - last : 0;
        if (last == 0)
            first = length;
        last = UINT64_MAX;
    }
    if (last < first && last != UINT64_MAX)
        return false;
    if (first >= length) {
        *selection = (struct selection){.status = 416};
        return true;
    }
    uint64_t end = last < length ? last + 1 : length;
    *selection = (struct selection){.status = 206, .first = first, .count = end - first};
    return true;
}

struct selection range_select(const struct request *request, const struct resource *resource) {
    static const char unit[] = "bytes=";
    struct selection whole = {.status = 200, .count = resource->length}, part;
    if (is_unmodified(request, resource))
        return (struct selection){.status = 304};
    const struct http_field *field = request_field(request, "range");
    size_t unit_len = sizeof unit - 1;
    if (!field || !span_is(request->method, "GET") || field->value.len <= unit_len ||
        !span_is_nocase(span_of(field->value.at, unit_len), unit) ||
        !range_is_valid(request, resource))
        return whole;
    struct span spec = span_trim(span_skip(field->value, unit_len));
    return select_part(spec, resource->length, &part) ? part : whole;
}
