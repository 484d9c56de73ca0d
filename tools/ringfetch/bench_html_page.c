/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_page.c: the bench report's template, style and script from tools/ringfetch/page/, inside the program. Apart from
 * what writes the report, as only this object must be made again when one of them changes. Constant; any thread.
 */
#include "bench_html.h"
#include "embed.h"

EMBED(bench_page_html, "tools/ringfetch/page/bench.html");
EMBED(bench_page_css, "tools/ringfetch/page/bench.css");
EMBED(bench_page_js, "tools/ringfetch/page/bench.js");
