/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_help.h: what `ringfetch bench --help` prints. One screen; docs/ringfetch.1 has the rest.
 */
#ifndef TOOLS_BENCH_HELP_H
#define TOOLS_BENCH_HELP_H

static const char bench_help[] =
    "Usage: ringfetch bench [options] URL          one server's figures\n"
    "       ringfetch bench [options] URL_A URL_B  is B worse than A?\n"
    "Load:\n"
    "  -c, --connections N (50)   -t, --threads N (cores)    --warmup T (1s)\n"
    "  -d, --duration T (10s)     -n, --requests N           --pipeline N (1)\n"
    "  -R, --rate N[/s|/m]    open loop: requests leave on schedule, and latency\n"
    "                         counts from then; --arrivals constant|poisson\n"
    "      --ramp SPEC        10s:100,30s:1000 rates, 10s:50c,30s:500c connections\n"
    "      --max-outstanding N (10000)  --no-keepalive  --new-session  --seed N\n"
    "Requests:\n"
    "  -X -H -I -A -e -u --data DATA|@FILE --data-binary DATA|@FILE, as get has them\n"
    "  -i, --input-file FILE  a list of URLs, in turns; or --round-robin URL...\n"
    "      --requests-file F  a line: {\"method\",\"url\",\"headers\",\"body\",\"weight\"..}\n"
    "      --expect 'WHAT'    what an answer must be like (see check); repeatable\n"
    "  -g, --globoff          take {} as they stand; else, in URL, -H and --data:\n"
    "                         {seq} {rand:1:100} {uuid} {line:FILE}, and {{ }}\n"
    "  -m, --max-time T (30)  --connect-timeout T (10)  -k  --cacert F  --cert F\n"
    "  -4 -6  --resolve  --connect-to  --unix-socket PATH  (see ringfetch get --help)\n"
    "Comparing and judging (regressed, improved, same, inconclusive):\n"
    "      --cmd-a CMD  --cmd-b CMD  start the servers, wait for them (--cmd-timeout\n"
    "                         T, 30s), end them\n"
    "      --max-duration T (60s)  if two URLs aren't decided sooner; -d T: exactly T\n"
    "      --confidence P (0.99)   --min-effect PCT (5%)     --block T (0.1s)\n"
    "      --metrics LIST     which decide: rps,mean,p50,p90,p99,errors (all)\n"
    "      --save FILE  --baseline FILE   compare with a saved run; --force-compare\n"
    "      --fail-if EXPR     p99>20ms  errors>0.1%  rps<10000  p50>+5% (above A or\n"
    "                         the baseline); repeatable\n"
    "Reports (- is stdout):\n"
    "      --json FILE  --junit FILE  --markdown FILE  --html FILE  --hdr FILE\n"
    "      --gha-benchmark FILE  --bmf FILE\n"
    "      --progress auto|bar|json|none   -s, --silent   -v, --verbose\n"
    "Exit status: 0 well, 1 errors, 5 a threshold failed or B regressed, 6 not\n"
    "decided, or this machine was the limit, 2 3 4 as get\n"
    "\n"
    "Examples:\n"
    "  ringfetch bench http://127.0.0.1:8080/\n"
    "  ringfetch bench -c 200 -d 30s --fail-if 'p99>20ms' --fail-if 'errors>0.1%' URL\n"
    "  ringfetch bench -R 5000 --arrivals poisson --html load.html http://localhost/\n"
    "  ringfetch bench --cmd-a './old -p 8001' --cmd-b './new -p 8002' \\\n"
    "      http://127.0.0.1:8001/ http://127.0.0.1:8002/ --markdown summary.md\n"
    "  ringfetch bench --baseline main.json --save this.json http://127.0.0.1:8080/\n";

#endif
