// What differs between two versions of a registered model.
"use strict";

(() => {
  const { el, byId } = gittrack;
  const table = byId("differences");
  if (!table) return;
  const versions = JSON.parse(table.dataset.versions);

  function draw() {
    const pair = ["first", "second"].map((id) => versions[byId(id).value]);
    const titles = [...new Set(pair.flatMap((version) => Object.keys(version.parts)))];
    const lines = titles.flatMap((title) => {
      const parts = pair.map((version) => version.parts[title] ?? {});
      const names = [...new Set(parts.flatMap(Object.keys))].filter((name) => !byId("differs").checked || parts[0][name] !== parts[1][name]);
      const line = (name) => el("tr", { className: parts[0][name] === parts[1][name] ? "" : "differs" }, el("th", { scope: "row" }, name), ...parts.map((part) => el("td", { className: parts[0][name] === parts[1][name] ? "" : "other", title: part[name] ?? "" }, part[name] ?? "")));
      return names.length ? [el("tr", { className: "part" }, el("th", { scope: "rowgroup", colSpan: 3 }, title)), ...names.map(line)] : [];
    });
    const head = el("tr", {}, el("th", { scope: "col" }, ""), ...pair.map((version) => el("th", { scope: "col" }, `Version ${version.number}`)));
    const body = lines.length ? lines : [el("tr", {}, el("td", { colSpan: 3 }, "Nothing differs."))];
    table.replaceChildren(el("thead", {}, head), el("tbody", {}, ...body));
  }

  for (const id of ["first", "second", "differs"]) byId(id).addEventListener("change", draw);
  draw();
})();
