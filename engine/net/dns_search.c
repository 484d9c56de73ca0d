/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * dns_search.c: "search", "domain", "options ndots:" and "options rotate" of resolv.conf(5). Of several lists the
 * last counts; LOCALDOMAIN overrides the file's, and RES_OPTIONS is read after its options. Without
 * any list, the domain is what follows the first dot of this machine's own name. Everything else in
 * the file is c-ares' business, whose leniency about blanks and comments is kept, so that both see
 * the same lines.
 */
#include "net/dns_search.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"

static const char blanks[] = " \t\r\v\f";

/* "." alone is the root, which systemd-resolved writes where there is no domain: it adds nothing to
 * a name, and the name as it is comes last anyway. */
static int set_domains(struct dns_search *search, const char *words, unsigned max) {
    char *text = strdup(words), *rest = NULL;
    if (!text)
        return -ENOMEM;
    free(search->text);
    search->text = text;
    search->count = 0;
    for (char *word = strtok_r(text, blanks, &rest); word && search->count < max;
         word = strtok_r(NULL, blanks, &rest)) {
        word += strspn(word, ".");
        if (*word)
            search->domain[search->count++] = word;
    }
    return 0;
}

static void set_options(struct dns_search *search, const char *words) {
    static const char ndots[] = "ndots:";
    const size_t skip = sizeof ndots - 1;
    for (const char *at = words + strspn(words, blanks); *at; at += strspn(at, blanks)) {
        if (strncmp(at, ndots, skip) == 0 && at[skip] >= '0' && at[skip] <= '9') {
            unsigned long number = strtoul(at + skip, NULL, 10);
            search->ndots = number < DNS_NDOTS_MAX ? (unsigned)number : DNS_NDOTS_MAX;
        }
        size_t len = strcspn(at, blanks);
        if (span_is(span_of(at, len), "rotate"))
            search->rotate = true;
        at += len;
    }
}

static int read_line(struct dns_search *search, char *line) {
    line[strcspn(line, "#;\n")] = 0;
    line += strspn(line, blanks);
    struct span keyword = span_of(line, strcspn(line, blanks));
    const char *words = line + keyword.len;
    if (span_is(keyword, "search"))
        return set_domains(search, words, DNS_DOMAINS_MAX);
    if (span_is(keyword, "domain"))
        return set_domains(search, words, 1);
    if (span_is(keyword, "options"))
        set_options(search, words);
    return 0;
}

static int read_file(struct dns_search *search, const char *path) {
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOMEM ? -ENOMEM : 0;
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    while (result == 0 && getline(&line, &room, file) >= 0)
        result = read_line(search, line);
    free(line);
    fclose(file);
    return result;
}

static int read_environment(struct dns_search *search) {
    const char *options = getenv("RES_OPTIONS"), *domains = getenv("LOCALDOMAIN");
    if (options)
        set_options(search, options);
    return domains ? set_domains(search, domains, DNS_DOMAINS_MAX) : 0;
}

static int take_own_domain(struct dns_search *search) {
    char name[HOST_NAME_MAX + 1] = "";
    if (gethostname(name, sizeof name - 1))
        return 0;
    const char *dot = strchr(name, '.');
    return dot ? set_domains(search, dot + 1, 1) : 0;
}

int dns_search_read(struct dns_search *search, const char *path) {
    *search = (struct dns_search){.ndots = 1};
    int result = read_file(search, path ? path : "/etc/resolv.conf");
    if (result == 0)
        result = read_environment(search);
    if (result == 0 && !search->text)
        result = take_own_domain(search);
    if (result)
        dns_search_deinit(search);
    return result;
}

void dns_search_deinit(struct dns_search *search) {
    free(search->text);
    *search = (struct dns_search){.ndots = 1};
}
