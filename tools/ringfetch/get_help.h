/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_help.h: what `ringfetch get --help` prints. One screen; docs/ringfetch.1 has the rest.
 */
#ifndef TOOLS_GET_HELP_H
#define TOOLS_GET_HELP_H

static const char get_help[] =
    "Usage: ringfetch get [options] [URL...]      URLs may hold [1-100] {one,two}\n"
    "Input, in the order given:\n"
    "  -i, --input-file FILE  lines: URL, URL<TAB>name, JSON object; - stdin\n"
    "  -g, --globoff          take []{} as they stand\n"
    "      --shard I/N        only the I-th of N parts, by host\n"
    "Output:\n"
    "  -P, --directory DIR    one file a body beneath DIR (default .)\n"
    "  -o, --name TEMPLATE    {n} {n:06} {host} {path} {basename} {ext} {tag} ..\n"
    "      --output KIND      files:DIR stdout jsonl:FILE csv:FILE null; repeatable\n"
    "      --on-exist WHAT    rename (default) skip overwrite fail resume\n"
    "      --ordered          stdout in input order\n"
    "      --no-fail          keep the bodies of statuses 400 and above\n"
    "      --max-filesize N   larger bodies fail (k, M, G)\n"
    "Request:\n"
    "  -X, --request METHOD     -d, --data DATA|@FILE    --data-binary DATA|@FILE\n"
    "  -H, --header FIELD|@FILE -I, --head               -r, --range A-B\n"
    "  -A, --user-agent TEXT    -e, --referer URL        -u, --user NAME:PASSWORD\n"
    "      --max-redirs N (10)\n"
    "Speed:\n"
    "  -j, --concurrency N    requests in flight (256)    --per-host N  of those (32)\n"
    "  -t, --threads N        workers (one a core, or as -j needs)\n"
    "      --rate N[/s|/m]    requests started             --per-host-rate N[/s|/m]\n"
    "      --limit-rate N     bytes received a second\n"
    "Time (0.5 is seconds; 500ms, 2m) and retries:\n"
    "      --connect-timeout T (10)  --stall-time T (30)   -m, --max-time T  a try\n"
    "      --total-time T  all tries of a request          --retry N (2)\n"
    "      --retry-delay T    --retry-max-time T           --retry-all  POST too\n"
    "Network:\n"
    "  -4, --ipv4  -6, --ipv6   --interface NAME|ADDR      --unix-socket PATH\n"
    "      --resolve HOST:PORT:ADDR   --connect-to H1:P1:H2:P2   --dns-servers A,...\n"
    "      --dns-rate N, --dns-in-flight N  at most, of one DNS server\n"
    "https (certificates are verified; 1.2 and 1.3):\n"
    "  -k, --insecure   --cacert FILE   --capath DIR   --pinnedpubkey PIN|FILE\n"
    "  -E, --cert FILE  --key FILE      --ciphers LIST --tls13-ciphers LIST\n"
    "      --tls-min V  --tls-max V     --tlsv1.2  --tlsv1.3  --no-sessionid\n"
    "Terminal (and -h, --help; -V, --version):\n"
    "      --progress auto|bar|json|none   -s, --silent   -v, --verbose\n"
    "\n"
    "Examples:\n"
    "  ringfetch get -P pictures 'https://example.com/img[001-100].jpg'\n"
    "  ringfetch get -i urls.txt -P out -o '{host}/{basename}' --on-exist skip\n"
    "  ringfetch get -i - -j 1000 --output null --output jsonl:results < urls.txt\n"
    "  ringfetch get --output stdout --ordered 'http://localhost/part{1,2,3}' > all\n";

#endif
