/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * embed.h: a file inside the program, as a constant text. It is taken in by the assembler, its path relative to the folder that make runs in:
 * gcc and clang both can, and nothing needs to be generated. C arrays made by a script, and `ld -b binary`, which wants to be
 * told the machine when the compiler is a cross compiler, were rejected.
 *
 *     EMBED(page_css, "tools/ringfetch/page/check.css");   at file scope: defines const char page_css[]
 *
 * Who makes the program must say itself that its object depends on the file: the compiler doesn't see it.
 */
#ifndef TOOLS_EMBED_H
#define TOOLS_EMBED_H

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

#endif
