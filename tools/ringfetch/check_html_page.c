/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_page.c: see check_html_page.h. The template says where its parts go, so that a page can be worked on as
 * a page; the report's own data stand between them, written by whoever copies it. Main thread.
 */
#include "check_html_page.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "embed.h"

EMBED(page_html, "tools/ringfetch/page/check.html");
EMBED(page_css, "tools/ringfetch/page/check.css");
EMBED(page_js, "tools/ringfetch/page/check.js");
EMBED(page_charts_js, "tools/ringfetch/page/check_charts.js");
EMBED(page_table_js, "tools/ringfetch/page/check_table.js");

/* What the template names as {{check.css}} and so on. */
static const struct {
    const char *name, *text;
} parts[] = {{"check.css", page_css},
             {"check.js", page_js},
             {"check_charts.js", page_charts_js},
             {"check_table.js", page_table_js}};

void page_begin(struct page *page) {
    unsigned char bytes[(PAGE_NONCE_BYTES - 1) / 2];
    /* Of so few bytes the kernel gives all or none, and none only before its pool is ready, or where a sandbox forbids
     * asking; the time is then better than a page that nobody can read. */
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        memset(bytes, getpid() & 0xFF, sizeof bytes);
        memcpy(bytes, &now.tv_nsec, sizeof now.tv_nsec);
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(page->nonce + 2 * i, 3, "%02x", bytes[i]);
    }
    page->at = page_html;
}

static bool is_named(const char *name, const char *at, size_t len) {
    return len == strlen(name) && memcmp(name, at, len) == 0;
}

/* False: it is for the caller to fill in. */
static bool put_part(const struct page *page, const char *at, size_t len, FILE *out) {
    if (is_named("nonce", at, len)) {
        fputs(page->nonce, out);
        return true;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (is_named(parts[i].name, at, len)) {
            fputs(parts[i].text, out);
            return true;
        }
    }
    return false;
}

void page_copy(struct page *page, FILE *out) {
    const char *open;
    while ((open = strstr(page->at, "{{"))) {
        const char *name = open + 2, *close = strstr(name, "}}");
        fwrite(page->at, 1, (size_t)(open - page->at), out);
        page->at = close + 2;
        if (!put_part(page, name, (size_t)(close - name), out)) {
            return;
        }
    }
    fputs(page->at, out);
    page->at += strlen(page->at);
}
