/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_fuzz.c: feeds the URL parser. An input is a reference, or a base and a reference with a NUL
 * between them. What parses must hold together and parse to itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(const struct url *url) {
    CHECK(url->href[url->href_len] == '\0' && strlen(url->href) == url->href_len);
    CHECK(url->username + url->username_len <= url->password);
    CHECK(url->password + url->password_len <= url->host);
    CHECK(url->host_len > 0 && url->host_len <= URL_HOST_BYTES_MAX);
    CHECK(url->host + url->host_len <= url->path && url->href[url->path] == '/');
    CHECK(url->path < url->query && url->query <= url->fragment);
    CHECK(url->fragment <= url->href_len);
    CHECK(url->query == url->fragment || url->href[url->query] == '?');
    CHECK(url->fragment == url->href_len || url->href[url->fragment] == '#');
    CHECK(url_host_bare(url).len > 0);
    /* Nothing that could split a request line or a field gets through. */
    for (uint32_t i = 0; i < url->href_len; i++)
        CHECK(url->href[i] > ' ' && url->href[i] < 0x7f);
}

static void check_parses_to_itself(const struct url *url, const struct url *base) {
    char memory[URL_HREF_BYTES_MAX + 1];
    struct url again;
    CHECK(url_parse(&again, span_of(url->href, url->href_len), base, memory, sizeof memory) ==
          URL_OK);
    CHECK(strcmp(again.href, url->href) == 0 && url_same_origin(&again, url));
    again.href = url->href;
    CHECK(memcmp(&again, url, sizeof again) == 0);
}

/* With the least room the href needs, or less, the parser either writes the same or says that it
 * is too long. */
static void check_little_room(struct span input, const struct url *url, const struct url *base) {
    for (uint32_t less = 0; less < 2; less++) {
        size_t room = url->href_len + 1 - less;
        char *memory = malloc(room);
        struct url small;
        CHECK(memory);
        enum url_fault fault = url_parse(&small, input, base, memory, room);
        CHECK(fault == URL_TOO_LONG || (less == 0 && fault == URL_OK));
        CHECK(fault || strcmp(small.href, url->href) == 0);
        free(memory);
    }
}

static void check(struct span input, const struct url *base) {
    char memory[URL_HREF_BYTES_MAX + 1];
    struct url url;
    if (url_parse(&url, input, base, memory, sizeof memory))
        return;
    check_parts(&url);
    check_parses_to_itself(&url, base);
    check_little_room(input, &url, base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    char memory[URL_HREF_BYTES_MAX + 1];
    struct url url;
    size_t base_len = zero ? (size_t)(zero - data) : 0;
    if (zero && url_parse(&url, span_of(data, base_len), NULL, memory, sizeof memory) == URL_OK)
        check(span_of(zero + 1, size - base_len - 1), &url);
    check(span_of(data, size), NULL);
    if (url_parse_typed(&url, span_of(data, size), memory, sizeof memory) == URL_OK)
        check_parts(&url);
    return 0;
}
