/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "query.h"

#include "../ringfetch/values.h"
#include "base/clock.h"

enum { NUMBER_TEXT_MAX = 32 };

bool number_read(struct span text, uint64_t max, uint64_t *number) {
    uint64_t sum = 0;
    if (text.len == 0 || text.len > 19)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (sum > max)
        return false;
    *number = sum;
    return true;
}

/* values.h wants a string. */
static bool copy_text(char *memory, struct span text) {
    if (text.len >= NUMBER_TEXT_MAX)
        return false;
    memcpy(memory, text.at, text.len);
    memory[text.len] = '\0';
    return true;
}

bool size_read(struct span text, uint64_t *bytes) {
    char memory[NUMBER_TEXT_MAX];
    if (number_read(text, INT64_MAX, bytes))
        return true;
    return copy_text(memory, text) && value_bytes(memory, bytes) == NULL;
}

bool seconds_read(struct span text, uint64_t *ns) {
    char memory[NUMBER_TEXT_MAX];
    unsigned ms;
    if (!copy_text(memory, text) || value_ms(memory, &ms))
        return false;
    *ns = ms * NS_PER_MS;
    return true;
}

struct span query_value(struct span query, const char *name) {
    size_t name_len = strlen(name);
    while (query.len) {
        const uint8_t *end = memchr(query.at, '&', query.len);
        size_t len = end ? (size_t)(end - query.at) : query.len;
        if (len > name_len && query.at[name_len] == '=' && memcmp(query.at, name, name_len) == 0)
            return span_of(query.at + name_len + 1, len - name_len - 1);
        query = span_skip(query, end ? len + 1 : len);
    }
    return span_of(NULL, 0);
}

bool query_number(struct span query, const char *name, uint64_t max, uint64_t *number) {
    struct span value = query_value(query, name);
    return !value.at || number_read(value, max, number);
}

bool query_size(struct span query, const char *name, uint64_t *bytes) {
    struct span value = query_value(query, name);
    return !value.at || size_read(value, bytes);
}

bool query_seconds(struct span query, const char *name, uint64_t *ns) {
    struct span value = query_value(query, name);
    return !value.at || seconds_read(value, ns);
}
