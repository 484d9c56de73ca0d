/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * commands.h: the subcommands that main.c dispatches to. Each gets its own words (argv[0] is the
 * subcommand's name), reads its options with options.h, prints its own complaints and returns the
 * process's exit status. They run on the main thread, once a process. cmd_serve lives in
 * tools/origin/. A table that subcommands register themselves in was rejected: seven names don't
 * need a constructor's magic.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

int cmd_bench(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_serve(int argc, char **argv);

#endif
