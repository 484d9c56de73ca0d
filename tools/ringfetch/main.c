/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * main.c: finds the subcommand and hands it the rest of the command line. Like everything in this
 * folder it knows nothing of the engine but its public headers. Main thread.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <ringfetch/ringfetch.h>

#include "commands.h"
#include "streams.h"
#include "text.h"

static const char help[] =
    "ringfetch: fetch many URLs from one process, over io_uring.\n"
    "\n"
    "  ringfetch get   [options] [URL...]   fetch bodies into files or any output\n"
    "  ringfetch check [options] [URL...]   is each URL reachable, and if not, why\n"
    "  ringfetch bench [options] URL [URL]  load a server; is the second one slower\n"
    "  ringfetch merge [options] FILE...    join the results of several bench runs\n"
    "  ringfetch serve [options]            a loopback test origin\n"
    "  ringfetch info  [options]            what this kernel and this build can do\n"
    "\n"
    "  ringfetch COMMAND --help             the command's options\n"
    "  ringfetch --version\n"
    "\n"
    "Examples:\n"
    "  ringfetch get -P pictures 'https://example.com/img[001-100].jpg'\n"
    "  ringfetch get -i urls.txt -P out --output jsonl:results.jsonl\n"
    "  generate-urls | ringfetch get -i - -j 1000 --output null --output csv:-\n"
    "\n"
    "  ringfetch check -i https://example.com/sitemap.xml --html broken.html\n"
    "  ringfetch bench --fail-if 'p99>20ms' http://127.0.0.1:8080/\n"
    "\n"
    "Exit status: 0 all well, 1 some requests failed, 2 bad usage, 3 no usable\n"
    "io_uring, 4 a local fault (input, output, disk), 5 bench: too slow,\n"
    "6 check, bench: inconclusive, 130 and 143 interrupted.\n";

static int dispatch(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"get", cmd_get},     {"serve", cmd_serve}, {"info", cmd_info},
                    {"check", cmd_check}, {"bench", cmd_bench}, {"merge", cmd_merge}};
    char shown[256];
    text_escape(shown, sizeof shown, argv[0]);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, argv[0]) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    fprintf(stderr, "ringfetch: unknown %s %s (see ringfetch --help)%s\n",
            argv[0][0] == '-' ? "option" : "command", shown,
            strstr(argv[0], "://") ? "; to fetch it: ringfetch get URL" : "");
    return RF_USAGE;
}

int main(int argc, char **argv) {
    if (!streams_fill()) {
        return RF_ENVIRONMENT;
    }
    /* A reader that goes away is a failed write with a name, not a silent death. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fputs("ringfetch: no command given (see ringfetch --help)\n", stderr);
        return RF_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return streams_end(RF_OK);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        fputs("ringfetch " RF_VERSION "\n", stdout);
        return streams_end(RF_OK);
    }
    return dispatch(argc - 1, argv + 1);
}
