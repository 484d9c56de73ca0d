/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply.h"

#include "base/clock.h"
#include "range.h"
#include "worker.h"

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *reply_reason(unsigned status) {
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

void reply_bytes(struct connection *connection, const void *bytes, size_t count) {
    if (count == 0)
        return;
    memcpy(connection_reserve(connection, count), bytes, count);
    connection->out_len += (uint32_t)count;
}

void reply_text(struct connection *connection, const char *text) {
    reply_bytes(connection, text, strlen(text));
}

void reply_number(struct connection *connection, uint64_t number) {
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    reply_bytes(connection, at, (size_t)(digits + sizeof digits - at));
}

/* Nearly every response begins with the same bytes for a second. */
static void refresh_head(struct worker *worker) {
    static const char start[] = "HTTP/1.1 200 OK\r\nDate: ";
    char date[HTTP_DATE_BYTES + 1];
    int64_t wall_us = clock_wall_us();
    http_date_write(wall_us / 1000000, date);
    memcpy(worker->head, start, sizeof start - 1);
    memcpy(worker->head + sizeof start - 1, date, HTTP_DATE_BYTES);
    memcpy(worker->head + sizeof start - 1 + HTTP_DATE_BYTES, "\r\n", 2);
    worker->head_len = sizeof start - 1 + HTTP_DATE_BYTES + 2;
    worker->head_until_ns = ring_now(worker->ring) + (uint64_t)(1000000 - wall_us % 1000000) * 1000;
}

void reply_begin(struct connection *connection, unsigned status) {
    enum { STATUS_LINE_BYTES = 17 }; /* of the 200 */
    struct worker *worker = connection->worker;
    if (ring_now(worker->ring) >= worker->head_until_ns)
        refresh_head(worker);
    if (LIKELY(status == 200)) {
        reply_bytes(connection, worker->head, worker->head_len);
        return;
    }
    REPLY_LITERAL(connection, "HTTP/1.1 ");
    reply_number(connection, status);
    REPLY_LITERAL(connection, " ");
    reply_text(connection, reply_reason(status));
    REPLY_LITERAL(connection, "\r\n");
    reply_bytes(connection, worker->head + STATUS_LINE_BYTES, worker->head_len - STATUS_LINE_BYTES);
}

void reply_field(struct connection *connection, const char *name, const char *value) {
    reply_text(connection, name);
    REPLY_LITERAL(connection, ": ");
    reply_text(connection, value);
    REPLY_LITERAL(connection, "\r\n");
}

void reply_length(struct connection *connection, uint64_t bytes) {
    REPLY_LITERAL(connection, "Content-Length: ");
    reply_number(connection, bytes);
    REPLY_LITERAL(connection, "\r\n");
}

void reply_end(struct connection *connection) {
    if (!connection->keep_alive)
        REPLY_LITERAL(connection, "Connection: close\r\n");
    else if (connection->is_http10)
        REPLY_LITERAL(connection, "Connection: keep-alive\r\n");
    REPLY_LITERAL(connection, "\r\n");
}

/* RFC 9110, 6.4.1 */
static bool has_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

struct plan reply_whole(struct connection *connection, unsigned status, const char *type,
                        struct span body) {
    reply_begin(connection, status);
    if (has_body(status)) {
        if (type)
            reply_field(connection, "Content-Type", type);
        reply_length(connection, body.len);
    }
    reply_end(connection);
    if (has_body(status) && !connection->is_head)
        reply_bytes(connection, body.at, body.len);
    return plan_end();
}

struct plan reply_line(struct connection *connection, unsigned status, const char *text) {
    return reply_whole(connection, status, "text/plain", span_text(text));
}

static void content_range(struct connection *connection, const struct selection *part,
                          uint64_t length) {
    REPLY_LITERAL(connection, "Content-Range: bytes ");
    if (part->status == 416) {
        REPLY_LITERAL(connection, "*");
    } else {
        reply_number(connection, part->first);
        REPLY_LITERAL(connection, "-");
        reply_number(connection, part->first + part->count - 1);
    }
    REPLY_LITERAL(connection, "/");
    reply_number(connection, length);
    REPLY_LITERAL(connection, "\r\n");
}

void reply_selection(struct connection *connection, const struct resource *resource,
                     const struct selection *part) {
    reply_begin(connection, part->status);
    if (part->status == 206 || part->status == 416)
        content_range(connection, part, resource->length);
    if (part->status != 304) {
        reply_field(connection, "Content-Type", resource->type);
        reply_length(connection, part->count);
    }
    if (part->status != 416) {
        reply_field(connection, "ETag", resource->etag);
        reply_field(connection, "Last-Modified", resource->modified);
    }
    REPLY_LITERAL(connection, "Accept-Ranges: bytes\r\n");
    reply_end(connection);
}

struct plan reply_refusal(struct connection *connection, unsigned status) {
    connection->keep_alive = false;
    struct span reason = span_text(reply_reason(status));
    reply_whole(connection, status, "text/plain", reason);
    return (struct plan){.after = AFTER_LINGER};
}
