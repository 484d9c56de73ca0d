/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_help.h: what `ringfetch check --help` prints. One screen; docs/ringfetch.1 has the rest.
 */
#ifndef TOOLS_CHECK_HELP_H
#define TOOLS_CHECK_HELP_H

static const char check_help[] =
    "Usage: ringfetch check [options] [URL...]    is each URL reachable, and if not, whose fault\n"
    "Verdicts: ok, dead, flaky, blocked (401, 403, 429 ...), inconclusive, skipped (mailto:)\n"
    "Input, in the order given:\n"
    "  -i, --input-file FILE  list, sitemap, page, directory of pages, or a URL of one; - stdin\n"
    "      --from KIND        list sitemap html markdown text csv:COLUMN jsonl:FIELD (guessed)\n"
    "      --base URL         what relative links are relative to (the files themselves)\n"
    "      --no-unique        ask a URL for every place it stands in   --shard I/N  -g\n"
    "Judging:\n"
    "      --method M         auto (HEAD, then GET where it looks wrong), HEAD, GET ...\n"
    "      --expect 'EXPR'    status in 200-299,301 | header content-type ~ html | body ~ REGEX\n"
    "                         title contains TEXT | total_ms < 800 | cert_days > 14 ... "
    "(repeatable)\n"
    "      --title            record the page's title         --sniff N  body bytes read (64k)\n"
    "      --confirm N        try failures again at the end of the run (1)\n"
    "      --cache FILE       don't ask again what was well within --max-age T (1d)\n"
    "      --diff OLD.jsonl   what is new, fixed, changed     --fail-on any|new|none\n"
    "Output (default: a table on a terminal, jsonl:- elsewhere):\n"
    "      --output KIND      jsonl:FILE csv:FILE null; repeatable\n"
    "      --html FILE   --markdown FILE   --junit FILE   --sarif FILE   --annotate github\n"
    "      --progress auto|bar|json|none   -s, --silent   -v, --verbose\n"
    "Request, speed, network, https as get has them (ringfetch get --help):\n"
    "  -j, --concurrency N (256)   --per-host N (32)   --rate N   --per-host-rate N   -t N\n"
    "  -X -H -A -e -u -d   --connect-timeout T (10)   -m, --max-time T (30)   --stall-time T\n"
    "      --retry N (2)   --max-redirs N (10)   -4 -6   --resolve   --dns-servers A,B\n"
    "      --dns-rate N  --dns-in-flight N  of a DNS server   -k   --cacert FILE   --cert FILE\n"
    "\n"
    "Examples:\n"
    "  ringfetch check https://example.com/ https://example.org/\n"
    "  ringfetch check -i urls.txt -j 2000 --output jsonl:results.jsonl\n"
    "  ringfetch check -i https://example.com/sitemap.xml --expect 'cert_days > 14'\n"
    "  ringfetch check -i docs/ --html broken.html --diff last.jsonl --fail-on new\n";

#endif
