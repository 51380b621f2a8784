// Parallel coordinates: an axis for each param and metric, a line for each run.
"use strict";

/**
 * Draw them into a place.
 *
 * `axes` are {title, values}, a value a run, numbers or texts; `runs` are {name, colour}. Dragging
 * along an axis chooses runs, which `chosen` is called with as a list of their numbers.
 */
gittrack.parallel = (place, axes, runs, chosen = () => {}) => {
  const { svg, number, numberOf } = gittrack;
  const [width, height, top, bottom, side] = [Math.max(place.clientWidth, 320), 380, 40, 22, 60];
  const brushes = new Map();

  const scales = axes.map(({ values }) => {
    const present = values.filter((value) => value !== undefined && value !== null && value !== "");
    const numbers = present.map(numberOf);
    const span = height - top - bottom;
    if (numbers.length && numbers.every(Number.isFinite)) {
      const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
      // Values that span decades, such as learning rates, would all lie on one end.
      const log = low > 0 && high / low > 50;
      const at = (value) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low || 1));
      const ticks = low === high ? [low] : log ? [low, Math.sqrt(low * high), high] : [low, (low + high) / 2, high];
      return { y: (value) => (Number.isFinite(numberOf(value)) ? top + span * (1 - (low === high ? 0.5 : at(numberOf(value)))) : null), ticks: ticks.map((tick) => [number(Number(tick.toPrecision(4))), tick]) };
    }
    const names = [...new Set(present.map(String))].sort();
    const y = (value) => (names.includes(String(value)) ? top + (span * (names.indexOf(String(value)) + 0.5)) / names.length : null);
    return { y, ticks: names.slice(0, 12).map((name) => [name, name]) };
  });
  const x = (i) => side + (axes.length > 1 ? (i * (width - 2 * side)) / (axes.length - 1) : (width - 2 * side) / 2);

  const drawing = svg("svg", { class: "parallel", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Parallel coordinates of ${runs.length} runs over ${axes.map((axis) => axis.title).join(", ")}` });
  const lines = runs.map((run, number) => {
    let pen = "M";
    let d = "";
    axes.forEach((axis, i) => {
      const y = scales[i].y(axis.values[number]);
      if (y === null) { pen = "M"; return; }
      d += `${pen}${x(i).toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
    });
    const line = svg("path", { d, stroke: run.colour }, svg("title", {}, `${run.name}\n${axes.map((axis) => `${axis.title}: ${axis.values[number] ?? ""}`).join("\n")}`));
    line.addEventListener("mouseenter", () => { line.classList.add("on"); drawing.insertBefore(line, drawing.querySelector("g")); });
    line.addEventListener("mouseleave", () => line.classList.remove("on"));
    return line;
  });
  drawing.append(...lines);

  function choose() {
    const kept = runs.map((_, number) => [...brushes].every(([i, [low, high]]) => {
      const y = scales[i].y(axes[i].values[number]);
      return y !== null && y >= low && y <= high;
    }));
    lines.forEach((line, number) => line.classList.toggle("off", !kept[number]));
    chosen(kept.flatMap((is, number) => (is ? [number] : [])));
  }

  axes.forEach((axis, i) => {
    const cut = axis.title.length > 18 ? `${axis.title.slice(0, 17)}…` : axis.title;
    const brush = svg("rect", { class: "brush", x: x(i) - 7, width: 14, y: 0, height: 0 });
    const grip = svg("rect", { class: "grip", x: x(i) - 12, width: 24, y: top - 8, height: height - top - bottom + 16, "data-axis": axis.title });
    const group = svg("g", {},
      svg("line", { x1: x(i), x2: x(i), y1: top, y2: height - bottom }),
      svg("text", { x: x(i), y: i % 2 ? 28 : 14, "text-anchor": "middle" }, cut, svg("title", {}, axis.title)),
      ...scales[i].ticks.map(([text, value]) => svg("text", { class: "ticks", x: x(i) + 5, y: scales[i].y(value) + 3 }, String(text).slice(0, 14))),
      brush, grip);
    const at = (event) => ((event.clientY - drawing.getBoundingClientRect().top) / drawing.getBoundingClientRect().height) * height;
    let from = null;
    grip.addEventListener("pointerdown", (event) => { from = at(event); grip.setPointerCapture(event.pointerId); brushes.delete(i); });
    grip.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const [low, high] = [Math.min(from, at(event)), Math.max(from, at(event))];
      brush.setAttribute("y", low);
      brush.setAttribute("height", high - low);
      if (high - low > 3) brushes.set(i, [low, high]);
      choose();
    });
    grip.addEventListener("pointerup", () => {
      from = null;
      if (!brushes.has(i)) brush.setAttribute("height", 0);
      choose();
    });
    drawing.append(group);
  });
  place.replaceChildren(drawing);
};
