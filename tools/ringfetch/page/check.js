/* SPDX-License-Identifier: GPL-3.0-or-later
 * check.js: the script of `ringfetch check --html`. It reads the two JSON blocks of the page, draws the charts as SVG and shows as many
 * rows of the table as fit. Titles, URLs and details come from strangers: they enter the page as text nodes only, never as
 * markup, and only http and https addresses become links. Nothing is fetched and nothing is stored.
 */
(() => {
    "use strict";

    const VERDICTS = [
        ["dead", "failed every time it was asked"],
        ["flaky", "answered well once and badly once"],
        ["blocked", "there, but not for us"],
        ["inconclusive", "nothing is known: a fault or limit of ours"],
        ["ok", "reachable and as expected"],
        ["skipped", "nothing that can be asked"],
    ];
    const SEVERITY = new Map(VERDICTS.map(([name], at) => [name, at]));
    const CHANGES = ["new", "fixed", "changed", "still"];
    const FAULT_COLOUR = { target: "dead", local: "inconclusive", policy: "flaky", cancelled: "skipped" };
    const PHASES = ["queue", "dns", "connect", "tls", "wait", "body", "total"];
    const WAIT = 4, TOTAL = 6; /* in a row's `ms` */
    const PRINTED_ROWS = 1000;

    /* ---- text ---------------------------------------------------------------------------------- */

    const at = (id) => document.getElementById(id);
    const integer = new Intl.NumberFormat("en-US");
    const count = (number) => integer.format(number);
    const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many || one + "s"}`;

    function percent(part, whole) {
        const share = whole ? (part / whole) * 100 : 0;
        if (share > 0 && share < 0.1) return "< 0.1%";
        if (share < 100 && share > 99.9) return "> 99.9%";
        return `${share.toFixed((share >= 10 && share <= 90) || share === 0 || share === 100 ? 0 : 1)}%`;
    }

    const digits = (number) => (number >= 100 ? number.toFixed(0) : String(Number(number.toPrecision(3))));

    function duration(ms) {
        if (ms < 1000) return `${digits(ms)} ms`;
        if (ms < 120000) return `${digits(ms / 1000)} s`;
        const minutes = Math.floor(ms / 60000);
        if (minutes < 120) return `${minutes} min ${Math.floor((ms / 1000) % 60)} s`;
        return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    }

    function size(bytes) {
        const units = ["B", "KiB", "MiB", "GiB", "TiB"];
        let unit = 0;
        while (bytes >= 1024 && unit + 1 < units.length) {
            bytes /= 1024;
            unit++;
        }
        return `${digits(bytes)} ${units[unit]}`;
    }

    /* Characters that hide, reorder or break a line are shown by number: an address must look like what it is. */
    const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
    const clean = (text) => String(text).replace(UNSEEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

    const list = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`);

    /* ---- elements -------------------------------------------------------------------------------- */

    function fill(element, attributes, children) {
        for (const [name, value] of Object.entries(attributes || {})) {
            if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
            else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
        }
        element.append(...children.flat().filter((child) => child !== null && child !== undefined));
        return element;
    }

    const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
    const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

    /* A link where the text is a whole address that a browser may be sent to, text where it is not. */
    function link(text) {
        let address = null;
        try {
            address = text.endsWith("…") ? null : new URL(text);
        } catch {
            address = null;
        }
        if (!address || (address.protocol !== "http:" && address.protocol !== "https:")) return document.createTextNode(clean(text));
        return html("a", { href: address.href, rel: "noopener noreferrer", target: "_blank" }, clean(text));
    }

    function hostOf(row) {
        if (row.host === undefined) {
            try {
                row.host = new URL(row.url).host;
            } catch {
                row.host = "";
            }
        }
        return row.host;
    }

    /* ---- charts: what all share ------------------------------------------------------------------ */

    const ruler = document.createElement("canvas").getContext("2d");

    function textWidth(text, pixels = 13) {
        ruler.font = `${pixels}px ${getComputedStyle(document.body).fontFamily}`;
        return ruler.measureText(text).width;
    }

    function shorten(text, width) {
        if (textWidth(text) <= width) return text;
        let low = 0, high = text.length;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (textWidth(`${text.slice(0, middle)}…`) <= width) low = middle;
            else high = middle - 1;
        }
        return `${text.slice(0, low)}…`;
    }

    const drawings = new Map();
    const resized = new ResizeObserver((entries) => {
        for (const { target } of entries) {
            const drawing = drawings.get(target), width = Math.floor(target.clientWidth);
            if (!width || drawing.width === width) continue;
            drawing.width = width;
            target.replaceChildren(drawing.draw(width));
        }
    });

    /* A place whose chart is drawn again whenever its width changes, so that text keeps its size. */
    function plot(draw) {
        const place = html("div", { class: "plot" });
        drawings.set(place, { draw, width: 0 });
        resized.observe(place);
        return place;
    }

    const image = (width, height, label, ...children) =>
        svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);

    function dataTable(caption, columns, rows) {
        const cell = (value, query, first) => {
            const content = query ? html("button", { type: "button", class: "plain", onclick: () => searchFor(query) }, value) : value;
            return first ? html("th", { scope: "row" }, content) : html("td", {}, content);
        };
        return html("details", {},
            html("summary", {}, "As a table"),
            html("div", { class: "table-box" }, html("table", { class: "plot-table" },
                html("caption", { class: "visually-hidden" }, caption),
                html("thead", {}, html("tr", {}, columns.map((name) => html("th", { scope: "col" }, name)))),
                html("tbody", {}, rows.map(({ cells, query }) =>
                    html("tr", {}, cells.map((value, column) => cell(value, column ? null : query, column === 0))))))));
    }

    function figure(title, subtitle, content, ...rest) {
        return html("figure", {}, html("figcaption", {}, html("h3", {}, title), subtitle ? html("p", {}, subtitle) : null), content, ...rest);
    }

    const legend = (entries) =>
        html("div", { class: "legend", "aria-hidden": "true" }, entries.map(([name, text]) => html("span", { class: `l-${name}` }, text)));

    /* ---- charts: bars ------------------------------------------------------------------------------ */

    /* One bar a row, its label on a line above where there is no room beside it. */
    function drawBars(rows, label, width, above) {
        const stacked = above || width < 420;
        const textRoom = Math.max(...rows.map((row) => textWidth(row.text, 12))) + 10;
        const labelRoom = stacked ? 0 : Math.min(Math.max(...rows.map((row) => textWidth(row.label))) + 14, width * 0.4);
        const pitch = stacked ? 42 : 29, barTop = stacked ? 22 : 5, barHeight = stacked ? 11 : 17;
        const barRoom = stacked ? width : width - labelRoom - textRoom;
        const most = Math.max(...rows.map((row) => row.value), Number.MIN_VALUE);
        const children = rows.map((row, index) => {
            const y = index * pitch, long = Math.max(row.value > 0 ? 3 : 0, (row.value / most) * barRoom);
            const textY = stacked ? y + 15 : y + 18;
            return svg("g", {},
                svg("text", { x: 0, y: textY }, shorten(row.label, stacked ? width - textRoom - 8 : labelRoom - 10)),
                svg("rect", { class: "track", x: labelRoom, y: y + barTop, width: Math.max(barRoom, 0), height: barHeight, rx: 3 }),
                svg("rect", { class: `fill-${row.colour}`, x: labelRoom, y: y + barTop, width: long, height: barHeight, rx: 3 }),
                svg("text", { class: "muted", x: width, y: textY, "text-anchor": "end" }, row.text),
                row.query ? svg("rect", { class: "hit", x: 0, y, width, height: pitch, rx: 4, onclick: () => searchFor(row.query) },
                    svg("title", {}, `${row.title || row.label}: ${row.text}. Click to list them.`)) : null);
        });
        return image(width, rows.length * pitch, label, children);
    }

    function bars(title, subtitle, rows, columns, options = {}) {
        const summary = `${title}. ${rows.slice(0, 6).map((row) => `${row.label}: ${row.text}`).join("; ")}.`;
        return figure(title, subtitle, plot((width) => drawBars(rows, summary, width, options.above)),
            options.legend ? legend(options.legend) : null,
            dataTable(title, columns, rows.map((row) => ({ cells: row.cells, query: row.query }))));
    }

    /* The largest; the rest as one bar, so that the sum is right. */
    function largest(entries, most, rest) {
        const sorted = [...entries].sort((a, b) => b.value - a.value);
        if (sorted.length <= most) return sorted;
        const others = sorted.slice(most - 1);
        return [...sorted.slice(0, most - 1), rest(others.reduce((sum, row) => sum + row.value, 0), others.length)];
    }

    function statusColour(status) {
        if (status === 0) return "inconclusive";
        if (status < 400) return "ok";
        return [401, 403, 407, 429, 451].includes(status) ? "blocked" : status < 500 ? "dead" : "flaky";
    }

    function statusChart(run) {
        const row = (label, value, colour, query, title) =>
            ({ label, value, colour, query, title, text: `${count(value)}  ·  ${percent(value, run.total)}`, cells: [label, count(value), percent(value, run.total)] });
        const rows = largest(
            run.statuses.map(([status, number]) =>
                row(status ? String(status) : "no response", number, statusColour(status), status ? `status:${status}` : "status:none")),
            12, (sum, kinds) => row(`${kinds} others`, sum, "skipped", null));
        return bars("Status of the last response", "After redirects and retries", rows, ["Status", "Results", "Share"], {
            legend: [["ok", "below 400"], ["dead", "4xx"], ["blocked", "access refused"], ["flaky", "5xx"], ["inconclusive", "none"]],
        });
    }

    function errorChart(run) {
        const whole = run.kinds.reduce((sum, [, number]) => sum + number, 0);
        const row = (label, value, fault, meaning, query) => ({
            label, value, query, colour: FAULT_COLOUR[fault] || "accent", title: `${label}: ${meaning}`,
            text: `${count(value)}  ·  ${percent(value, whole)}`, cells: [label, meaning, fault, count(value)],
        });
        const rows = largest(run.kinds.map(([name, number, fault, meaning]) => row(name, number, fault, meaning, `error:${name}`)),
            12, (sum, kinds) => row(`${kinds} others`, sum, "", "", null));
        return bars("Errors by kind", `${plural(whole, "result")} with an error; colours say whose fault it is`, rows,
            ["Kind", "Meaning", "Fault", "Results"], {
                legend: [["dead", "the target's"], ["inconclusive", "this machine's"], ["flaky", "the run's rules"], ["skipped", "cancelled"]],
            });
    }

    function certificateChart(run) {
        const colours = ["dead", "dead", "flaky", "flaky", "accent", "accent", "ok", "ok"];
        const whole = run.certs.reduce((sum, [, number]) => sum + number, 0);
        const rows = run.certs.map(([label, value], index) => ({
            label, value, colour: colours[index] || "ok", text: `${count(value)}  ·  ${percent(value, whole)}`,
            cells: [label, count(value), percent(value, whole)],
        }));
        return bars("Certificates by days left", `${plural(whole, "https result")}, by when the certificate expires`, rows, ["Days left", "Results", "Share"]);
    }

    function worstHosts(run) {
        const rows = run.worst.map((host) => ({
            label: clean(host.name), value: host.bad, colour: "dead", query: `host:${host.name}`,
            text: `${host.approximate ? "about " : ""}${count(host.bad)} of ${count(host.count)}  ·  ${percent(host.bad, host.count)}`,
            cells: [clean(host.name), count(host.bad), count(host.count), percent(host.bad, host.count)],
        }));
        return bars("Hosts with the most trouble", "Results that are dead, flaky, blocked or inconclusive", rows, ["Host", "Bad", "Results", "Share"], { above: true });
    }

    function slowestHosts(run) {
        const rows = run.slowest.filter((host) => host.mean !== undefined).map((host) => ({
            label: clean(host.name), value: host.mean, colour: "accent", query: `host:${host.name}`,
            text: `mean ${duration(host.mean)}  ·  max ${duration(host.max)}`,
            cells: [clean(host.name), duration(host.mean), duration(host.max), count(host.count)],
        }));
        return bars("Slowest hosts", "By the mean of total", rows, ["Host", "Mean", "Max", "Results"], { above: true });
    }

    /* ---- charts: durations --------------------------------------------------------------------------- */

    /* A logarithmic axis over whole decades, or over 1-2-5 steps where one or two decades are all there is. */
    function logAxis(low, high, left, right) {
        low = Math.max(low, 0.01);
        high = Math.max(high, low * 1.01);
        const steps = Math.log10(high / low) > 1.6 ? [1] : [1, 2, 5], marks = [];
        for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++)
            for (const step of steps) marks.push(step * 10 ** decade);
        const first = Math.max(0, marks.findLastIndex((mark) => mark <= low * 1.0001));
        const last = marks.findIndex((mark) => mark >= high * 0.9999);
        const ticks = marks.slice(first, last < 0 ? marks.length : last + 1);
        const from = Math.log10(ticks[0]), span = Math.log10(ticks[ticks.length - 1]) - from || 1;
        const x = (ms) => left + Math.min(1, Math.max(0, (Math.log10(Math.max(ms, 1e-6)) - from) / span)) * (right - left);
        return { ticks, x };
    }

    function drawTicks({ ticks, x }, top, bottom) {
        let free = -Infinity;
        return ticks.map((tick) => {
            const text = duration(tick), half = textWidth(text, 12) / 2, shown = x(tick) - half > free;
            if (shown) free = x(tick) + half + 8;
            return svg("g", {},
                svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: bottom }),
                shown ? svg("text", { class: "muted", x: x(tick), y: bottom + 17, "text-anchor": "middle" }, text) : null);
        });
    }

    function drawPhases(phases, label, width) {
        const pitch = 46, left = Math.min(172, width * 0.4), right = width - 22, bottom = phases.length * pitch;
        const axis = logAxis(Math.min(...phases.map((phase) => phase.p50)), Math.max(...phases.map((phase) => phase.max)), left, right);
        const { x } = axis, narrow = width < 430;
        const rows = phases.map((phase, index) => {
            const y = index * pitch, middle = y + pitch / 2;
            const strip = (name, from, to, height) =>
                svg("rect", { class: name, x: x(from), y: middle - height / 2, width: Math.max(x(to) - x(from), 1), height, rx: 3 });
            return svg("g", {},
                svg("title", {}, phaseText(phase)),
                svg("text", { x: 0, y: middle - 3 }, phase.name),
                svg("text", { class: "muted", x: 0, y: middle + 14 }, narrow ? `p50 ${duration(phase.p50)}` : `p50 ${duration(phase.p50)} · p99 ${duration(phase.p99)}`),
                svg("line", { class: "whisker", x1: x(phase.p99), x2: x(phase.max), y1: middle, y2: middle }),
                svg("line", { class: "whisker", x1: x(phase.max), x2: x(phase.max), y1: middle - 7, y2: middle + 7 }),
                strip("reach", phase.p50, phase.p99, 12),
                strip("core", phase.p50, phase.p90, 18),
                svg("circle", { class: "dot", cx: x(phase.p50), cy: middle, r: 5.5 }));
        });
        return image(width, bottom + 26, label, drawTicks(axis, 0, bottom), rows);
    }

    const phaseText = (phase) =>
        `${phase.name}: half within ${duration(phase.p50)}, 90% within ${duration(phase.p90)}, 99% within ${duration(phase.p99)}, slowest ${duration(phase.max)}`;

    function phaseChart(run) {
        const label = `Latency by phase. ${run.phases.map(phaseText).join("; ")}.`;
        return figure("Latency by phase", "Time of each phase, on a logarithmic axis", plot((width) => drawPhases(run.phases, label, width)),
            legend([["core", "p50 (ring) to p90"], ["reach", "to p99"], ["whisker", "to the slowest"]]),
            dataTable("Latency by phase", ["Phase", "p50", "p90", "p99", "Max", "Results"], run.phases.map((phase) => ({
                cells: [phase.name, duration(phase.p50), duration(phase.p90), duration(phase.p99), duration(phase.max), count(phase.count)],
            }))));
    }

    function drawCurve(curve, marks, label, width) {
        const left = 44, right = width - 22, top = 28, bottom = 252;
        const axis = logAxis(curve[0][0], curve[curve.length - 1][0], left, right), { x } = axis;
        const y = (share) => bottom - (share / 100) * (bottom - top);
        const points = curve.map(([ms, share]) => `${x(ms).toFixed(1)},${y(share).toFixed(1)}`);
        const grid = [0, 25, 50, 75, 100].map((share) => svg("g", {},
            svg("line", { class: "grid", x1: left, x2: right, y1: y(share), y2: y(share) }),
            svg("text", { class: "muted", x: left - 8, y: y(share) + 4, "text-anchor": "end" }, `${share}%`)));
        /* Above the curve nothing is drawn: there the labels stand, left of their points, the topmost above its point. */
        const dots = marks.map(([name, ms, share]) => {
            const text = `${name} ${duration(ms)}`, room = textWidth(text) + 14, top99 = share === 99;
            const left99 = Math.min(Math.max(x(ms) - room / 2, left), right - room + 14), fits = x(ms) - room > left;
            const place = top99 ? { x: left99, y: y(share) - 12 } : fits ? { x: x(ms) - room, y: y(share) + 4 } : { x: x(ms) + 12, y: y(share) + 18 };
            return svg("g", {}, svg("text", place, text), svg("circle", { class: "dot", cx: x(ms), cy: y(share), r: 5 }));
        });
        return image(width, bottom + 26, label, grid, drawTicks(axis, top, bottom),
            svg("path", { class: "under", d: `M${x(curve[0][0])},${bottom}L${points.join("L")}L${x(curve[curve.length - 1][0])},${bottom}Z` }),
            svg("path", { class: "curve", d: `M${points.join("L")}` }), dots);
    }

    function curveChart(run) {
        const total = run.phases.find((phase) => phase.name === "total");
        if (!total || !run.curve.length) return null;
        const marks = [["p50", total.p50, 50], ["p90", total.p90, 90], ["p99", total.p99, 99]];
        const label = `Share of results that took at most so long in all. ${phaseText(total)}.`;
        const within = run.curve.filter(([, share]) => share % 10 === 0 || share === 99);
        return figure("Total time, cumulative", "Share of results that took at most so long", plot((width) => drawCurve(run.curve, marks, label, width)),
            dataTable("Total time, cumulative", ["Share", "At most"], within.map(([ms, share]) => ({ cells: [`${share}%`, duration(ms)] }))));
    }

    /* ---- header ------------------------------------------------------------------------------------- */

    function showHeadline(run) {
        const dead = run.verdicts.dead, asked = run.total - run.verdicts.skipped;
        const heading = at("headline"), others = VERDICTS.slice(1, 4).filter(([name]) => run.verdicts[name]);
        const number = (text) => html("span", { class: "count" }, text);
        const urls = asked === 1 ? "URL" : "URLs";
        heading.className = dead ? "" : run.bad ? "doubt" : "well";
        if (!run.total) heading.replaceChildren("Nothing was checked");
        else if (dead) heading.replaceChildren(number(count(dead)), ` of ${count(asked)} ${urls} broken`);
        else if (run.bad) heading.replaceChildren("None of ", `${count(asked)} ${urls} broken, `, number(count(run.bad)), " uncertain");
        else heading.replaceChildren(number(asked === 1 ? "1" : `All ${count(asked)}`), ` ${urls} fine`);
        document.title = `${heading.textContent} – ringfetch check`;

        const lead = [];
        if (others.length) lead.push(`${list(others.map(([name]) => `${count(run.verdicts[name])} ${name}`))}.`);
        if (run.bad) lead.push(`${count(run.verdicts.ok)} fine (${percent(run.verdicts.ok, asked)}).`);
        if (run.compared) lead.push(`Since the last run: ${list(CHANGES.map((name) => `${count(run.changes[name] || 0)} ${name === "new" ? "newly broken" : name === "still" ? "still broken" : name}`))}.`);
        at("lead").textContent = lead.join(" ");
    }

    function showWarnings(run) {
        const say = (text) => at("warnings").append(html("p", { class: "notice", role: "note" }, text));
        if (run.exit === 130 || run.exit === 143) say("The run was interrupted. What had not been asked by then is missing here.");
        if (run.exit === 4) say("A fault of this machine disturbed the run: an input could not be read, or an output not be written.");
        if (run.exit === 3) say("This machine could not carry out the run.");
        if (run.verdicts.inconclusive) say(`${plural(run.verdicts.inconclusive, "result says", "results say")} nothing about the target: this machine or a limit of the run was in the way.`);
    }

    function showFacts(run) {
        const begun = new Date(run.begun), fact = (name, ...value) => at("facts").append(html("div", {}, html("dt", {}, name), html("dd", {}, ...value)));
        fact("Begun", html("time", { datetime: begun.toISOString() }, begun.toISOString().slice(0, 19).replace("T", " "), " UTC"));
        fact("Took", duration(run.seconds * 1000));
        if (run.seconds > 0) {
            const rate = run.total / run.seconds;
            fact("Rate", `${rate >= 100 ? count(Math.round(rate)) : digits(rate)} URLs/s`);
        }
        if (run.attempts) fact("Requests", count(run.attempts));
        if (run.bytes) fact("Bodies read", size(run.bytes));
        if (run.cached) fact("Known from earlier", count(run.cached));
        if (run.verdicts.skipped) fact("Skipped", count(run.verdicts.skipped));
        if (run.source_count) {
            const more = run.source_count - run.sources.length;
            fact(run.source_count === 1 ? "Source" : "Sources", clean(run.sources.join(", ")) + (more ? ` and ${count(more)} more` : ""));
        }
    }

    function drawVerdicts(run, label, width) {
        const shown = VERDICTS.filter(([name]) => run.verdicts[name]), least = 4, gap = 2;
        const room = width - gap * (shown.length - 1) - least * shown.length;
        let x = 0;
        return image(width, 22, label, shown.map(([name]) => {
            const long = least + (run.verdicts[name] / Math.max(run.total, 1)) * room;
            const piece = svg("rect", { class: `fill-${name}`, x, y: 0, width: long, height: 22, rx: 3 },
                svg("title", {}, `${name}: ${count(run.verdicts[name])}, ${percent(run.verdicts[name], run.total)}`));
            x += long + gap;
            return piece;
        }));
    }

    function showVerdicts(run) {
        const tiles = VERDICTS.map(([name, meaning]) =>
            html("button", { type: "button", class: `tile v-${name}${run.verdicts[name] ? "" : " none"}`, onclick: () => showOnly(name) },
                html("b", {}, count(run.verdicts[name])), html("span", { class: "name" }, name, " · ", percent(run.verdicts[name], run.total)),
                html("small", {}, meaning)));
        const label = `Verdicts. ${VERDICTS.map(([name]) => `${name}: ${count(run.verdicts[name])}`).join("; ")}.`;
        at("verdicts").append(html("div", { class: "tiles" }, tiles), run.total ? plot((width) => drawVerdicts(run, label, width)) : "");
    }

    function showCharts(run) {
        at("charts").append(...[
            run.phases.length ? phaseChart(run) : null,
            curveChart(run),
            run.statuses.length ? statusChart(run) : null,
            run.kinds.length ? errorChart(run) : null,
            run.certs.some(([, number]) => number) ? certificateChart(run) : null,
            run.worst.length ? worstHosts(run) : null,
            run.slowest.some((host) => host.mean !== undefined) ? slowestHosts(run) : null,
        ].filter(Boolean));
    }

    /* ---- the table: what it shows ------------------------------------------------------------------------ */

    let run = null, rows = [], order = [], visible = [], texts = null;
    const shownVerdicts = new Set(), shownChanges = new Set();
    const sorting = { column: null, down: false };

    const errorText = (row) => (row.kind ? row.kind : "");
    const sourceText = (row) => (row.source ? row.source + (row.line ? `:${row.line}` + (row.column ? `:${row.column}` : "") : "") : row.line ? `line ${row.line}` : "");
    const milliseconds = (value) => (value === null || value === undefined ? "" : duration(value));
    const COLUMNS = [
        { id: "v", name: "Verdict", key: (row) => SEVERITY.get(row.v) ?? 9, cell: (row) => html("span", { class: `verdict v-${row.v}` }, row.v) },
        { id: "url", name: "URL", key: (row) => row.url || null, cell: (row) => link(row.url || "") },
        { id: "status", name: "Status", number: true, key: (row) => row.status || null, cell: (row) => (row.status ? String(row.status) : "") },
        { id: "kind", name: "Error", key: (row) => errorText(row) || null, cell: (row) => clean(errorText(row)) },
        { id: "total", name: "Total", number: true, down: true, key: (row) => row.ms?.[TOTAL] ?? null, cell: (row) => milliseconds(row.ms?.[TOTAL]) },
        { id: "wait", name: "Wait", number: true, down: true, key: (row) => row.ms?.[WAIT] ?? null, cell: (row) => milliseconds(row.ms?.[WAIT]) },
        { id: "attempts", name: "Tries", number: true, down: true, key: (row) => row.attempts || null, cell: (row) => (row.attempts ? count(row.attempts) : "") },
        { id: "days", name: "Cert days", number: true, key: (row) => row.days ?? null, cell: (row) => (row.days === undefined ? "" : count(row.days)) },
        { id: "change", name: "Change", key: (row) => (row.change ? CHANGES.indexOf(row.change) : null), cell: (row) => clean(row.change || "") },
        { id: "source", name: "Source", key: (row) => (row.source || row.line ? [row.source || "", row.line || 0, row.column || 0] : null), cell: (row) => clean(sourceText(row)) },
    ];
    let columns = COLUMNS;

    function compareKeys(a, b) {
        if (Array.isArray(a)) return compareKeys(a[0], b[0]) || a[1] - b[1] || a[2] - b[2];
        return a < b ? -1 : a > b ? 1 : 0;
    }

    /* Rows without a value come last either way; equal ones in the order of the input. */
    function sortRows() {
        const keys = rows.map(sorting.column.key), sign = sorting.down ? -1 : 1;
        order.sort((a, b) => {
            const one = keys[a], other = keys[b];
            if (one === null || other === null) return (one === null) - (other === null) || rows[a].n - rows[b].n;
            return sign * compareKeys(one, other) || rows[a].n - rows[b].n;
        });
    }

    const searchable = (row) =>
        [row.url, row.final, `host:${hostOf(row)}`, `status:${row.status || "none"}`, `verdict:${row.v}`, row.kind && `error:${row.kind}`, row.stage, row.detail,
            sourceText(row), row.title, row.ip, row.tag, row.change && `change:${row.change}`].filter(Boolean).join("\n").toLowerCase();

    function filterRows() {
        const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
        if (words.length && !texts) texts = rows.map(searchable);
        visible = order.filter((index) =>
            (!shownVerdicts.size || shownVerdicts.has(rows[index].v)) && (!shownChanges.size || shownChanges.has(rows[index].change)) &&
            words.every((word) => texts[index].includes(word)));
        const filtered = words.length || shownVerdicts.size || shownChanges.size;
        at("shown").textContent = filtered ? `${count(visible.length)} of ${plural(rows.length, "row")}` : plural(rows.length, "row");
        at("reset").hidden = !filtered;
        at("table").setAttribute("aria-rowcount", visible.length + 1);
    }

    /* ---- the table: the rows in sight ---------------------------------------------------------------------- */

    const AHEAD = 12;
    let first = -1, last = -1;

    const rowHeight = () => parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 38;

    function makeRow(position) {
        const row = rows[visible[position]];
        const cells = columns.map((column) => {
            const cell = html("td", { role: "cell", class: `c-${column.id}${column.number ? " number" : ""}` }, column.cell(row));
            if (column.id === "url" || column.id === "source" || column.id === "kind")
                cell.title = column.id === "kind" ? clean(row.detail || "") : cell.textContent;
            return cell;
        });
        const more = html("button", { type: "button", class: "plain", "data-index": visible[position], onclick: () => showDetail(row) }, "More");
        more.setAttribute("aria-label", `More about ${clean(row.url || "this result")}`);
        return html("tr", { role: "row", class: "row", "aria-rowindex": position + 2 }, cells, html("td", { role: "cell", class: "c-more" }, more));
    }

    function spacer(rowsCount, height) {
        const line = html("tr", { class: "spacer", "aria-hidden": "true" });
        line.style.height = `${rowsCount * height}px`;
        return line;
    }

    /* Only what is in sight and a little around it exists; spacers stand for the rest. */
    function renderRows(force) {
        const box = at("scroll"), height = rowHeight();
        const top = Math.max(0, Math.floor(box.scrollTop / height));
        const bottom = Math.min(visible.length, top + Math.ceil(box.clientHeight / height) + 1);
        if (!force && first <= Math.max(0, top - 2) && last >= Math.min(visible.length, bottom + 2)) return;
        renderRange(Math.max(0, top - AHEAD), Math.min(visible.length, bottom + AHEAD), height);
    }

    function renderRange(from, to, height) {
        const focused = document.activeElement?.dataset?.index;
        const lines = [];
        for (let position = from; position < to; position++) lines.push(makeRow(position));
        first = from;
        last = to;
        if (!visible.length) lines.push(html("tr", { role: "row", class: "none-row" }, html("td", { role: "cell", class: "empty", colspan: columns.length + 1 }, rows.length ? "No row matches." : "There are no results.")));
        at("body").replaceChildren(spacer(from, height), ...lines, spacer(visible.length - to, height));
        if (focused !== undefined) at("body").querySelector(`[data-index="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }

    /* Once a frame, however often it is asked for. */
    function eachFrame(work) {
        let pending = false;
        return () => {
            if (!pending) requestAnimationFrame(() => { pending = false; work(); });
            pending = true;
        };
    }

    function refresh() {
        filterRows();
        at("scroll").scrollTop = 0;
        renderRows(true);
    }

    /* ---- the table: what people do with it -------------------------------------------------------------------- */

    function sortBy(column) {
        sorting.down = sorting.column === column ? !sorting.down : Boolean(column.down);
        sorting.column = column;
        for (const header of at("head").querySelectorAll("th[data-column]")) {
            if (header.dataset.column === column.id) header.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
            else header.removeAttribute("aria-sort");
        }
        sortRows();
        refresh();
    }

    function pressChips() {
        for (const [group, chosen] of [["filters", shownVerdicts], ["changes", shownChanges]])
            for (const chip of at(group).children) chip.setAttribute("aria-pressed", chosen.has(chip.dataset.value));
    }

    function toggle(chosen, value) {
        if (!chosen.delete(value)) chosen.add(value);
        pressChips();
        refresh();
    }

    function clearFilters() {
        shownVerdicts.clear();
        shownChanges.clear();
        at("search").value = "";
        pressChips();
    }

    function goToResults() {
        refresh();
        at("results").scrollIntoView();
        at("results").focus({ preventScroll: true });
    }

    function searchFor(query) {
        clearFilters();
        at("search").value = query;
        goToResults();
    }

    function showOnly(verdict) {
        clearFilters();
        shownVerdicts.add(verdict);
        pressChips();
        goToResults();
    }

    function makeChips(group, chosen, values, of, total) {
        const numbers = new Map();
        for (const row of rows) numbers.set(of(row), (numbers.get(of(row)) || 0) + 1);
        at(group).append(...values.filter((value) => numbers.get(value)).map((value) =>
            html("button", { type: "button", class: `chip v-${value}`, "data-value": value, "aria-pressed": "false", onclick: () => toggle(chosen, value),
                title: total(value) > numbers.get(value) ? `${count(numbers.get(value))} of ${count(total(value))} have a row here` : null },
                value, html("small", {}, count(numbers.get(value))))));
    }

    function showLeftOut() {
        const { notable, notable_written, well, well_written, slowest, stride } = run.rows;
        const all = notable + well, written = notable_written + well_written;
        if (written === all) {
            at("left-out").textContent = all ? "Every result of the run has a row here." : "";
            return;
        }
        const parts = [];
        if (notable) parts.push(notable_written === notable ? `all ${count(notable)} that are not ok or have changed` : `the first ${count(notable_written)} of ${count(notable)} that are not ok or have changed`);
        if (slowest) parts.push(`the ${count(slowest)} slowest of the others`);
        if (well_written > slowest) parts.push(`${stride > 1 ? `one in ${count(stride)}` : "an even sample"} of the rest`);
        at("left-out").textContent = `This table holds ${count(written)} of ${count(all)} results: ${list(parts)}. ${count(all - written)} are left out to keep the page small; ` +
            "totals and charts count every one of them, and the records of the run have them all.";
    }

    function makeTable() {
        columns = COLUMNS.filter((column) => column.id !== "change" || run.compared)
            .filter((column) => column.id !== "days" || rows.some((row) => row.days !== undefined))
            .filter((column) => column.id !== "source" || rows.some((row) => row.source || row.line));
        at("head").append(...columns.map((column) =>
            html("th", { role: "columnheader", scope: "col", class: `c-${column.id}${column.number ? " number" : ""}`, "data-column": column.id },
                html("button", { type: "button", onclick: () => sortBy(column) }, column.name))),
            html("th", { role: "columnheader", scope: "col", class: "c-more" }, html("span", { class: "visually-hidden" }, "Details")));
        makeChips("filters", shownVerdicts, VERDICTS.map(([name]) => name), (row) => row.v, (name) => run.verdicts[name]);
        if (run.compared) makeChips("changes", shownChanges, CHANGES, (row) => row.change, (name) => run.changes[name] || 0);
        at("search").addEventListener("input", eachFrame(refresh));
        at("reset").addEventListener("click", () => { clearFilters(); refresh(); at("search").focus(); });
        at("scroll").addEventListener("scroll", eachFrame(() => renderRows(false)), { passive: true });
        new ResizeObserver(eachFrame(() => renderRows(true))).observe(at("scroll"));
    }

    /* On paper nothing scrolls. */
    function preparePrinting() {
        addEventListener("beforeprint", () => {
            const printed = Math.min(visible.length, PRINTED_ROWS);
            at("print-note").textContent = printed < visible.length ? `The first ${count(printed)} of ${count(visible.length)} rows.` : "";
            renderRange(0, printed, 0);
        });
        addEventListener("afterprint", () => renderRows(true));
    }

    /* ---- one result ------------------------------------------------------------------------------------------------ */

    function timeline(row) {
        const parts = PHASES.slice(1, TOTAL).map((name, index) => [name, row.ms[index + 1]]).filter(([, value]) => value);
        if (!parts.length) return "";
        return bars("Time of the last attempt", null, parts.map(([label, value]) =>
            ({ label, value, colour: "accent", text: duration(value), cells: [label, duration(value)] })), ["Phase", "Time"]);
    }

    function showDetail(row) {
        const facts = html("dl", {}), fact = (name, value) => {
            if (value !== undefined && value !== "" && value !== false) facts.append(html("dt", {}, name), html("dd", {}, value instanceof Node ? value : clean(value)));
        };
        fact("Verdict", html("span", { class: `verdict v-${row.v}` }, row.v));
        fact("Status", row.status);
        fact("Error", row.kind && `${row.stage ? `${row.stage}: ` : ""}${row.kind}${row.fault ? ` (${row.fault})` : ""}`);
        fact("Detail", row.detail);
        fact("Change", row.change);
        fact("Title", row.title);
        fact("Led to", row.final && link(row.final));
        fact("Redirects", row.redirects);
        fact("Method", row.method);
        fact("Protocol", row.http && `HTTP/${row.http}${row.tls ? `, TLS ${row.tls}` : ""}`);
        fact("Address", row.ip && `${row.ip} port ${row.port}${row.reused ? ", connection kept from before" : ""}`);
        fact("Certificate", row.days !== undefined && `${row.days} days left${row.issuer ? `, issued by ${row.issuer}` : ""}`);
        fact("Content", [row.type, row.bytes && size(row.bytes)].filter(Boolean).join(", "));
        fact("Tries", row.attempts && `${row.attempts}${row.passes ? `, ${plural(row.passes, "confirm pass", "confirm passes")}` : ""}`);
        fact("At first", row.passes && (row.first_kind || row.first_status) ? [row.first_status, row.first_kind].filter(Boolean).join(" ") : "");
        fact("Known from earlier", row.cached && "yes, not asked again");
        fact("Source", sourceText(row));
        fact("Tag", row.tag);
        fact("Ended", row.time ? new Date(row.time).toISOString().replace("T", " ").replace("Z", " UTC") : "");
        fact("Total", row.ms && milliseconds(row.ms[TOTAL]));
        at("detail-title").replaceChildren(link(row.url || "Result"));
        at("detail-body").replaceChildren(facts, row.ms ? timeline(row) : "");
        at("detail").showModal();
    }

    /* ---- all of it --------------------------------------------------------------------------------------------------- */

    function begin() {
        try {
            rows = JSON.parse(at("rows").textContent);
            run = JSON.parse(at("run").textContent);
        } catch {
            at("headline").textContent = "This page is not whole";
            at("lead").textContent = "Its data end early: was it written to the end?";
            return;
        }
        order = rows.map((_, index) => index);
        showHeadline(run);
        showWarnings(run);
        showFacts(run);
        showVerdicts(run);
        showCharts(run);
        showLeftOut();
        makeTable();
        sortBy(columns[0]);
        preparePrinting();
        at("footer").textContent = `Written by ringfetch ${run.version}. This page is complete in itself and loads nothing from anywhere.`;
    }

    begin();
})();
