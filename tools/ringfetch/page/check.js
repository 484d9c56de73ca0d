/* SPDX-License-Identifier: GPL-3.0-or-later
 * check.js: the script of `ringfetch check --html`: what the others share, the page's head, and its start. It is put into one function
 * with check_charts.js and check_table.js, which share its names; check.html does that. Titles, URLs and details come from
 * strangers: they enter the page as text nodes only, never as markup, and only http and https addresses become links.
 * Nothing is fetched and nothing is stored.
 */
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
    if (share > 0 && share < 0.1) return "<\u00a00.1%";
    if (share < 100 && share > 99.9) return ">\u00a099.9%";
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
