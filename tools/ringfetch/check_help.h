/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_help.h: what `ringfetch check --help` prints. One screen; docs/ringfetch.1 has the rest.
 */
#ifndef TOOLS_CHECK_HELP_H
#define TOOLS_CHECK_HELP_H

static const char check_help[] =
    "Usage: ringfetch check [options] [URL...]    URLs may hold [1-100] {one,two}\n"
    "Can each URL be reached, how fast, and if not, whose fault is it? Verdicts:\n"
    "  ok  dead  blocked (401, 403, 407, 429, 451)  flaky (answered badly, then well)\n"
    "  inconclusive (this machine's fault)  skipped (mailto: and the like)\n"
    "Input, in the order given:\n"
    "  -i, --input-file FILE  a list, a page, a sitemap, a directory of pages, or\n"
    "                         the URL of one; gzip too; - is stdin\n"
    "      --from KIND        if FILE is guessed wrong: list sitemap html markdown\n"
    "                         text csv:COLUMN jsonl:FIELD\n"
    "      --base URL         what relative links in files mean (files on this disk)\n"
    "      --unique           equal requests are made once; unasked only links of\n"
    "                         pages are; --no-unique: none\n"
    "Asking and judging:\n"
    "      --method M         auto (HEAD, then GET where HEAD fails), GET, HEAD ..\n"
    "      --expect 'WHAT'    what the answer must be like; repeatable:\n"
    "                         status in 200-299,404 | header content-type ~ html |\n"
    "                         title contains Shop | body ~ REGEX | redirects <= 2 |\n"
    "                         total_ms < 800 | cert_days > 14 | final_host = HOST ..\n"
    "      --title            record the page's title\n"
    "      --sniff N          bytes of a body that are looked at (64k)\n"
    "      --confirm N        try failures again at the end, so many times (1)\n"
    "      --cache FILE       don't ask again what was ok within --max-age T (1d)\n"
    "      --diff OLD.jsonl   what is new, fixed, changed since that run\n"
    "      --fail-on WHAT     any (default), new (with --diff) or none: exit status 1\n"
    "Output (default: a table on a terminal, jsonl:- elsewhere):\n"
    "      --output KIND      jsonl:FILE csv:FILE null; repeatable\n"
    "      --html FILE  --markdown FILE  --junit FILE  --sarif FILE\n"
    "      --annotate github  --progress auto|bar|json|none  -s, --silent  -v\n"
    "As get has them, among others (see ringfetch get --help):\n"
    "  -j, --concurrency N (256)  --per-host N (32)  --rate N  --per-host-rate N\n"
    "      --connect-timeout T (10)  -m, --max-time T (30)  --retry N (2)  -t N\n"
    "  -X -H -A -e -u -d  --max-redirs N (10)  -k  --cacert FILE  --cert FILE\n"
    "  -4 -6  --resolve  --dns-servers A,..  --dns-rate N  --dns-in-flight N\n"
    "Exit status: 0 ok, 1 dead or blocked, 6 inconclusive at worst, 2 3 4 as get\n"
    "\n"
    "Examples:\n"
    "  ringfetch check https://example.com/ https://example.org/\n"
    "  ringfetch check -i urls.txt -j 2000 --output jsonl:results.jsonl\n"
    "  ringfetch check -i https://example.com/sitemap.xml --expect 'cert_days > 14'\n"
    "  ringfetch check -i docs/ --html broken.html --diff last.jsonl --fail-on new\n";

#endif
