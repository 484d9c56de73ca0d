/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * dns_search.h: the system's search list, as resolv.conf(5) and its environment variables have it.
 * Read once, then it never changes; its owner's thread.
 *
 * Rejected: asking c-ares, which reads the same file. Up to 1.19 ares_save_options told what it had
 * read there; later ones only repeat what they were given, and nothing else tells. Rejected as
 * well: res_ninit, which keeps no more than six domains and 256 bytes of them.
 */
#ifndef NET_DNS_SEARCH_H
#define NET_DNS_SEARCH_H

#include <stdbool.h>

/* As many domains as Kubernetes allows a pod. The C library caps ndots in silence, too. */
enum { DNS_DOMAINS_MAX = 32, DNS_NDOTS_MAX = 15 };

struct dns_search {
    bool rotate;    /* servers in turn, not the first one first */
    unsigned ndots; /* a name with fewer dots is searched for */
    unsigned count;
    const char *domain[DNS_DOMAINS_MAX]; /* never empty, no dot at the beginning */
    char *text;                          /* theirs; NULL: nobody has named any */
};

/* 0 or -ENOMEM. A file that can't be read says nothing. NULL: /etc/resolv.conf. */
int dns_search_read(struct dns_search *search, const char *path);
void dns_search_deinit(struct dns_search *search);

#endif
