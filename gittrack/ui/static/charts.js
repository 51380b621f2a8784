// Curves: plotly.js where the server has it, else plain lines. Loaded when a chart comes into view.
"use strict";

gittrack.charts = (() => {
  const { el, svg, page, colour, colourOf, number } = gittrack;

  let library = null;
  /** Return a promise of Plotly, or of null where it is not installed. */
  function plotly() {
    if (!page.plotly) return Promise.resolve(null);
    library ??= new Promise((resolve) => {
      const version = gittrack.exported ? "" : `?v=${page.plotly}`;
      document.head.append(el("script", { src: `${page.root}static/plotly.min.js${version}`, on: { load: () => resolve(window.Plotly), error: () => resolve(null) } }));
    });
    return library;
  }

  /** Exponential moving average that forgets its first value: 0 is the curve itself. */
  function smooth(values, weight) {
    if (!weight) return values;
    let [last, seen] = [0, 0];
    return values.map((value) => {
      if (!Number.isFinite(value)) return value;
      last = last * weight + (1 - weight) * value;
      seen = seen * weight + (1 - weight);
      return last / seen;
    });
  }

  /** Return the points of a curve on an axis: "step", "elapsed" (seconds since `start`) or "time". */
  function points(curve, { axis = "step", start = 0, weight = 0 } = {}) {
    const y = smooth(curve.value.map(Number), weight);
    if (axis === "step") return { x: curve.step, y };
    if (axis === "elapsed") return { x: curve.time.map((time) => (time - start) / 1000), y };
    return { x: curve.time.map((time) => gittrack.clock(time) + `.${String(time % 1000).padStart(3, "0")}`), y };
  }

  function layout({ log, axis, xTitle = "", yTitle = "", xType = "", legend = false, height, automargin = true } = {}) {
    const grid = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("strong-line"), automargin };
    return {
      margin: { l: 48, r: 10, t: 8, b: 34 },
      height,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colour("soft") },
      xaxis: { ...grid, title: { text: xTitle || { step: "step", elapsed: "seconds since the start" }[axis] || "", standoff: 6 }, type: xType || (axis === "time" ? "date" : "-") },
      yaxis: { ...grid, title: { text: yTitle, standoff: 4 }, type: log ? "log" : "-" },
      showlegend: legend,
      legend: { orientation: "h", y: -0.18, yanchor: "top", font: { color: colour("ink") } },
      hovermode: "closest",
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("strong-line"), font: { color: colour("ink") } },
    };
  }

  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

  /** Draw traces ({name, x, y, colour}) as lines. */
  async function lines(place, traces, options = {}) {
    const library = await plotly();
    if (!traces.some((trace) => trace.y.some((value) => Number.isFinite(value)))) {
      library?.purge(place);
      place.replaceChildren(el("p", { className: "soft" }, traces.length ? "No finite value" : "No metric is chosen"));
      place.dataset.drawn = String(traces.length);
      return;
    }
    if (!library) { plain(place, traces, options.log); return; }
    if (!place.classList.contains("js-plotly-plot")) place.replaceChildren();
    const drawn = traces.map((trace, i) => ({
      type: "scatter",
      mode: trace.x.length > 1 ? "lines" : "markers",
      name: trace.name,
      x: trace.x,
      y: trace.y,
      line: { color: trace.colour ?? colourOf(i), width: 1.6 },
      hovertemplate: `%{y:.5~g}<extra>${escaped(trace.name)}</extra>`,
      text: trace.name,
    }));
    await library.react(place, drawn, layout({ legend: traces.length > 1 && traces.length <= 20, automargin: traces.length <= 20, ...options }), config);
    place.dataset.drawn = String(traces.length);
  }

  /** Plotly reads tags in names; here they are text. */
  const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%{", "%&#123;");

  /** Draw any traces of Plotly; without it, say what is missing. */
  async function draw(place, traces, options = {}) {
    const library = await plotly();
    if (!library) {
      place.replaceChildren(el("p", { className: "soft" }, "This chart needs plotly: pip install plotly"));
      return;
    }
    await library.react(place, traces, layout(options), config);
    place.dataset.drawn = String(traces.length);
  }

  function path(x, y, { width, height, box, log }) {
    const place = log ? Math.log10 : (value) => value;
    let text = "";
    let pen = "M";
    for (let i = 0; i < x.length; i++) {
      const [px, py] = [((x[i] - box[0]) / (box[1] - box[0] || 1)) * width, height - ((place(y[i]) - box[2]) / (box[3] - box[2] || 1)) * height];
      if (!Number.isFinite(px) || !Number.isFinite(py)) { pen = "M"; continue; }
      text += `${pen}${px.toFixed(1)} ${py.toFixed(1)}`;
      pen = "L";
    }
    return text;
  }

  const extent = (values) => values.reduce(([low, high], value) => (Number.isFinite(value) ? [Math.min(low, value), Math.max(high, value)] : [low, high]), [Infinity, -Infinity]);

  /** Draw lines without Plotly: no axes, the extremes in words. */
  function plain(place, traces, log) {
    const at = traces.map((trace) => trace.x.map((x) => (typeof x === "number" ? x : Date.parse(x))));
    const scaled = traces.flatMap((trace) => (log ? trace.y.map(Math.log10) : trace.y));
    const box = [...extent(at.flat()), ...extent(scaled)];
    const [low, high] = extent(traces.flatMap((trace) => trace.y));
    const drawing = svg("svg", { viewBox: "0 0 400 180", preserveAspectRatio: "none", class: "plain-line", role: "img", "aria-label": `from ${number(low)} to ${number(high)}` });
    traces.forEach((trace, i) => {
      const line = svg("path", { d: path(at[i], trace.y, { width: 400, height: 180, box, log }), class: "sparkline" });
      if (traces.length > 1) line.style.stroke = trace.colour ?? colourOf(i);
      drawing.append(line);
    });
    place.replaceChildren(drawing, el("p", { className: "soft" }, `${number(low)} to ${number(high)}`));
    place.dataset.drawn = String(traces.length);
  }

  /** Return a small picture of a curve. */
  function sparkline(curve) {
    const y = curve.value.map(Number);
    const [low, high] = extent(y);
    const box = [...extent(curve.step), low, high];
    const drawing = svg("svg", { viewBox: "0 0 120 22", preserveAspectRatio: "none", role: "img", "aria-label": `from ${number(y[0])} to ${number(y.at(-1))}` });
    if (y.length > 1) drawing.append(svg("path", { d: path(curve.step, y, { width: 118, height: 18, box }), transform: "translate(1 2)", class: "sparkline" }));
    return drawing;
  }

  const waiting = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { waiting.unobserve(entry.target); entry.target.show?.(); }
  }, { rootMargin: "300px" });

  /** Make a place for a chart, whose `show` is called when it comes into view. */
  function figure(title, show) {
    const place = el("div", { className: "plot" });
    place.show = () => show(place);
    waiting.observe(place);
    return el("figure", { className: "chart", "aria-label": title }, el("figcaption", { title }, title), place);
  }

  return { figure, lines, draw, points, sparkline, escaped };
})();
