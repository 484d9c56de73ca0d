/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_page.c: the bench report's template, style and script from tools/ringfetch/page/, inside the program; taken in by the assembler
 * as check_html_page.c has it, whose style this page shares and adds to. Constant; any thread.
 */
#include "bench_html.h"

/* A NUL after each, so that the ends need no names. */
#define EMBED(name, path)                                                                          \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden " #name "\n"                                                                  \
            ".global " #name "\n"                                                                  \
            ".type " #name ", %object\n" #name ":\n"                                               \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".size " #name ", . - " #name "\n"                                                     \
            ".popsection\n")

EMBED(bench_page_html, "tools/ringfetch/page/bench.html");
EMBED(bench_page_css, "tools/ringfetch/page/bench.css");
EMBED(bench_page_js, "tools/ringfetch/page/bench.js");
