// What every page needs: elements, formats, data, the theme, and how one edits.
"use strict";

const gittrack = (() => {
  const page = document.documentElement.dataset;
  const exported = "exported" in page;

  // -- the theme: as the system says, until the reader chooses

  const themes = ["", "light", "dark"];
  const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* no storage, no memory */ } };
  const recall = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const showTheme = (theme) => { page.theme = themes.includes(theme) ? theme : ""; };
  showTheme(recall("gittrack-theme") ?? "");
  window.addEventListener("storage", (event) => { if (event.key === "gittrack-theme") showTheme(event.newValue ?? ""); });

  // -- elements: text is only ever text

  /** Make an element: properties, `data`, `on` for events, and children, which are nodes or texts. */
  function el(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (name === "data") Object.assign(made.dataset, value);
      else if (name === "style") Object.assign(made.style, value);
      else if (name.startsWith("aria-") || name === "role" || name === "scope" || name === "for") made.setAttribute(name, value);
      else made[name] = value;
    }
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const byId = (id) => document.getElementById(id);

  // -- formats

  const numeric = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

  /** Return the number that a value is or reads as, as the filter language sees it; else NaN. */
  function numberOf(value) {
    if (typeof value === "number") return value;
    if (typeof value !== "string") return NaN;
    const text = value.trim();
    if (["NaN", "Infinity", "-Infinity"].includes(text)) return Number(text);
    return numeric.test(text) ? Number(text) : NaN;
  }

  function number(value) {
    if (typeof value !== "number") return value === undefined || value === null ? "" : String(value);
    if (Number.isNaN(value)) return "NaN";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
    const size = Math.abs(value);
    return size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(5))) : value.toExponential(3).replace(/\.?0+e/, "e");
  }

  const two = (count) => String(count).padStart(2, "0");

  function duration(ms) {
    if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
    if (ms < 1000) return `${Math.max(ms, 0)} ms`;
    if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return `${hours} h ${two(minutes % 60)} min`;
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }

  /** Return a time in the reader's zone, to the second. */
  function clock(ms) {
    const moment = new Date(ms);
    const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
    return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  }

  function ago(ms, now = Date.now()) {
    const seconds = Math.floor((now - ms) / 1000);
    if (seconds >= 0 && seconds < 60) return `${seconds} s ago`;
    if (seconds >= 0 && seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    return clock(ms).slice(0, 16);
  }

  function showTimes(root = document) {
    for (const time of root.querySelectorAll("time[data-ms]")) {
      const ms = Number(time.dataset.ms);
      time.dateTime = new Date(ms).toISOString();
      time.textContent = clock(ms);
      time.title = new Date(ms).toString();
    }
    for (const since of root.querySelectorAll("[data-since]")) since.textContent = duration(Date.now() - Number(since.dataset.since));
  }

  /** Return a colour of the style sheet as the browser resolves it, for scripts that draw. */
  function colour(name) {
    const probe = el("span", { hidden: true });
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  const palette = ["#3b7dd8", "#e07b39", "#2a9d6f", "#c2458b", "#7a62c9", "#b59b1c", "#22a3b8", "#d05353", "#6f8f2f", "#8a6d5c"];
  const colourOf = (place) => palette[place % palette.length];

  // -- links and data

  const root = page.root;
  const withRevision = (query) => (page.rev ? { ...query, rev: page.rev } : query);
  const queryOf = (query) => { const text = new URLSearchParams(withRevision(query)).toString(); return text ? `?${text}` : ""; };
  const link = {
    run: (id) => `${root}run/${encodeURIComponent(id)}.html${queryOf({})}`,
    compare: (ids) => `${root}compare.html${queryOf({})}#runs=${ids.map(encodeURIComponent).join(",")}`,
    artifact: (id, path) => `${root}artifact/${encodeURIComponent(id)}/${path.split("/").map(encodeURIComponent).join("/")}${queryOf({})}`,
    index: () => `${root}index.html${queryOf({})}`,
  };

  const arrived = new Map();
  /** Exported data calls this: a page opened from a folder may load scripts, but fetch nothing. */
  function arrive(name, value) { arrived.get(name)?.(value); }

  function load(name) {
    return new Promise((resolve, reject) => {
      arrived.set(name, resolve);
      document.head.append(el("script", { src: `${root}data/${name.split("/").map(encodeURIComponent).join("/")}.js`, on: { error: () => reject(new Error(`${name} is missing`)) } }));
    });
  }

  /** Return data by its name: from the server, or in exported pages from the files beside them. */
  async function get(name, query = {}) {
    if (exported) return load(name);
    const answer = await fetch(`${root}data/${name.split("/").map(encodeURIComponent).join("/")}.json${queryOf(query)}`, { cache: "no-cache" });
    const data = await answer.json();
    if (!answer.ok) throw new Error(data.error ?? answer.statusText);
    return data;
  }

  async function edit(change) {
    const answer = await fetch(`${root}edit`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Gittrack-Token": page.token },
      body: JSON.stringify(change),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.hint ? `${said.error}; ${said.hint}` : said.error);
    return said;
  }

  /** Call `act` again and again, not faster than it answers, while the page is looked at. */
  function everySeconds(seconds, act) {
    const turn = async () => {
      if (!document.hidden) { try { await act(); } catch { /* the server is away; ask again later */ } }
      setTimeout(turn, seconds * 1000);
    };
    setTimeout(turn, seconds * 1000);
  }

  let silence;
  function say(text) {
    byId("says").textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { byId("says").textContent = ""; }, 4000);
  }

  // -- the state of a page, in the address

  const readHash = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  function writeHash(state) {
    const kept = Object.entries(state).filter(([, value]) => value !== "" && value !== undefined && value !== null);
    const text = new URLSearchParams(kept).toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  function save(name, text, type) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  document.addEventListener("DOMContentLoaded", () => {
    showTimes();
    byId("theme")?.addEventListener("click", () => {
      const next = themes[(themes.indexOf(page.theme) + 1) % themes.length];
      showTheme(next);
      remember("gittrack-theme", next);
      say(next ? `Theme: ${next}` : "Theme: as the system says");
      document.dispatchEvent(new Event("theme"));
    });
    byId("revision")?.addEventListener("change", (event) => {
      const rev = event.target.value;
      location.href = `${root}index.html${rev ? `?rev=${encodeURIComponent(rev)}` : ""}`;
    });
    document.addEventListener("click", async (event) => {
      const copied = event.target.closest?.(".copy");
      if (!copied || String(getSelection())) return;
      try {
        await navigator.clipboard.writeText(copied.dataset.copy ?? copied.textContent);
        say("Copied");
      } catch { /* the browser does not let us */ }
    });
  });

  return {
    page, exported, el, svg, byId, numberOf, number, duration, clock, ago, showTimes, colour, colourOf, link, arrive, get, edit,
    everySeconds, say, readHash, writeHash, save, remember, recall,
  };
})();
