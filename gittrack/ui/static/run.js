// The page of one run: curves, previews, edits; while the run goes on, the page follows it.
"use strict";

(() => {
  const { el, byId, get, edit, page } = gittrack;
  const charts = gittrack.charts;
  const run = byId("run").dataset;
  const started = () => Number(document.querySelector("#title time").dataset.ms);
  let curves = { metrics: {}, system: {} };
  let only = null;

  // -- curves

  const options = () => ({ axis: byId("axis").value, log: byId("log").checked });
  const pointsOf = (curve) => charts.points(curve, { axis: byId("axis").value, start: started(), weight: Number(byId("smooth").value) });

  function drawCurves() {
    const names = Object.keys(curves.metrics);
    const together = byId("together").checked;
    const place = byId("curves");
    place.classList.toggle("one", together);
    const trace = (name) => ({ name, ...pointsOf(curves.metrics[name]) });
    if (!together) { place.replaceChildren(...names.map((name) => charts.figure(name, (plot) => charts.lines(plot, [trace(name)], options())))); return; }
    only ??= new Set(names);
    const figure = charts.figure("Chosen metrics", (plot) => charts.lines(plot, names.filter((name) => only.has(name)).map(trace), options()));
    const choices = names.map((name) => el("label", { className: "switch" }, el("input", { type: "checkbox", checked: only.has(name), on: { change: (event) => {
      if (event.target.checked) only.add(name); else only.delete(name);
      figure.querySelector(".plot").show();
    } } }), name));
    place.replaceChildren(el("div", { className: "choices", role: "group", "aria-label": "Metrics in the chart" }, ...choices), figure);
  }

  function redrawCurves() {
    for (const plot of document.querySelectorAll("#curves .plot")) if (plot.dataset.drawn) plot.show();
  }

  function drawSystem() {
    const names = Object.keys(curves.system);
    byId("system").hidden = names.length === 0;
    const axis = byId("axis").value === "step" ? "elapsed" : byId("axis").value;
    byId("system-curves").replaceChildren(...names.map((name) => charts.figure(name.replace(/^system\//, ""), (plot) =>
      charts.lines(plot, [{ name, ...charts.points(curves.system[name], { axis, start: started() }) }], { axis }))));
  }

  function drawSparks() {
    for (const cell of document.querySelectorAll("[data-spark]")) {
      const curve = curves.metrics[cell.dataset.spark];
      if (curve) cell.replaceChildren(charts.sparkline(curve));
    }
  }

  async function readCurves() {
    if (!byId("curves")) return;
    const before = Object.keys(curves.metrics).join();
    curves = await get(`curves/${run.id}`);
    drawSparks();
    if (Object.keys(curves.metrics).join() === before) redrawCurves(); else drawCurves();
    drawSystem();
  }

  if (byId("curves")) {
    for (const id of ["axis", "log", "together"]) byId(id).addEventListener("change", () => { drawCurves(); drawSystem(); });
    byId("smooth").addEventListener("input", redrawCurves);
    document.addEventListener("theme", () => { drawCurves(); drawSystem(); });
    readCurves().catch((error) => gittrack.say(`The curves cannot be read: ${error.message}`));
  }

  // -- artifacts

  function showFile(anchor) {
    for (const other of document.querySelectorAll(".tree a[aria-current]")) other.removeAttribute("aria-current");
    anchor.setAttribute("aria-current", "true");
    byId("shown-path").textContent = anchor.dataset.path;
    byId("download").hidden = byId("preview").hidden = false;
    byId("download").href = anchor.dataset.file;
    gittrack.writeHash({ artifact: anchor.dataset.path });
  }

  const files = [...document.querySelectorAll(".tree a[data-path]")];
  for (const anchor of files) anchor.addEventListener("click", () => showFile(anchor));
  const wanted = gittrack.readHash().artifact;
  const first = wanted && files.find((anchor) => anchor.dataset.path === wanted);
  if (first) {
    for (let folder = first.closest("details"); folder; folder = folder.parentElement.closest("details")) folder.open = true;
    first.click();
    byId("artifacts").scrollIntoView();
  }

  // -- edits

  const texts = {
    name: ["Rename", "Name"], note: ["Note (Markdown)", "Note"], tag: ["Tag", "Value"], register: ["Register the model", "Name"],
  };

  function ask(kind, value) {
    const [title, label] = texts[kind];
    const given = kind === "name" ? byId("name").textContent : kind === "note" ? byId("note").dataset.text : "";
    const field = kind === "note" ? el("textarea", { rows: 10, value: given }) : el("input", { value: given, required: kind !== "tag" });
    field.id = "editor-value";
    field.style.width = "100%";
    const name = el("input", { id: "editor-name", required: true, style: { width: "100%" } });
    byId("editor-title").textContent = title;
    byId("editor-fields").replaceChildren(...(kind === "tag" ? [el("label", { for: "editor-name" }, "Tag"), name] : []), el("label", { for: "editor-value" }, label), field);
    byId("editor-error").hidden = true;
    const dialog = byId("editor");
    dialog.querySelector("form").onsubmit = async (event) => {
      event.preventDefault();
      const changes = { name: { name: field.value }, note: { note: field.value }, tag: { tags: { [name.value]: field.value } }, register: { register: { name: field.value, path: value } } };
      try { await change(changes[kind]); dialog.close(); } catch (error) { byId("editor-error").textContent = error.message; byId("editor-error").hidden = false; }
    };
    dialog.showModal();
    (kind === "tag" ? name : field).focus();
  }

  async function change(what) {
    gittrack.say((await edit({ runs: [run.id], ...what })).done);
    await follow();
    if ("deleted" in what) location.reload();
  }

  byId("editor-cancel").addEventListener("click", () => byId("editor").close());
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-edit]");
    if (!button) return;
    const { edit: kind, value } = button.dataset;
    if (kind === "deleted") change({ deleted: value === "true" }).catch((error) => gittrack.say(error.message));
    else if (kind === "untag") change({ tags: { [value]: null } }).catch((error) => gittrack.say(error.message));
    else ask(kind, value);
  });

  // -- following a run that goes on

  let seen = "";
  async function follow() {
    const answer = await fetch(location.href.split("#")[0], { cache: "no-cache" });
    if (!answer.ok) return;
    const text = await answer.text();
    if (text === seen) return;
    seen = text;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(part.id);
      if (now && now.outerHTML !== part.outerHTML) { part.replaceChildren(...now.childNodes); if ("text" in now.dataset) part.dataset.text = now.dataset.text; }
    }
    run.state = fresh.getElementById("run").dataset.state;
    gittrack.showTimes();
    await readCurves();
  }

  if (!gittrack.exported && !page.rev) {
    gittrack.everySeconds(2, async () => { if (run.state === "running") await follow(); });
  }
  setInterval(() => gittrack.showTimes(), 1000);
})();
