// All runs in columns, as data/runs gives them: reading, merging what changed, sorting, CSV.
"use strict";

/** The runs by place; a column is an array with a value at the place of each run that has one. */
class Rows {
  static about = {
    name: "Name", state: "State", start: "Started", duration: "Took", source: "Source", commit: "Commit", branch: "Branch",
    git: "In Git", experiment_name: "Experiment", user: "User", id: "Run", note: "Note", end: "Ended",
  };

  constructor() {
    this.version = 0;
    this.size = 0;
    this.columns = new Map();
    this.places = new Map();
    this.gone = new Set();
    this.experiments = [];
    this.datasets = [];
    this.problems = [];
    this.directions = {};
  }

  /** Take in data of all runs, or of those that changed; tell whether anything did. */
  merge(data) {
    const news = data.runs.id.length > 0 || data.removed.length > 0 || data.version !== this.version;
    this.version = data.version;
    this.experiments = data.experiments;
    this.problems = data.problems;
    Object.assign(this.directions, data.directions);
    const places = data.runs.id.map((id) => {
      if (!this.places.has(id)) this.places.set(id, this.size++);
      const place = this.places.get(id);
      this.gone.delete(place);
      return place;
    });
    for (const [key, values] of this.columns) if (key !== "git") for (const place of places) delete values[place];
    for (const [name, values] of Object.entries(data.runs)) this.fill(name, places, { of: values });
    for (const kind of ["metrics", "params", "tags", "system"]) {
      for (const [name, column] of Object.entries(data[kind])) this.fill(`${kind}.${name}`, places, Array.isArray(column) ? { of: column } : column, kind);
    }
    for (const [at, found] of Object.entries(data.datasets)) this.datasets[places[at]] = found;
    for (const id of data.removed) this.gone.add(this.places.get(id));
    const [start, end, took] = ["start", "end", "duration"].map((name) => this.column(name));
    for (const place of places) if (end[place] !== null) took[place] = end[place] - start[place];
    return news;
  }

  fill(key, places, { at, of }, kind) {
    const column = this.column(key);
    of.forEach((value, index) => { column[places[at ? at[index] : index]] = kind === "metrics" ? Number(value) : value; });
  }

  column(key) {
    if (!this.columns.has(key)) this.columns.set(key, []);
    return this.columns.get(key);
  }

  value(place, key) {
    return this.columns.get(key)?.[place];
  }

  /** Return the keys of all columns of a kind that any run has a value in. */
  keys(kind) {
    return [...this.columns.keys()].filter((key) => key.startsWith(`${kind}.`)).sort((a, b) => (a < b ? -1 : 1));
  }

  /** Tell whether a column is drawn as numbers, flush right. */
  isNumeric(key) {
    if (key.startsWith("metrics.") || key === "duration") return true;
    return key.startsWith("params.") && this.column(key).every((value) => !Number.isNaN(gittrack.numberOf(value)));
  }

  /** Return a value as it stands in a cell. */
  text(place, key) {
    const value = this.value(place, key);
    if (value === undefined || value === null) return "";
    if (key === "start" || key === "end") return gittrack.ago(value);
    if (key === "duration") return gittrack.duration(value);
    if (key === "commit") return value.slice(0, 8) + (this.value(place, "dirty") ? " +" : "");
    if (key.startsWith("metrics.")) return gittrack.number(value);
    if (key.startsWith("params.")) { const number = gittrack.numberOf(value); return Number.isNaN(number) ? value : gittrack.number(number); }
    return String(value).split("\n", 1)[0];
  }

  /** Sort places: numbers before texts, what is missing or NaN last, equals newest first. */
  sort(places, key, descending) {
    const start = this.column("start");
    const ids = this.column("id");
    const newest = (a, b) => start[b] - start[a] || (ids[a] < ids[b] ? -1 : 1);
    if (!key) return places.sort(newest);
    const column = this.column(key);
    const order = new Map(places.map((place) => [place, Rows.rank(key, column[place])]));
    return places.sort((a, b) => {
      const [x, y] = [order.get(a), order.get(b)];
      if (x === null || y === null) return (x === null) - (y === null) || newest(a, b);
      const sign = typeof x !== typeof y ? (typeof x === "number" ? -1 : 1) : x < y ? -1 : x > y ? 1 : 0;
      return (descending ? -sign : sign) || newest(a, b);
    });
  }

  static rank(key, value) {
    if (value === undefined || value === null || Number.isNaN(value)) return null;
    if (!key.startsWith("params.")) return value;
    const number = gittrack.numberOf(value);
    return Number.isNaN(number) ? value : number;
  }

  /** Tell whether all these runs have the same under a key. */
  isSame(places, key) {
    const column = this.column(key);
    return places.every((place) => Object.is(column[place] ?? null, column[places[0]] ?? null));
  }

  csv(places, keys) {
    const cell = (value) => {
      let text = value === undefined || value === null ? "" : String(value);
      if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(gittrack.numberOf(text))) text = `'${text}`;
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const whole = (place, key) => {
      const value = this.value(place, key);
      if ((key === "start" || key === "end") && typeof value === "number") return new Date(value).toISOString();
      return key === "duration" && typeof value === "number" ? value / 1000 : value;
    };
    const all = ["id", ...keys.filter((key) => key !== "id")];
    return [all, ...places.map((place) => all.map((key) => whole(place, key)))].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
  }

  static title(key) {
    const kind = key.match(/^(metrics|params|tags)\.(.*)$/s);
    return kind ? kind[2] : Rows.about[key] ?? key;
  }
}
