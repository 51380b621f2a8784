// The filter language for exported pages, which have no server to ask. It is read and evaluated as
// `gittrack.search` does: tests/ui/test_filter.py holds the two against each other.
"use strict";

gittrack.filter = (() => {
  const { numberOf } = gittrack;
  const TOKEN = /\s*(?:(?<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?<name>`[^`]*`)|(?<operator><=|>=|!=|<>|==|=|<|>)|(?<bracket>[(),])|(?<word>[^\s'"`(),<>=!]+))/y;
  const ENTITIES = {
    metrics: "metrics", metric: "metrics", params: "params", param: "params", parameters: "params", parameter: "params",
    tags: "tags", tag: "tags", attributes: "run", attribute: "run", attr: "run", run: "run", datasets: "datasets", dataset: "datasets",
  };
  const ATTRIBUTES = {
    run_id: "id", run_name: "name", "run name": "name", name: "name", experiment: "experiment_name", experiment_id: "experiment", status: "status",
    user_id: "user", user: "user", start_time: "start", created: "start", end_time: "end", parent: "parent", commit: "commit", branch: "branch",
  };
  const KEYWORDS = ["and", "or", "not", "in", "like", "ilike", "is"];
  const COMPARE = {
    "=": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
  };
  const DEEPEST = 50;

  class Complaint extends Error {}

  function tokens(text) {
    const found = [];
    let at = 0;
    while (text.slice(at).trim()) {
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (!match) throw new Complaint(complaint(text, at + text.slice(at).search(/\S/), "this has no meaning, or a quote is not closed"));
      const [kind, value] = Object.entries(match.groups).find(([, one]) => one !== undefined);
      const end = TOKEN.lastIndex;
      const start = end - value.length;
      if (kind === "text") found.push({ kind, value: value.slice(1, -1).replaceAll(value[0] + value[0], value[0]), start, end });
      else if (kind === "name") found.push({ kind, value: value.slice(1, -1), start, end });
      else if (kind === "operator") found.push({ kind, value: { "<>": "!=", "==": "=" }[value] ?? value, start, end });
      else if (kind === "word" && !Number.isNaN(numberOf(value)) && !/^(NaN|-?Infinity)$/.test(value)) found.push({ kind: "number", value, start, end });
      else found.push({ kind, value, start, end });
      at = end;
    }
    return [...found, { kind: "end", value: "", start: text.length, end: text.length }];
  }

  const complaint = (text, at, what) => `filter, character ${at + 1}: ${what}\n  ${text}\n  ${" ".repeat(at)}^`;

  /** Return the function of a place that tells whether the run there fits. */
  function parse(text, rows) {
    const all = tokens(text);
    let at = 0;
    let depth = 0;

    const next = () => all[at];
    const fail = (what, token = next()) => { throw new Complaint(complaint(text, token.start, what)); };
    const expected = (what) => fail(`expected ${what}, found ${next().kind === "end" ? "the end" : text.slice(next().start, next().end)}`);
    const word = (...words) => {
      const token = next();
      if (token.kind !== "word" || !words.includes(token.value.toLowerCase())) return "";
      at += 1;
      return token.value.toLowerCase();
    };
    const bracket = (one) => {
      const is = next().kind === "bracket" && next().value === one;
      if (is) at += 1;
      return is;
    };
    const step = () => { const token = next(); if (token.kind !== "end") at += 1; return token; };

    function filter() {
      if (next().kind === "end") return () => true;
      const fits = either();
      if (next().kind !== "end") expected("and, or, or the end");
      return fits;
    }

    function either() {
      const terms = [every()];
      while (word("or")) terms.push(every());
      return (run) => terms.some((fits) => fits(run));
    }

    function every() {
      const terms = [term()];
      while (word("and") && next().kind !== "end") terms.push(term());
      return (run) => terms.every((fits) => fits(run));
    }

    function term() {
      depth += 1;
      if (depth > DEEPEST) fail(`nested deeper than ${DEEPEST}`);
      try {
        if (word("not")) { const inner = term(); return (run) => !inner(run); }
        if (bracket("(")) {
          const inner = either();
          if (!bracket(")")) expected("and, or, or )");
          return inner;
        }
        return clause();
      } finally { depth -= 1; }
    }

    function key() {
      const token = next();
      if (token.kind === "name") { step(); return attribute(token, token.value); }
      if (token.kind !== "word" || KEYWORDS.includes(token.value.toLowerCase())) expected("a key such as metrics.acc, params.alpha or start_time");
      step();
      const dot = token.value.indexOf(".");
      const entity = ENTITIES[(dot < 0 ? token.value : token.value.slice(0, dot)).toLowerCase()];
      if (!entity || !Object.hasOwn(ENTITIES, (dot < 0 ? token.value : token.value.slice(0, dot)).toLowerCase())) return attribute(token, token.value);
      if (dot < 0) fail(`${token.value} needs the name of one`, token);
      let name = token.value.slice(dot + 1);
      if (!name) {
        const quoted = next();
        if (!["text", "name"].includes(quoted.kind) || quoted.start !== token.end || !quoted.value) expected(`a name right after ${token.value}`);
        name = step().value;
      }
      if (entity === "run") return attribute(token, name);
      if (entity === "datasets" && !["name", "digest", "context"].includes(name)) fail(`datasets have no ${name}`, token);
      return { entity, name };
    }

    function attribute(token, name) {
      if (name.toLowerCase() === "artifact_uri") fail("exported pages do not know where artifacts were", token);
      if (!Object.hasOwn(ATTRIBUTES, name.toLowerCase())) fail(`runs have no ${name}; write metrics.${name} or params.${name}`, token);
      return { entity: "run", name: ATTRIBUTES[name.toLowerCase()] };
    }

    const isNumber = (found) => found.entity === "metrics" || isTime(found);
    const isTime = (found) => found.entity === "run" && ["start", "end"].includes(found.name);
    const cased = (found, value) => (found.entity === "run" && found.name === "status" && typeof value === "string" ? value.toUpperCase() : value);

    function values(found) {
      if (found.entity === "datasets") return (run) => (rows.datasets[run] ?? []).map((item) => item[found.name]).filter((one) => one !== undefined);
      if (found.entity === "tags" && found.name.startsWith("mlflow.")) {
        return (run) => [rows.value(run, `tags.${found.name}`) ?? rows.value(run, `system.${found.name}`)].filter((one) => one !== undefined);
      }
      const column = rows.column(found.entity === "run" ? found.name : `${found.entity}.${found.name}`);
      return (run) => (column[run] === undefined || column[run] === null ? [] : [column[run]]);
    }

    function clause() {
      const found = key();
      const of = values(found);
      if (next().kind === "operator") {
        const operator = step();
        const compare = COMPARE[operator.value];
        const value = cased(found, single(found, operator));
        if (found.entity === "params" && typeof value === "number") return (run) => of(run).some((one) => compare(numberOf(one), value));
        return (run) => of(run).some((one) => compare(one, value));
      }
      if (word("is")) {
        const negated = Boolean(word("not"));
        if (!word("null")) expected(negated ? "null" : "null or not null");
        return (run) => (of(run).length > 0) === negated;
      }
      const negated = Boolean(word("not"));
      const like = word("like", "ilike");
      if (like) {
        if (isNumber(found)) fail(`${found.name} is a number, which is like no text`);
        if (next().kind !== "text") expected("a quoted text");
        const pattern = [...step().value].map((letter) => ({ "%": ".*", _: "." })[letter] ?? letter.replace(/[.*+?^${}()|[\]\\/]/, "\\$&")).join("");
        const fits = new RegExp(`^(?:${pattern})$`, like === "ilike" ? "isu" : "su");
        return (run) => of(run).some((one) => fits.test(one) !== negated);
      }
      if (word("in")) {
        if (!bracket("(")) expected("( and a list");
        const listed = [single(found)];
        while (bracket(",")) listed.push(single(found));
        if (!bracket(")")) expected(", or )");
        const wanted = new Set(listed.map((value) => cased(found, value)));
        const mixed = found.entity === "params" && listed.some((value) => typeof value === "number");
        return (run) => of(run).some((one) => (wanted.has(one) || (mixed && wanted.has(numberOf(one)))) !== negated);
      }
      return expected(negated ? "in or like" : "an operator such as = != < > like in is");
    }

    function single(found, operator) {
      const token = next();
      if (isNumber(found)) {
        if (token.kind === "number") return Number(step().value);
        if (isTime(found) && token.kind === "text") return time();
        return expected(isTime(found) ? "a time: ms since 1970, or '2026-11-23'" : "a number");
      }
      if (found.entity === "params" && token.kind === "number") return Number(step().value);
      if (operator && !["=", "!="].includes(operator.value)) {
        if (found.entity === "params") expected("a number");
        fail(`${found.name} is text, which ${operator.value} does not compare`, operator);
      }
      if (token.kind !== "text") expected(found.entity === "params" ? "a number or a quoted text" : "a quoted text");
      return step().value;
    }

    function time() {
      const text = next().value.trim();
      const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d(?::\d\d(?::\d\d(?:\.\d{3}(?:\d{3})?)?)?)?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
      const clock = match?.[2] ?? "00:00";
      const ms = match ? Date.parse(`${match[1]}T${clock.length === 2 ? `${clock}:00` : clock}${match[3] ?? ""}`) : NaN;
      if (Number.isNaN(ms)) fail(`'${text}' is no time, such as '2026-11-23' or '2026-11-23 17:30'`);
      step();
      return ms;
    }

    return filter();
  }

  /** Return the ids of the runs that a filter fits, or what is wrong with it. */
  return (text, rows) => {
    try {
      const fits = parse(text, rows);
      return { ids: rows.column("id").filter((_, run) => fits(run)), notes: [] };
    } catch (error) {
      if (error instanceof Complaint) return { error: error.message, hint: "" };
      throw error;
    }
  };
})();
