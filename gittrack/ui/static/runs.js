// The list of runs: filter, order, columns, tree, selection; rows are made only where they are seen.
"use strict";

(() => {
  const { el, byId, link, get, edit, exported, page } = gittrack;
  const ROW = 30;
  const BEYOND = 12;
  const rows = new Rows();
  const selected = new Set();
  const closed = new Set();
  const scroll = byId("scroll");
  const table = byId("table");
  const head = table.tHead.rows[0];
  const body = table.tBodies[0];
  const state = { experiment: "", filter: "", sort: "", columns: "", pinned: "", differs: "", tree: "", view: "", ...gittrack.readHash() };
  let matches = null;
  let shown = [];
  let depth = new Map();
  let parents = new Set();
  let drawn = new Map();
  let loaded = false;

  const split = (text) => (text ? text.split(",").map(decodeURIComponent) : []);
  const join = (keys) => keys.map(encodeURIComponent).join(",");

  // -- columns

  const atFirst = () => {
    const alive = rows.keys("metrics").slice(0, 12);
    return ["name", "state", "start", "duration", ...alive, ...rows.keys("params").slice(0, 12), "source", "commit", ...(rows.columns.has("git") ? ["git"] : [])];
  };
  const chosenKeys = () => (state.columns ? split(state.columns) : atFirst());
  const pinnedKeys = () => (state.columns || state.pinned ? split(state.pinned) : ["name"]);

  function visibleKeys() {
    const pinned = pinnedKeys();
    let keys = chosenKeys();
    if (state.differs && shown.length > 1) keys = keys.filter((key) => key === "name" || !rows.isSame(shown, key));
    return [...keys.filter((key) => pinned.includes(key)), ...keys.filter((key) => !pinned.includes(key))];
  }

  const pen = document.createElement("canvas").getContext("2d");
  function lengthOf(text, bold = false) {
    const { fontFamily, fontSize } = getComputedStyle(document.body);
    pen.font = `${bold ? 600 : 400} ${fontSize} ${fontFamily}`;
    return pen.measureText(text).width;
  }

  function widthOf(key) {
    if (key === "name") return 210;
    const step = Math.max(1, Math.floor(shown.length / 150));
    let longest = lengthOf(`${Rows.title(key)} ↑`, true);
    for (let i = 0; i < shown.length; i += step) longest = Math.max(longest, lengthOf(rows.text(shown[i], key)));
    if (key === "state") longest += 14;
    if (key === "commit" || key === "id") longest *= 1.1;
    return Math.round(Math.min(Math.max(longest, 30), 240)) + 24;
  }

  // -- which runs, in which order

  function fits(place) {
    if (rows.gone.has(place)) return false;
    const deleted = rows.value(place, "deleted");
    if (state.view !== "all" && deleted !== (state.view === "deleted")) return false;
    if (state.experiment && rows.value(place, "experiment") !== state.experiment) return false;
    return matches === null || matches.has(rows.value(place, "id"));
  }

  function asTree(places) {
    const there = new Map(places.map((place) => [rows.value(place, "id"), place]));
    const children = new Map();
    const tops = [];
    for (const place of places) {
      const parent = there.get(rows.value(place, "parent") ?? "");
      if (parent === undefined || parent === place) tops.push(place);
      else children.set(parent, [...(children.get(parent) ?? []), place]);
    }
    const found = [];
    const seen = new Set();
    depth = new Map();
    parents = new Set(children.keys());
    const visit = (place, level) => {
      if (seen.has(place)) return;
      seen.add(place);
      depth.set(place, level);
      found.push(place);
      if (!closed.has(place)) for (const child of children.get(place) ?? []) visit(child, level + 1);
    };
    for (const place of tops) visit(place, 0);
    // Runs that are each other's parents hang from no top.
    const hidden = new Set();
    const hide = (place) => { if (!hidden.has(place)) { hidden.add(place); (children.get(place) ?? []).forEach(hide); } };
    found.filter((place) => closed.has(place)).forEach(hide);
    for (const place of places) if (!seen.has(place) && !hidden.has(place)) visit(place, 0);
    return found;
  }

  function choose() {
    const places = [...Array(rows.size).keys()].filter(fits);
    const [key, descending] = state.sort.startsWith("-") ? [state.sort.slice(1), true] : [state.sort, false];
    rows.sort(places, key, descending);
    depth = new Map();
    parents = new Set();
    shown = state.tree ? asTree(places) : places;
    for (const place of selected) if (!fits(place)) selected.delete(place);
  }

  // -- drawing

  let keys = [];
  let widths = [];

  function draw({ columns = true } = {}) {
    choose();
    if (columns) drawHead();
    drawn = new Map();
    body.replaceChildren();
    drawRows();
    drawExperiments();
    tell();
  }

  function drawHead() {
    keys = visibleKeys();
    widths = keys.map(widthOf);
    const pinned = pinnedKeys();
    const all = 34 + widths.reduce((sum, width) => sum + width, 0);
    table.style.width = `max(100%, ${all}px)`;
    table.querySelector("colgroup").replaceChildren(...[34, ...widths].map((width, i) => el("col", { style: { width: i === keys.length && !pinned.includes(keys[i - 1]) ? "auto" : `${width}px` } })));
    const focused = document.activeElement?.dataset?.key;
    const everything = el("input", { type: "checkbox", "aria-label": "Select all shown runs", on: { change: (event) => selectAll(event.target.checked) } });
    everything.id = "everything";
    head.replaceChildren(place(el("th", { className: "pick pinned" }, el("label", {}, everything)), 0), ...keys.map((key, i) => headCell(key, i, pinned)));
    if (focused) head.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  const place = (cell, left) => { cell.style.left = `${left}px`; return cell; };
  const leftOf = (i) => 34 + widths.slice(0, i).reduce((sum, width) => sum + width, 0);

  function pin(cell, i, pinned) {
    if (!pinned.includes(keys[i])) return cell;
    cell.classList.add("pinned");
    if (!pinned.includes(keys[i + 1])) cell.classList.add("last-pinned");
    return place(cell, leftOf(i));
  }

  function headCell(key, i, pinned) {
    const order = state.sort === key ? "ascending" : state.sort === `-${key}` ? "descending" : "";
    const kind = key.match(/^(metric|param|tag)s\./)?.[1] ?? "";
    const arrow = order ? (order === "ascending" ? " ↑" : " ↓") : "";
    const button = el("button", { type: "button", title: `${key}\nClick to sort; drag, or Alt and an arrow, to move; P to pin`, data: { key }, on: { click: () => sortBy(key), keydown: (event) => headKey(event, key) } },
      el("span", { className: "kind" }, kind), el("span", {}, Rows.title(key) + arrow));
    const cell = el("th", { scope: "col", className: rows.isNumeric(key) ? "n" : "", draggable: true, on: {
      dragstart: (event) => { event.dataTransfer.setData("text/x-gittrack-column", key); event.dataTransfer.effectAllowed = "move"; },
      dragover: (event) => { if (event.dataTransfer.types.includes("text/x-gittrack-column")) { event.preventDefault(); cell.classList.add("over"); } },
      dragleave: () => cell.classList.remove("over"),
      drop: (event) => { event.preventDefault(); moveTo(event.dataTransfer.getData("text/x-gittrack-column"), key); },
    } }, button);
    if (order) cell.setAttribute("aria-sort", order);
    return pin(cell, i, pinned);
  }

  function drawRows() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - BEYOND);
    const last = Math.min(shown.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + BEYOND);
    const wanted = shown.slice(first, last);
    const kept = new Map();
    wanted.forEach((place, i) => {
      const row = drawn.get(place) ?? bodyRow(place);
      row.setAttribute("aria-rowindex", first + i + 2);
      kept.set(place, row);
    });
    drawn = kept;
    const space = (height) => { const row = el("tr", { className: "space", "aria-hidden": "true" }, el("td", { colSpan: keys.length + 1 })); row.firstChild.style.height = `${height}px`; return row; };
    const focused = document.activeElement;
    // Rows stay where they are as long as they are seen: moving one would take its focus away.
    const next = [...(first ? [space(first * ROW)] : []), ...kept.values(), ...(last < shown.length ? [space((shown.length - last) * ROW)] : [])];
    const nextSet = new Set(next);
    for (const row of [...body.children]) if (!nextSet.has(row)) row.remove();
    let at = body.firstChild;
    for (const row of next) { if (row === at) at = at.nextSibling; else body.insertBefore(row, at); }
    if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus();
    table.setAttribute("aria-rowcount", shown.length + 1);
  }

  function bodyRow(run) {
    const id = rows.value(run, "id");
    const pinned = pinnedKeys();
    const box = el("input", { type: "checkbox", checked: selected.has(run), "aria-label": `Select ${rows.value(run, "name")}`, on: { click: (event) => select(run, event) } });
    const row = el("tr", { data: { id, place: run } }, place(el("td", { className: "pick pinned" }, el("label", {}, box)), 0));
    row.append(...keys.map((key, i) => pin(cell(run, key), i, pinned)));
    row.classList.toggle("chosen", selected.has(run));
    row.classList.toggle("gone", Boolean(rows.value(run, "deleted")));
    return row;
  }

  function cell(run, key) {
    if (key === "name") return nameCell(run);
    if (key === "state") return el("td", {}, el("span", { className: `state ${rows.value(run, "state")}` }, rows.value(run, "state")));
    const value = rows.value(run, key);
    const made = el("td", { className: rows.numeric.has(key) ? "n" : key === "commit" || key === "id" ? "mono" : "" }, rows.text(run, key));
    if (key === "start" || key === "end") made.title = value ? gittrack.clock(value) : "";
    else if (value !== undefined && value !== null) made.title = String(value);
    return made;
  }

  function nameCell(run) {
    const parts = [];
    if (state.tree) {
      parts.push(el("span", { className: "indent", style: { width: `${(depth.get(run) ?? 0) * 16}px` } }));
      if (parents.has(run)) {
        const open = !closed.has(run);
        parts.push(el("button", { type: "button", className: "twist", "aria-expanded": String(open), "aria-label": `Children of ${rows.value(run, "name")}`, on: { click: () => { if (open) closed.add(run); else closed.delete(run); draw({ columns: false }); drawn.get(run)?.querySelector(".twist")?.focus(); } } }, open ? "▾" : "▸"));
      } else parts.push(el("span", { className: "indent", style: { width: "22px" } }));
    }
    const name = rows.value(run, "name");
    return el("th", { scope: "row", title: name }, ...parts, el("a", { href: link.run(rows.value(run, "id")), on: { keydown: (event) => rowKey(event, run) } }, name));
  }

  function drawExperiments() {
    const counts = new Map();
    for (let run = 0; run < rows.size; run++) {
      if (rows.gone.has(run) || rows.value(run, "deleted")) continue;
      const id = rows.value(run, "experiment");
      counts.set(id, (counts.get(id) ?? 0) + 1);
      counts.set("", (counts.get("") ?? 0) + 1);
    }
    const listed = [{ id: "", name: "All runs" }, ...rows.experiments.filter((item) => !item.deleted)];
    byId("experiments").replaceChildren(...listed.map((item) => {
      const entry = el("a", { href: `#experiment=${encodeURIComponent(item.id)}`, title: item.description || item.name, on: { click: (event) => { event.preventDefault(); change({ experiment: item.id }); } } },
        el("span", {}, item.name), el("span", { className: "count" }, (counts.get(item.id) ?? 0).toLocaleString("en")));
      if (item.id === state.experiment) entry.setAttribute("aria-current", "true");
      return el("li", {}, entry);
    }));
  }

  // -- words

  let complaint = "";
  let notes = [];

  function tell() {
    const found = byId("found");
    found.classList.toggle("error", Boolean(complaint));
    const count = `${shown.length.toLocaleString("en")} run${shown.length === 1 ? "" : "s"}`;
    const chosen = selected.size ? `, ${selected.size} selected` : "";
    const problems = rows.problems.length ? ` · ${rows.problems.length} could not be read whole: ${rows.problems[0]}` : "";
    found.textContent = complaint || `${count}${chosen}${notes.map((note) => ` · ${note}`).join("")}${problems}`;
    byId("filter").setAttribute("aria-invalid", String(Boolean(complaint)));
    byId("compare").disabled = selected.size < 2;
    byId("compare").textContent = selected.size ? `Compare ${selected.size}` : "Compare";
    if (byId("remove")) {
      byId("remove").disabled = selected.size === 0;
      byId("remove").textContent = state.view === "deleted" ? "Restore" : "Delete";
    }
    const everything = byId("everything");
    if (everything) {
      everything.checked = shown.length > 0 && selected.size >= shown.length;
      everything.indeterminate = selected.size > 0 && !everything.checked;
    }
    empty();
  }

  function empty() {
    const box = byId("empty");
    box.hidden = shown.length > 0 || !loaded;
    table.hidden = !box.hidden;
    if (box.hidden) return;
    if (rows.size === 0) { box.replaceChildren(byId("no-runs").content.cloneNode(true)); return; }
    const clear = el("button", { type: "button", on: { click: () => change({ filter: "", experiment: "", view: "" }) } }, "Show all runs");
    const why = state.filter ? "No run fits this filter" : state.view === "deleted" ? "No deleted runs" : "No runs in this experiment";
    const hint = state.filter ? "Such as metrics.loss < 0.5 and params.solver = 'saga', or name like '%owl%'." : "";
    box.replaceChildren(el("h2", {}, why), el("p", { className: "soft" }, hint), clear);
  }

  // -- acting

  function sortBy(key) {
    const first = rows.isNumeric(key) || key === "start" ? `-${key}` : key;
    const second = first === key ? `-${key}` : key;
    change({ sort: state.sort === first ? second : state.sort === second ? "" : first });
  }

  function headKey(event, key) {
    if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      event.preventDefault();
      const other = keys[keys.indexOf(key) + (event.key === "ArrowLeft" ? -1 : 1)];
      if (other) moveTo(key, other);
    } else if (event.key.toLowerCase() === "p" && !event.ctrlKey && !event.metaKey) {
      const pinned = pinnedKeys();
      setColumns({ chosen: chosenKeys(), pinned: pinned.includes(key) ? pinned.filter((one) => one !== key) : [...pinned, key] });
    }
  }

  function moveTo(key, other) {
    const chosen = chosenKeys();
    const to = chosen.indexOf(other);
    if (!key || to < 0 || key === other) return;
    const without = chosen.filter((one) => one !== key);
    without.splice(to, 0, key);
    setColumns({ chosen: without, pinned: pinnedKeys() });
  }

  const setColumns = ({ chosen, pinned }) => change({ columns: join(chosen), pinned: join(pinned) });

  function rowKey(event, run) {
    if (event.key === "x" || event.key === " ") { event.preventDefault(); toggle(run, !selected.has(run)); return; }
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(shown.length - 1, shown.indexOf(run) + by));
    if (to * ROW < scroll.scrollTop) scroll.scrollTop = to * ROW;
    if ((to + 3) * ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = (to + 4) * ROW - scroll.clientHeight;
    drawRows();
    drawn.get(shown[to])?.querySelector("a").focus({ preventScroll: true });
  }

  let lastSelected = null;
  function select(run, event) {
    const on = event.target.checked;
    const [from, to] = [shown.indexOf(lastSelected), shown.indexOf(run)];
    const range = event.shiftKey && from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [run];
    for (const one of range) toggle(one, on);
    lastSelected = run;
  }

  function toggle(run, on) {
    if (on) selected.add(run); else selected.delete(run);
    const row = drawn.get(run);
    if (row) { row.classList.toggle("chosen", on); row.querySelector("input").checked = on; }
    tell();
  }

  function selectAll(on) {
    selected.clear();
    if (on) for (const run of shown) selected.add(run);
    draw({ columns: false });
  }

  let asked = 0;
  async function match() {
    const number = ++asked;
    const text = state.filter.trim();
    let answer = { ids: null, notes: [] };
    if (text) answer = exported ? gittrack.filter(text, rows) : await get("matches", { filter: text });
    if (number !== asked) return;
    complaint = answer.error ? answer.error + (answer.hint ? `\n${answer.hint}` : "") : "";
    notes = answer.notes ?? [];
    if (!answer.error) matches = answer.ids ? new Set(answer.ids) : null;
  }

  async function change(changes) {
    Object.assign(state, changes);
    gittrack.writeHash(state);
    fill();
    if ("filter" in changes) await match();
    if (!("columns" in changes || "pinned" in changes)) scroll.scrollTop = 0;
    draw();
  }

  function fill() {
    if (document.activeElement !== byId("filter")) byId("filter").value = state.filter;
    byId("differs").checked = Boolean(state.differs);
    byId("tree").checked = Boolean(state.tree);
    byId("view").value = state.view;
  }

  async function read() {
    const data = await get("runs", exported ? {} : { since: rows.version });
    const news = rows.merge(data);
    rows.numeric = new Set([...rows.columns.keys()].filter((key) => rows.isNumeric(key)));
    return news;
  }

  /** Tell which runs are committed: Git takes its time, and the list does not wait for it. */
  async function readCommitted() {
    if (rows.size === 0) return;
    const states = await get("committed");
    if (!states.new) return;  // there is no repository
    const column = rows.column("git");
    const before = column.join();
    for (let run = 0; run < rows.size; run++) column[run] = "committed";
    for (const [state, ids] of Object.entries(states)) for (const id of ids) if (rows.places.has(id)) column[rows.places.get(id)] = state;
    if (column.join() !== before) draw();
  }

  let typing;
  byId("filter").addEventListener("input", (event) => { clearTimeout(typing); typing = setTimeout(() => change({ filter: event.target.value }), 250); });
  byId("tools").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); change({ filter: byId("filter").value }); });
  byId("differs").addEventListener("change", (event) => change({ differs: event.target.checked ? "1" : "" }));
  byId("tree").addEventListener("change", (event) => change({ tree: event.target.checked ? "1" : "" }));
  byId("view").addEventListener("change", (event) => change({ view: event.target.value }));
  byId("choose").addEventListener("click", () => gittrack.chooseColumns(rows, { chosen: chosenKeys(), pinned: pinnedKeys() }, {
    change: setColumns, reset: () => { change({ columns: "", pinned: "" }); return { chosen: atFirst(), pinned: ["name"] }; },
  }));
  byId("compare").addEventListener("click", () => { location.href = link.compare([...selected].map((run) => rows.value(run, "id"))); });
  byId("csv").addEventListener("click", () => gittrack.save("runs.csv", rows.csv(selected.size ? shown.filter((run) => selected.has(run)) : shown, keys), "text/csv"));
  byId("remove")?.addEventListener("click", async () => {
    const deleted = state.view !== "deleted";
    try {
      gittrack.say((await edit({ runs: [...selected].map((run) => rows.value(run, "id")), deleted })).done);
      selected.clear();
      await read();
      draw();
    } catch (error) { gittrack.say(error.message); }
  });
  scroll.addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
  new ResizeObserver(() => { if (loaded) drawRows(); }).observe(scroll);
  window.addEventListener("hashchange", () => change({ experiment: "", filter: "", sort: "", columns: "", pinned: "", differs: "", tree: "", view: "", ...gittrack.readHash() }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement?.tagName)) { event.preventDefault(); byId("filter").focus(); }
  });

  async function start() {
    fill();
    try {
      await Promise.all([read(), exported ? null : match()]);
      if (exported) await match();
    } catch (error) { complaint = `The runs cannot be read: ${error.message}`; }
    loaded = true;
    draw();
    if (exported || page.rev) return;
    readCommitted();
    gittrack.everySeconds(20, readCommitted);
    gittrack.everySeconds(2, async () => {
      if (!(await read())) return;
      await match();
      draw();
    });
  }
  start();
})();
