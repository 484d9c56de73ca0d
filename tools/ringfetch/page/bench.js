/* SPDX-License-Identifier: GPL-3.0-or-later
 * bench.js: the script of `ringfetch bench --html`: reads values out under the pointer, and sorts the table of requests. The page says
 * everything without it. It takes text from the page's own tables and puts it back as text, never as markup.
 */
const SVG = "http://www.w3.org/2000/svg";

/* ---- under the pointer ------------------------------------------------------------------------- */

/* A chart's hidden table has a row for each place that can be pointed at, from left to right. */
function readable(chart) {
    const area = chart.querySelector("svg.area"), rows = [...chart.querySelectorAll("tr[data-x]")];
    if (!area || !rows.length) return;
    const places = rows.map((row) => Number(row.dataset.x));
    const names = [...chart.querySelectorAll("thead th")].map((cell) => cell.textContent);
    const cursor = document.createElementNS(SVG, "line"), read = document.createElement("div");
    for (const [name, value] of [["class", "cursor"], ["y1", 0], ["y2", area.getAttribute("height")]]) cursor.setAttribute(name, value);
    read.className = "read";
    area.append(cursor);
    area.parentNode.append(read);
    let shown = -1;

    const show = (index) => {
        shown = index;
        const x = `${places[index] * 100}%`, [first, ...cells] = rows[index].cells;
        cursor.setAttribute("x1", x);
        cursor.setAttribute("x2", x);
        read.textContent = [first.textContent, ...cells.map((cell, at) => (cell.textContent ? `${names[at + 1]}: ${cell.textContent}` : ""))].filter(Boolean).join("\n");
        read.className = `read on${places[index] > 0.5 ? " left" : ""}`;
        cursor.setAttribute("class", "cursor on");
    };
    const hide = () => {
        shown = -1;
        read.className = "read";
        cursor.setAttribute("class", "cursor");
    };
    const point = (event) => {
        const box = area.getBoundingClientRect(), x = (event.clientX - box.left) / box.width;
        let best = 0;
        places.forEach((place, index) => { if (Math.abs(place - x) < Math.abs(places[best] - x)) best = index; });
        show(best);
    };
    const key = (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (event.key === "Escape") hide();
        if (!by) return;
        event.preventDefault();
        show(Math.max(0, Math.min(rows.length - 1, shown < 0 ? (by > 0 ? 0 : rows.length - 1) : shown + by)));
    };
    const plot = area.parentNode;
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", hide);
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", `${chart.querySelector("h3").textContent}: arrow keys read values out`);
    read.setAttribute("aria-live", "polite");
    plot.addEventListener("keydown", key);
    plot.addEventListener("blur", hide);
}

/* ---- sorting ------------------------------------------------------------------------------------- */

const valueOf = (cell) => (cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value));

function sortable(table) {
    const body = table.tBodies[0], headers = [...table.tHead.rows[0].cells];
    const sort = (header, column) => {
        /* Numbers begin with the largest, names with the first. */
        const now = header.getAttribute("aria-sort"), number = body.rows[0].cells[column].dataset.value !== undefined;
        const down = now ? now === "ascending" : number;
        for (const other of headers) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[column]) }));
        rows.sort((a, b) => (down ? -1 : 1) * (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
        body.replaceChildren(...rows.map(({ row }) => row));
    };
    headers.forEach((header, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = header.textContent;
        button.addEventListener("click", () => sort(header, column));
        header.replaceChildren(button);
    });
}

document.querySelectorAll(".chart").forEach(readable);
document.querySelectorAll(".entries table").forEach(sortable);
