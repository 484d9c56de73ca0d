/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_domain.c: "domain to ASCII" of the URL standard (3.3): UTS #46, nontransitional,
 * UseSTD3ASCIIRules, CheckHyphens and VerifyDnsLength false. Pure but for malloc inside libidn2;
 * any thread.
 *
 * libidn2 does the mapping, but it judges labels by IDNA 2008, which is stricter than the
 * standard. So it is asked label by label and only where it is needed: ASCII labels are
 * lower-cased, as the standard allows, whatever hyphens or underscores they hold ("r3---sn-x",
 * "_dmarc"); and labels it refuses for their symbols get another chance in url_symbol.c. What is
 * still refused, although the standard permits it: labels beyond ASCII with hyphens at an end or
 * in places three and four, with ASCII other than letters, digits, '-' and '_', or with symbols
 * beside letters beyond ASCII. No registry hands them out (RFC 5891, 4.2.3).
 */
#include <idn2.h>

#include "http/url_parts.h"

enum { LABEL_TEXT_BYTES_MAX = 1024 };

/* Lower-cases an ASCII label into `ascii`; false if it isn't ASCII or is an A-label, which must
 * be verified. */
static bool lower_label(struct span label, char *ascii) {
    for (size_t i = 0; i < label.len; i++) {
        if (label.at[i] > 0x7f)
            return false;
        ascii[i] = (char)ascii_lower(label.at[i]);
    }
    return label.len < 4 || memcmp(ascii, "xn--", 4) != 0;
}

/* 0 is failure, unless *mapped_away says that the label held nothing but ignored code points. */
static size_t convert_label(struct span label, char *ascii, size_t room, bool *mapped_away) {
    char text[LABEL_TEXT_BYTES_MAX + 1], *converted = NULL;
    if (label.len > LABEL_TEXT_BYTES_MAX || memchr(label.at, 0, label.len))
        return 0;
    memcpy(text, label.at, label.len);
    text[label.len] = '\0';
    int status = idn2_to_ascii_8z(text, &converted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    if (status != IDN2_OK)
        return url_symbol_label_to_ascii(label, ascii, room);
    size_t len = strlen(converted);
    *mapped_away = len == 0;
    if (len > room)
        len = 0;
    memcpy(ascii, converted, len);
    idn2_free(converted);
    return len;
}

size_t url_domain_to_ascii(struct span domain, char *ascii, size_t room) {
    size_t len = 0, start = 0;
    for (size_t i = 0; i <= domain.len; i++) {
        if (i < domain.len && domain.at[i] != '.')
            continue;
        struct span label = span_of(domain.at + start, i - start);
        if (len + label.len + 1 > room)
            return 0;
        if (lower_label(label, ascii + len)) {
            len += label.len;
        } else {
            bool mapped_away = false;
            size_t converted = convert_label(label, ascii + len, room - len - 1, &mapped_away);
            if (converted == 0 && !mapped_away)
                return 0;
            len += converted;
        }
        if (i < domain.len)
            ascii[len++] = '.';
        start = i + 1;
    }
    return len;
}

const char *url_library(void) {
    return idn2_check_version(NULL);
}
