// The dialog that chooses, orders and pins the columns of the list of runs.
"use strict";

/**
 * Open the dialog.
 *
 * `list` has `chosen` and `pinned`, arrays of keys; `change(list)` is called after each change,
 * `reset()` returns the list as it is at first.
 */
gittrack.chooseColumns = (rows, list, { change, reset }) => {
  const { el, byId } = gittrack;
  const dialog = byId("columns");
  const lists = dialog.querySelector(".lists");
  const search = byId("column-search");
  const kinds = { Attributes: Object.keys(Rows.about), Metrics: rows.keys("metrics"), Params: rows.keys("params"), Tags: rows.keys("tags") };
  let { chosen, pinned } = list;

  const update = (focus) => { change({ chosen, pinned }); draw(focus); };
  const button = (text, label, id, act) => el("button", { type: "button", className: "quiet", title: label, id, "aria-label": label, on: { click: () => { act(); update(id); } } }, text);

  function move(key, by) {
    const from = chosen.indexOf(key);
    const to = Math.max(0, Math.min(chosen.length - 1, from + by));
    chosen = chosen.filter((other) => other !== key);
    chosen.splice(to, 0, key);
  }

  function item(key) {
    const shown = chosen.includes(key);
    const name = Rows.title(key);
    const id = `column-${key}`;
    const box = el("input", { type: "checkbox", checked: shown, id, on: { change: () => {
      chosen = shown ? chosen.filter((other) => other !== key) : [...chosen, key];
      pinned = pinned.filter((other) => chosen.includes(other));
      update(id);
    } } });
    const tools = shown ? [
      button("↑", `Move ${name} to the left`, `up-${key}`, () => move(key, -1)),
      button("↓", `Move ${name} to the right`, `down-${key}`, () => move(key, 1)),
      button(pinned.includes(key) ? "●" : "○", `${pinned.includes(key) ? "Unpin" : "Pin"} ${name}`, `pin-${key}`, () => {
        pinned = pinned.includes(key) ? pinned.filter((other) => other !== key) : [...pinned, key];
      }),
    ] : [];
    return el("div", { className: "item" }, el("label", { className: "switch", title: key }, box, name), ...tools);
  }

  function draw(focus) {
    const wanted = search.value.toLowerCase();
    const fits = (key) => Rows.title(key).toLowerCase().includes(wanted);
    const parts = [["Shown", chosen.filter(fits)], ...Object.entries(kinds).map(([title, keys]) => [title, keys.filter((key) => fits(key) && !chosen.includes(key))])];
    lists.replaceChildren(...parts.filter(([, keys]) => keys.length).flatMap(([title, keys]) => [el("h3", {}, title), ...keys.slice(0, 300).map(item)]));
    if (focus) byId(focus)?.focus();
  }

  search.value = "";
  search.oninput = () => draw();
  byId("columns-reset").onclick = () => { ({ chosen, pinned } = reset()); update(); };
  draw();
  dialog.showModal();
};
