/* SPDX-License-Identifier: GPL-3.0-or-later
 * check_charts.js: charts as SVG, each with a sentence and a table that say the same. They are drawn from the run's totals; their
 * size in pixels is that of their place, so that text is as large in a narrow window as in a wide one. Part of check.js's function.
 */

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
    const rows = run.certs.map(([name, value], index) => [name.replace(">=", "≥"), value, index]).map(([label, value, index]) => ({
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
    /* Up to the next mark, or a little beyond the largest value where that mark is far. */
    const end = Math.min(last < 0 ? Infinity : marks[last], high * 1.2);
    const ticks = marks.slice(first).filter((mark) => mark <= end);
    const from = Math.log10(ticks[0]), span = Math.log10(end) - from || 1;
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
    const least = phases.map((phase) => phase.p50).filter((ms) => ms > 0);
    const most = Math.max(...phases.map((phase) => phase.max));
    const axis = logAxis(least.length ? Math.min(...least) : most / 10, most, left, right);
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
    /* What took no time, such as the name of an address, has no place on a logarithmic axis. */
    const drawn = run.phases.filter((phase) => phase.max > 0);
    return figure("Latency by phase", "Time of each phase, on a logarithmic axis",
        drawn.length ? plot((width) => drawPhases(drawn, label, width)) : html("p", {}, "No phase took a measurable time."),
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
