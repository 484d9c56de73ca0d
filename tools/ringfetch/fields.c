/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fields.c: see fields.h.
 */
#include "fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "values.h"

bool field_is_token(const char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char c = text[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!word && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return count > 0;
}

bool field_has_control(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if ((*at < 0x20 && *at != '\t') || *at == 0x7F) {
            return true;
        }
    }
    return false;
}

/* Why a field is not the user's to send, NULL if it is. */
static const char *field_reserved(const char *name, size_t count, bool *never_sent) {
    static const struct {
        const char *name;
        bool never_sent;
        const char *why;
    } reserved[] = {
        {"Content-Length", false, "Content-Length is computed from the body"},
        {"Transfer-Encoding", true, "Transfer-Encoding can't be set: bodies have a length"},
        {"Connection", true, "Connection can't be set: it belongs to the engine"},
        {"Expect", true, "Expect can't be set: no request waits for 100 (Continue)"},
        {"Upgrade", true, "Upgrade can't be set: only HTTP/1.1 is spoken"},
        {"TE", true, "TE can't be set: it belongs to the engine"},
        {"Keep-Alive", true, "Keep-Alive can't be set: it belongs to the engine"},
        {"Proxy-Connection", true, "Proxy-Connection can't be set: it belongs to the engine"},
        {"Trailer", true, "Trailer can't be set: requests have none"},
        {"HTTP2-Settings", true, "HTTP2-Settings can't be set: only HTTP/1.1 is spoken"},
        {"Range", true, "Range can't be set: use -r, --range"},
    };
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strlen(reserved[i].name) == count && strncasecmp(reserved[i].name, name, count) == 0) {
            *never_sent = reserved[i].never_sent;
            return reserved[i].why;
        }
    }
    return NULL;
}

const char *field_check(const char *text, bool *needless) {
    *needless = false;
    if (strpbrk(text, "\r\n")) {
        return "a field must not hold a line break";
    }
    if (field_has_control(text)) {
        return "a field must not hold control characters";
    }
    size_t name = strcspn(text, ":;");
    bool colon = text[name] == ':';
    if (!text[name] || (!colon && text[name + 1])) {
        return "not a field such as 'Name: value'";
    }
    if (!field_is_token(text, name)) {
        return "not a field name";
    }
    bool never_sent = false,
         removal = colon && text[name + 1 + strspn(text + name + 1, " \t")] == 0;
    const char *reserved = field_reserved(text, name, &never_sent);
    *needless = reserved && removal && never_sent;
    return *needless ? NULL : reserved;
}

const char *field_check_method(const char *text) {
    if (!field_is_token(text, strlen(text))) {
        return "not a method";
    }
    return strcmp(text, "CONNECT") == 0 ? "CONNECT asks for a tunnel and can't be fetched" : NULL;
}

/* Copies what stands before the dash, and leads *rest past it. */
static bool range_split(const char *text, char first[24], const char **rest) {
    const char *dash = strchr(text, '-');
    if (!dash || (size_t)(dash - text) >= 24) {
        return false;
    }
    memcpy(first, text, (size_t)(dash - text));
    first[dash - text] = '\0';
    *rest = dash + 1;
    return true;
}

const char *field_check_range(const char *text) {
    static const char wrong[] = "not a range such as 0-499, 500- or -500";
    char first[24];
    const char *last;
    uint64_t from = 0, to = 0;
    if (strchr(text, ',')) {
        return "only one range can be asked for";
    }
    if (strlen(text) >= 2 * sizeof first || !range_split(text, first, &last) ||
        (!*first && !*last) || (*first && value_count(first, &from)) ||
        (*last && value_count(last, &to))) {
        return wrong;
    }
    return *first && *last && to < from ? "it ends before it begins" : NULL;
}

void data_deinit(struct data *data) {
    free(data->bytes);
    *data = (struct data){0};
}

/* One byte more than asked, for a NUL, so that an empty body is a pointer too. */
static bool data_grow(struct data *data, size_t more) {
    if (data->bytes && data->room - data->count > more) {
        return true;
    }
    size_t room;
    if (__builtin_add_overflow(data->count, more, &room) ||
        __builtin_add_overflow(room, room / 2 + 64, &room)) {
        return false;
    }
    char *bytes = realloc(data->bytes, room);
    if (!bytes) {
        return false;
    }
    data->bytes = bytes;
    data->room = room;
    return true;
}

bool data_add(struct data *data, const void *bytes, size_t count) {
    if (!data_grow(data, count)) {
        return false;
    }
    memcpy(data->bytes + data->count, bytes, count);
    data->count += count;
    data->bytes[data->count] = '\0';
    return true;
}

static size_t join_lines(char *bytes, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '\0') {
            bytes[kept++] = bytes[i];
        }
    }
    return kept;
}

bool data_add_file(struct data *data, const char *path, bool lines_joined, char *why,
                   size_t why_size) {
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t count = -1;
    while (fd >= 0) {
        count = read(fd, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        size_t kept = lines_joined ? join_lines(chunk, (size_t)count) : (size_t)count;
        if (!data_add(data, chunk, kept)) {
            errno = ENOMEM;
            count = -1;
            break;
        }
    }
    int error = errno;
    if (fd > STDIN_FILENO) {
        close(fd);
    }
    if (count < 0) {
        snprintf(why, why_size, "%s", strerror(error));
    }
    return count == 0 && data_add(data, "", 0);
}

bool data_add_value(struct data *data, const char *value, bool lines_joined, char *why,
                    size_t why_size) {
    if (data->bytes && !data_add(data, "&", 1)) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    if (value[0] == '@') {
        return data_add_file(data, value + 1, lines_joined, why, why_size);
    }
    if (!data_add(data, value, strlen(value))) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    return true;
}
