/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_tls.c: see get_tls.h. A mistake is found before anything runs because it would otherwise fail every https request of
 * a list. Rejected: opening the files here; the engine does so anyway, and two readers could see two contents.
 */
#include "get_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringfetch/ringfetch.h>

#include "text.h"

enum { PIN_CHARS = 44 }; /* 32 bytes in base64, the last of them a '=' */

static const char pin_prefix[] = "sha256//";

static bool say(char *why, size_t why_size, const char *complaint) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return complaint == NULL;
}

/* NULL if the path can be read as what is wanted, or what is in the way. */
static const char *check_path(const char *path, bool directory) {
    struct stat status;
    if (stat(path, &status) != 0 || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
        return *path ? strerror(errno) : "must not be empty";
    }
    if (directory) {
        return S_ISDIR(status.st_mode) ? NULL : "not a directory";
    }
    return S_ISDIR(status.st_mode) ? "a directory, not a file" : NULL;
}

bool tls_take_file(void *target, const struct option_row *row, const char *value, char *why,
                   size_t why_size) {
    return say(why, why_size, check_path(value, false)) &&
           option_text(target, row, value, why, why_size);
}

bool tls_take_directory(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    return say(why, why_size, check_path(value, true)) &&
           option_text(target, row, value, why, why_size);
}

/* The length of the file's name in FILE:PASSWORD: up to a colon before which there is a file, else up to the first colon,
 * else everything. */
static size_t certificate_file(const char *value, bool *exists) {
    char path[4096];
    size_t first = strcspn(value, ":");
    for (size_t at = first; value[at] && at < sizeof path; at += 1 + strcspn(value + at + 1, ":")) {
        memcpy(path, value, at);
        path[at] = '\0';
        if (check_path(path, false) == NULL) {
            *exists = true;
            return at;
        }
    }
    *exists = false;
    return first;
}

bool tls_take_certificate(void *target, const struct option_row *row, const char *value, char *why,
                          size_t why_size) {
    const char *complaint = check_path(value, false);
    char file[160], shown[160];
    bool exists;
    if (!complaint) {
        return option_text(target, row, value, why, why_size);
    }
    size_t count = certificate_file(value, &exists);
    snprintf(file, sizeof file, "%.*s", (int)(count < sizeof file ? count : sizeof file), value);
    if (exists) {
        complaint = "takes no password: encrypted keys are not supported";
    }
    snprintf(why, why_size, "%s%s%s", text_escape(shown, sizeof shown, file), count ? ": " : "",
             complaint);
    return false;
}

static const char *parse_version(const char *text, enum rf_tls *version) {
    static const struct {
        const char *text;
        enum rf_tls version;
    } known[] = {{"1.2", RF_TLS_1_2}, {"1.3", RF_TLS_1_3}, {"default", RF_TLS_ANY}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].text, text) == 0) {
            *version = known[i].version;
            return NULL;
        }
    }
    return strcmp(text, "1.0") == 0 || strcmp(text, "1.1") == 0 ? "TLS before 1.2 is not supported"
                                                                : "must be 1.2 or 1.3";
}

bool tls_take_version(void *target, const struct option_row *row, const char *value, char *why,
                      size_t why_size) {
    enum rf_tls *version = (void *)((char *)target + row->offset);
    return say(why, why_size, parse_version(value, version));
}

bool tls_take_named_version(void *target, const struct option_row *row, const char *value,
                            char *why, size_t why_size) {
    (void)value;
    return tls_take_version(target, row, row->name + strlen("tlsv"), why, why_size);
}

bool tls_take_ciphers(void *target, const struct option_row *row, const char *value, char *why,
                      size_t why_size) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-_:";
    size_t count = strlen(value);
    bool named = count && strspn(value, allowed) == count && value[0] != ':' &&
                 value[count - 1] != ':' && !strstr(value, "::");
    return say(why, why_size, named ? NULL : "must be names of ciphers separated by ':'") &&
           option_text(target, row, value, why, why_size);
}

/* One "sha256//BASE64", `count` characters long. 44 characters of base64 with one '=' are 32 bytes if the last four bits
 * of the 43rd are of the padding and zero, which is left to whoever decodes it. */
static bool is_pin(const char *text, size_t count) {
    size_t prefix = sizeof pin_prefix - 1;
    if (count != prefix + PIN_CHARS || memcmp(text, pin_prefix, prefix) != 0) {
        return false;
    }
    size_t digits = strspn(text + prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789+/");
    return digits == PIN_CHARS - 1 && text[count - 1] == '=';
}

bool tls_take_pin(void *target, const struct option_row *row, const char *value, char *why,
                  size_t why_size) {
    const char *complaint = NULL;
    if (strncmp(value, pin_prefix, sizeof pin_prefix - 1) != 0) {
        complaint = check_path(value, false);
    } else {
        const char *at = value, *end;
        do {
            end = at + strcspn(at, ";");
            complaint =
                is_pin(at, (size_t)(end - at))
                    ? complaint
                    : "must be sha256// and 44 characters of base64, several separated by ';'";
            at = end + 1;
        } while (*end);
    }
    return say(why, why_size, complaint) && option_text(target, row, value, why, why_size);
}
