/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_page.c: see check_html_page.h. The three files are taken in by the assembler, relative to the folder that make runs in:
 * gcc and clang both can, and nothing needs to be generated. C arrays made by a script, and `ld -b binary`, which wants to be
 * told the machine when the compiler is a cross compiler, were rejected.
 */
#include "check_html_page.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* A NUL after each, so that the ends need no names. */
#define EMBED(name, path)                                                                          \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden " #name "\n"                                                                  \
            ".global " #name "\n"                                                                  \
            ".type " #name ", %object\n" #name ":\n"                                               \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".size " #name ", . - " #name "\n"                                                     \
            ".popsection\n");                                                                      \
    extern const char name[] __attribute__((visibility("hidden")))

EMBED(page_html, "tools/ringfetch/page/check.html");
EMBED(page_css, "tools/ringfetch/page/check.css");
EMBED(page_js, "tools/ringfetch/page/check.js");

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

static bool page_is(const char *mark, size_t len, const char *name) {
    return len == strlen(name) && memcmp(mark, name, len) == 0;
}

void page_copy(struct page *page, FILE *out) {
    const char *open;
    while ((open = strstr(page->at, "{{"))) {
        const char *name = open + 2, *close = strstr(name, "}}");
        size_t len = (size_t)(close - name);
        fwrite(page->at, 1, (size_t)(open - page->at), out);
        page->at = close + 2;
        if (page_is(name, len, "rows") || page_is(name, len, "run")) {
            return;
        }
        fputs(page_is(name, len, "nonce")   ? page->nonce
              : page_is(name, len, "style") ? page_css
                                            : page_js,
              out);
    }
    fputs(page->at, out);
    page->at += strlen(page->at);
}
