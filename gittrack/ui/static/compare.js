// Runs side by side: a table, curves over each other, and how params and metrics go together.
"use strict";

(() => {
  const { el, byId, get, link, exported, numberOf } = gittrack;
  const charts = gittrack.charts;
  const MOST = 100;
  // What differs between any two runs is not worth a mark.
  const OWN = new Set(["start", "duration", "id"]);
  const rows = new Rows();
  let runs = [];
  let state = gittrack.readHash();

  const name = (run) => rows.value(run, "name");
  const keep = (changes) => { Object.assign(state, changes); gittrack.writeHash(state); };
  const keysWithValues = (kind) => rows.keys(kind).filter((key) => runs.some((run) => rows.value(run, key) !== undefined));
  /** A text that Plotly cannot read as markup, and that tells runs of the same name apart. */
  const labels = () => {
    const counts = new Map();
    for (const run of runs) counts.set(name(run), (counts.get(name(run)) ?? 0) + 1);
    return runs.map((run) => (counts.get(name(run)) > 1 ? `${name(run)} ${rows.value(run, "id").slice(0, 4)}` : name(run)));
  };
  const colours = () => runs.map((_, i) => gittrack.colourOf(i));

  // -- the table

  function drawTable() {
    const only = byId("differs").checked;
    const best = (key) => {
      const values = runs.map((run) => rows.value(run, key)).filter(Number.isFinite);
      const way = rows.directions[key.slice(8)];
      return values.length > 1 && way ? Math[way](...values) : undefined;
    };
    /** Return the value that most runs have; nothing where two are as frequent. */
    const mostUsual = (key) => {
      const counts = new Map();
      for (const run of runs) { const one = rows.value(run, key); counts.set(one, (counts.get(one) ?? 0) + 1); }
      const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
      return first[1] > second[1] ? first[0] : Symbol("none");
    };
    const line = (key) => {
      const differs = !OWN.has(key) && !rows.isSame(runs, key);
      if (only && !differs && !OWN.has(key)) return null;
      const top = key.startsWith("metrics.") && differs ? best(key) : undefined;
      const usual = differs && !key.startsWith("metrics.") ? mostUsual(key) : undefined;
      return el("tr", { className: differs ? "differs" : "" }, el("th", { scope: "row", title: Rows.title(key) }, Rows.title(key)),
        ...runs.map((run) => el("td", { title: String(rows.value(run, key) ?? ""), className: key.startsWith("metrics.") ? (top !== undefined && rows.value(run, key) === top ? "best" : "") : differs && rows.value(run, key) !== usual ? "other" : "" }, rows.text(run, key))));
    };
    const part = (title, keys) => {
      const lines = keys.map(line).filter(Boolean);
      return lines.length ? [el("tr", { className: "part" }, el("th", { scope: "rowgroup", colSpan: runs.length + 1 }, title)), ...lines] : [];
    };
    const head = el("tr", {}, el("th", { scope: "col" }, "Run"), ...runs.map((run, i) => el("th", { scope: "col" },
      el("span", { className: "dot", style: { background: gittrack.colourOf(i) } }), el("a", { href: link.run(rows.value(run, "id")) }, name(run)),
      runs.length > 2 ? el("button", { type: "button", className: "quiet", "aria-label": `Leave out ${name(run)}`, title: "Leave out", on: { click: () => leaveOut(run) } }, "✕") : null)));
    byId("table").replaceChildren(el("thead", {}, head), el("tbody", {},
      ...part("Params", keysWithValues("params")), ...part("Metrics", keysWithValues("metrics")), ...part("Tags", keysWithValues("tags")),
      ...part("Run", ["state", "start", "duration", "experiment_name", "source", "commit", "branch", "user", "id"])));
  }

  function leaveOut(run) {
    runs = runs.filter((other) => other !== run);
    keep({ runs: runs.map((one) => rows.value(one, "id")).join(",") });
    draw();
  }

  // -- curves

  const kept = new Map();
  async function curvesOf(metric) {
    if (!kept.has(metric)) kept.set(metric, exported ? exportedCurves(metric) : get("curves", { runs: ids().join(","), metric: metric.slice(8), buckets: runs.length > 20 ? 100 : 250 }));
    return kept.get(metric);
  }

  async function exportedCurves(metric) {
    const all = await Promise.all(ids().map(async (id) => [id, (await wholeCurves(id)).metrics[metric.slice(8)]]));
    return Object.fromEntries(all.filter(([, curve]) => curve));
  }

  const whole = new Map();
  function wholeCurves(id) {
    if (!whole.has(id)) whole.set(id, get(`curves/${id}`));
    return whole.get(id);
  }

  const ids = () => runs.map((run) => rows.value(run, "id"));

  async function drawCurve(plot, metric) {
    const axis = byId("axis").value;
    const found = await curvesOf(metric);
    const titles = labels();
    const traces = runs.flatMap((run, i) => {
      const curve = found[rows.value(run, "id")];
      return curve ? [{ name: titles[i], colour: gittrack.colourOf(i), ...charts.points(curve, { axis, start: rows.value(run, "start"), weight: Number(byId("smooth").value) }) }] : [];
    });
    await charts.lines(plot, traces, { axis, log: byId("log").checked });
  }

  const drawCurves = () => byId("curves").replaceChildren(...keysWithValues("metrics").map((metric) => charts.figure(metric.slice(8), (plot) => drawCurve(plot, metric))));
  const redrawCurves = () => { for (const plot of document.querySelectorAll("#curves .plot")) if (plot.dataset.drawn) plot.show(); };

  // -- how values go together

  const value = (run, key) => { const found = rows.value(run, key); const number = numberOf(found); return Number.isNaN(number) ? found : number; };
  const column = (key) => runs.map((run) => value(run, key));
  const isNumeric = (key) => column(key).some((one) => typeof one === "number");

  function fillChoices() {
    const metrics = keysWithValues("metrics");
    const params = keysWithValues("params");
    const all = [...params, ...metrics];
    const distinct = (key) => new Set(column(key).filter((one) => one !== undefined)).size;
    const varied = params.filter((key) => distinct(key) > 1);
    metrics.sort((a, b) => (distinct(b) > 1) - (distinct(a) > 1));
    const numeric = varied.filter(isNumeric);
    const first = { x: numeric[0] ?? varied[0] ?? metrics[1] ?? metrics[0], y: metrics[0], cx: numeric[0] ?? metrics[0], cy: numeric[1] ?? metrics[1] ?? metrics[0], cz: metrics[0], by: metrics[0], bx: varied.find((key) => !isNumeric(key)) ?? varied[0] ?? all[0] };
    const numbers = all.filter(isNumeric);
    for (const select of document.querySelectorAll("[data-choice]")) {
      const kind = select.dataset.choice;
      const keys = ["x", "bx"].includes(kind) ? all : numbers;
      select.replaceChildren(...keys.map((key) => el("option", { value: key }, `${Rows.title(key)}${params.includes(key) ? "" : " (metric)"}`)));
      const wanted = state[kind] ?? first[kind];
      select.value = keys.includes(wanted) ? wanted : keys[0] ?? "";
    }
  }

  const choice = (kind) => document.querySelector(`[data-choice="${kind}"]`).value;
  const figure = (id, title, show) => byId(id).replaceChildren(charts.figure(title, show));
  const titleOf = (key) => charts.escaped(Rows.title(key));
  const onAxis = (one) => (typeof one === "string" ? charts.escaped(one) : one);

  function drawScatter() {
    const [x, y] = [choice("x"), choice("y")];
    figure("scatter", `${Rows.title(y)} by ${Rows.title(x)}`, (plot) => charts.draw(plot, [{
      type: "scatter", mode: "markers", x: column(x).map(onAxis), y: column(y), text: labels().map(charts.escaped),
      marker: { size: 10, color: colours() }, hovertemplate: "%{text}<br>%{x}, %{y}<extra></extra>",
    }], { xTitle: titleOf(x), yTitle: titleOf(y) }));
  }

  function drawContour() {
    const [x, y, z] = [choice("cx"), choice("cy"), choice("cz")];
    const points = runs.map((run) => [value(run, x), value(run, y), value(run, z)]).filter((point) => point.every(Number.isFinite));
    const [xs, ys, zs] = [0, 1, 2].map((i) => points.map((point) => point[i]));
    if (points.length < 3 || new Set(xs).size < 2 || new Set(ys).size < 2) {
      byId("contour").replaceChildren(el("p", { className: "soft" }, "A contour needs three runs or more that differ in both."));
      return;
    }
    figure("contour", `${Rows.title(z)} by ${Rows.title(x)} and ${Rows.title(y)}`, (plot) => charts.draw(plot, [
      { type: "contour", x: xs, y: ys, z: zs, colorscale: "Viridis", connectgaps: true, colorbar: { thickness: 12, title: { text: titleOf(z) } }, hoverinfo: "x+y+z" },
      { type: "scatter", mode: "markers", x: xs, y: ys, marker: { color: "#fff", size: 7, line: { color: "#222", width: 1 } }, hoverinfo: "skip" },
    ], { xTitle: titleOf(x), yTitle: titleOf(y) }));
  }

  function drawBox() {
    const [y, x] = [choice("by"), choice("bx")];
    const groups = new Map();
    runs.forEach((run) => {
      const group = String(rows.value(run, x) ?? "none");
      if (Number.isFinite(value(run, y))) groups.set(group, [...(groups.get(group) ?? []), value(run, y)]);
    });
    const sorted = [...groups].sort(([a], [b]) => numberOf(a) - numberOf(b) || (a < b ? -1 : 1));
    figure("box", `${Rows.title(y)} by ${Rows.title(x)}`, (plot) => charts.draw(plot, sorted.map(([group, values], i) => ({
      type: "box", name: charts.escaped(group), y: values, boxpoints: "all", jitter: 0.4, pointpos: 0, marker: { color: gittrack.colourOf(i), size: 5 },
    })), { xTitle: titleOf(x), yTitle: titleOf(y), xType: "category" }));
  }

  function drawParallel() {
    const keys = [...keysWithValues("params"), ...keysWithValues("metrics")];
    const distinct = (key) => new Set(column(key).filter((one) => one !== undefined)).size;
    const shared = (key) => column(key).filter((one) => one !== undefined).length * 2 > runs.length;
    const varied = keys.filter((key) => distinct(key) > 1 && shared(key));
    const shown = new Set(state.axes ? state.axes.split(",").map(decodeURIComponent) : varied.slice(0, 12));
    const again = () => gittrack.parallel(byId("parallel"), keys.filter((key) => shown.has(key)).map((key) => ({ title: Rows.title(key), values: column(key) })), runs.map((run, i) => ({ name: name(run), colour: gittrack.colourOf(i) })));
    byId("axes").replaceChildren(...keys.map((key) => el("label", { className: "switch" }, el("input", { type: "checkbox", checked: shown.has(key), on: { change: (event) => {
      if (event.target.checked) shown.add(key); else shown.delete(key);
      keep({ axes: [...shown].map(encodeURIComponent).join(",") });
      again();
    } } }), Rows.title(key))));
    again();
  }

  // -- images and code

  async function drawImages() {
    const found = await get("images", { runs: ids().join(",") });
    const counts = new Map();
    for (const id of ids()) for (const path of found[id] ?? []) counts.set(path, (counts.get(path) ?? 0) + 1);
    const paths = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
    byId("images").hidden = paths.length === 0;
    byId("image").replaceChildren(...paths.map((path) => el("option", { value: path }, `${path} (${counts.get(path)})`)));
    const show = () => byId("pictures").replaceChildren(...runs.flatMap((run) => {
      const id = rows.value(run, "id");
      if (!(found[id] ?? []).includes(byId("image").value)) return [];
      return [el("figure", { className: "chart" }, el("figcaption", {}, name(run)), el("img", { src: link.artifact(id, byId("image").value), alt: `${byId("image").value} of ${name(run)}`, loading: "lazy" }))];
    }));
    byId("image").onchange = show;
    show();
  }

  let states = null;
  /** Return what differs in the code of two runs; exported pages hold the text of it where states of code are few. */
  async function differingCode(first, second) {
    if (!exported) return get("code", { first, second });
    states ??= await get("code");
    const [one, other] = [first, second].map((id) => states.runs[id]);
    const [a, b] = [one.entries, other.entries];
    const sameProject = a.project && a.project === b.project && a["entry point"] === b["entry point"];
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name] && !(sameProject && name === "command"));
    const entries = names.map((name) => ({ name, first: a[name], second: b[name] }));
    if (one.state === other.state) return { entries };
    if (states.compared) return { ...(await get(`code/${one.state}-${other.state}`)), entries };
    return { entries, command: `git diff ${a.commit ?? "?"} ${b.commit ?? "?"}` };
  }

  async function drawCode() {
    const [first, second] = [byId("first"), byId("second")].map((select) => select.value);
    const place = byId("code");
    const lines = (text) => el("pre", { className: "code tall", tabIndex: 0 }, el("code", {}, ...text.split("\n").map((line) => {
      const kind = line.startsWith("@@") || line.startsWith("diff ") ? "gu" : /^\+(?!\+\+ )/.test(line) ? "gi" : /^-(?!-- )/.test(line) ? "gd" : "";
      return el("span", { className: kind }, `${line}\n`);
    })));
    const code = await differingCode(first, second);
    const entries = code.entries.map((entry) => el("tr", {}, el("th", { scope: "row" }, entry.name), el("td", {}, String(entry.first ?? "")), el("td", {}, String(entry.second ?? ""))));
    const parts = [
      entries.length ? el("table", { className: "plain wide" }, el("tbody", {}, ...entries)) : el("p", { className: "soft" }, "The same command, commit and project."),
      code.unknown ? el("p", { className: "warning" }, code.unknown) : null,
      code.diff ? lines(code.diff) : null,
      code.command ? el("pre", { className: "code copy" }, code.command) : null];
    place.replaceChildren(...parts.filter(Boolean));
  }

  // -- all of it

  function draw() {
    byId("heading").textContent = `Compare ${runs.length} runs`;
    document.title = `Compare ${runs.length} runs · gittrack`;
    kept.clear();
    drawTable();
    fillChoices();
    drawCurves();
    drawScatter();
    drawContour();
    drawBox();
    drawParallel();
    for (const [id, at] of [["first", 0], ["second", 1]]) {
      byId(id).replaceChildren(...runs.map((run, i) => el("option", { value: rows.value(run, "id") }, labels()[i])));
      byId(id).selectedIndex = at;
    }
    drawImages().catch((error) => gittrack.say(error.message));
    drawCode().catch((error) => gittrack.say(error.message));
  }

  async function start() {
    state = gittrack.readHash();
    const wanted = (state.runs ?? "").split(",").filter(Boolean).slice(0, MOST);
    rows.merge(await get("runs", exported ? {} : { ids: wanted.join(",") }));
    runs = [...new Set(wanted)].filter((id) => rows.places.has(id)).map((id) => rows.places.get(id));
    byId("waiting").hidden = true;
    byId("too-few").hidden = runs.length > 1;
    byId("compared").hidden = runs.length < 2;
    byId("differs").checked = Boolean(state.differs);
    if (runs.length > 1) draw();
  }

  byId("differs").addEventListener("change", (event) => { keep({ differs: event.target.checked ? "1" : "" }); drawTable(); });
  for (const id of ["axis", "log"]) byId(id).addEventListener("change", redrawCurves);
  byId("smooth").addEventListener("input", redrawCurves);
  for (const id of ["first", "second"]) byId(id).addEventListener("change", drawCode);
  const drawers = { x: drawScatter, y: drawScatter, cx: drawContour, cy: drawContour, cz: drawContour, bx: drawBox, by: drawBox };
  for (const select of document.querySelectorAll("[data-choice]")) {
    select.addEventListener("change", () => { keep({ [select.dataset.choice]: select.value }); drawers[select.dataset.choice](); });
  }
  document.addEventListener("theme", () => { if (runs.length > 1) { redrawCurves(); drawScatter(); drawContour(); drawBox(); } });
  window.addEventListener("hashchange", () => location.reload());
  start().catch((error) => { byId("waiting").textContent = `The runs cannot be read: ${error.message}`; });
})();
