/* SPDX-License-Identifier: GPL-3.0-or-later
 * check_table.js: the table of results, and the dialog that shows one. A hundred thousand rows are sorted and searched, but only those in
 * sight exist as elements. Part of check.js's function.
 */

/* ---- the table: what it shows ------------------------------------------------------------------------ */

let run = null, rows = [], order = [], visible = [], texts = null;
const shownVerdicts = new Set(), shownChanges = new Set();
const sorting = { column: null, down: false };

const errorText = (row) => (row.kind ? row.kind : "");
/* A long path is told by its end. */
const tail = (path) => (path.length > 24 && path.includes("/") ? `…/${path.slice(path.lastIndexOf("/") + 1)}` : path);
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
    { id: "source", name: "Source", key: (row) => (row.source || row.line ? [row.source || "", row.line || 0, row.column || 0] : null), cell: (row) => clean(tail(sourceText(row))) },
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
let first = -1, last = -1, printing = false;

const rowHeight = () => parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 38;

function makeRow(position) {
    const row = rows[visible[position]];
    const cells = columns.map((column) => {
        const cell = html("td", { role: "cell", class: `c-${column.id}${column.number ? " number" : ""}` }, column.cell(row));
        const hint = { url: row.url, source: sourceText(row), kind: row.detail }[column.id];
        if (hint) cell.title = clean(hint);
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
    if (printing) return;
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

/* On paper nothing scrolls: the box grows to hold all its rows, and must not be taken for a window that shows as many. */
function preparePrinting() {
    addEventListener("beforeprint", () => {
        const printed = Math.min(visible.length, PRINTED_ROWS);
        at("print-note").textContent = printed < visible.length ? `The first ${count(printed)} of ${count(visible.length)} rows.` : "";
        printing = true;
        renderRange(0, printed, 0);
    });
    addEventListener("afterprint", () => {
        printing = false;
        renderRows(true);
    });
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
