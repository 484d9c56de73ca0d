/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_escape.c: see check_escape.h. Each format is a table of what its special characters become;
 * characters are ASCII, so bytes will do. One function for each format that knows everything was
 * rejected: that nothing dangerous is left of a control character must be true in one place.
 */
#include "check_escape.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "text.h"

/* `special[i]` becomes `written[i]`. */
static void replace(FILE *out, const char *text, const char *special, const char *const *written) {
    while (*text) {
        size_t plain = strcspn(text, special);
        fwrite(text, 1, plain, out);
        text += plain;
        if (*text) {
            fputs(written[strchr(special, *text) - special], out);
            text++;
        }
    }
}

static const char *harmless(char out[ESCAPE_BYTES_MAX], size_t max, const char *text) {
    return text_escape(out, max < ESCAPE_BYTES_MAX ? max : ESCAPE_BYTES_MAX, text ? text : "");
}

void escape_xml(FILE *out, const char *text) {
    static const char *const written[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    char shown[ESCAPE_BYTES_MAX];
    harmless(shown, sizeof shown, text);
    /* U+FFFE and U+FFFF are no characters of XML 1.0 (section 2.2): they become U+FFFD. */
    for (char *at = shown; (at = strstr(at, "\357\277")) != NULL; at += 3) {
        if (at[2] == '\276' || at[2] == '\277') {
            at[2] = '\275';
        }
    }
    replace(out, shown, "&<>\"'", written);
}

/* Character references are never markup (CommonMark 6.2), and a table's cells end at a bar that
 * stands there as such. */
void escape_markdown(FILE *out, const char *text, size_t max) {
    static const char special[] = "&<>|`*_[]\\~$@#!\"'(){}:";
    static const char *const written[] = {
        "&amp;", "&lt;",  "&gt;",   "&#124;", "&#96;",  "&#42;", "&#95;", "&#91;",
        "&#93;", "&#92;", "&#126;", "&#36;",  "&#64;",  "&#35;", "&#33;", "&quot;",
        "&#39;", "&#40;", "&#41;",  "&#123;", "&#125;", "&#58;",
    };
    char shown[ESCAPE_BYTES_MAX];
    harmless(shown, max, text);
    replace(out, shown, special, written);
}

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Where the host of "scheme://host/path" ends; brackets may stand before that only. */
static const char *host_end(const char *url) {
    const char *host = strstr(url, "://");
    return host ? host + 3 + strcspn(host + 3, "/?#") : url;
}

static void write_uri(FILE *out, const char *text, bool path, const char *ampersand) {
    char shown[ESCAPE_BYTES_MAX];
    /* A cut or rewritten name leads nowhere, but bytes that are no text may well name a file: only
     * the length counts. */
    snprintf(shown, sizeof shown, "%s", text ? text : "");
    const char *brackets = path ? shown : host_end(shown);
    for (const char *at = shown; *at; at++) {
        bool keep = is_unreserved(*at) || strchr(path ? "/!$&'()*+,;=@" : "/!$&'()*+,;=@:?#", *at);
        keep |= (*at == '[' || *at == ']') && at < brackets;
        keep |= !path && *at == '%' && is_hex(at[1]) && is_hex(at[2]);
        if (*at == '&') {
            fputs(ampersand, out);
        } else if (keep) {
            fputc(*at, out);
        } else {
            fprintf(out, "%%%02X", (unsigned char)*at);
        }
    }
}

void escape_uri(FILE *out, const char *text, bool path) {
    write_uri(out, text, path, "&");
}

void escape_markdown_url(FILE *out, const char *url, size_t max) {
    enum { LINK_BYTES_MAX = 2000 };
    bool follow = url && strlen(url) <= LINK_BYTES_MAX &&
                  (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
    fputs(follow ? "[" : "", out);
    escape_markdown(out, url, max);
    if (follow) {
        fputs("](<", out);
        write_uri(out, url, false, "&amp;"); /* references count in destinations too */
        fputs(">)", out);
    }
}

void escape_json(FILE *out, const char *text) {
    char shown[ESCAPE_BYTES_MAX];
    text_json(out, harmless(shown, sizeof shown, text));
}

void escape_command(FILE *out, const char *text) {
    static const char *const written[] = {"%25", "%0D", "%0A"};
    char shown[ESCAPE_BYTES_MAX];
    replace(out, harmless(shown, sizeof shown, text), "%\r\n", written);
}

void escape_command_property(FILE *out, const char *text) {
    static const char *const written[] = {"%25", "%0D", "%0A", "%3A", "%2C"};
    char shown[ESCAPE_BYTES_MAX];
    replace(out, harmless(shown, sizeof shown, text), "%\r\n:,", written);
}
