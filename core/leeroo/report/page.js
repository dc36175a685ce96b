/* What is shown: sums over the rows that the filters let through. Rows begin with time step, scope and expert. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const DAY = 86400000;
const hourly = DATA.step < DAY;
const starts = (step) => DATA.origin + step * DATA.step;
const expertName = (at) => DATA.experts[at] || "(none)";

const steps = [...DATA.calls, ...DATA.attempts].map((row) => row[0]);
const FIRST = steps.reduce((a, b) => Math.min(a, b), Infinity);
const LAST = steps.reduce((a, b) => Math.max(a, b), -Infinity);

/** Whether a place is the chosen scope or lies beneath it. */
function within(place, chosen) {
  if (chosen === "all") return true;
  if (chosen === "none") return place.scope === null;
  const scope = chosen.slice(1);
  return place.scope !== null && (place.scope === scope || place.scope.startsWith(scope + "/"));
}

/** The filters as they stand: which steps, expert and scopes. */
function selection() {
  const from = $("from").value ? Date.parse($("from").value) : -Infinity;
  const to = $("to").value ? Date.parse($("to").value) + DAY : Infinity;
  const expert = $("expert").value === "all" ? null : Number($("expert").value);
  const scopes = DATA.scopes.map((place) => within(place, $("scope").value));
  let [low, high] = [from, to];
  const days = Number($("range").value);
  if (days) [low, high] = [starts(LAST + 1) - days * DAY, Infinity];
  const times = (step) => starts(step) < high && starts(step + 1) > low;
  return {
    expert, scope: $("scope").value, times,
    takes: (row) => times(row[0]) && scopes[row[1]] && (expert === null || row[2] === expert),
  };
}

const sum = (rows, at) => rows.reduce((total, row) => total + row[at], 0);

/** Sums of a column by a key, largest first. */
function grouped(rows, key, at) {
  const sums = new Map();
  for (const row of rows) sums.set(key(row), (sums.get(key(row)) || 0) + row[at]);
  return [...sums].sort((a, b) => b[1] - a[1]);
}

/** Percentile of latencies from their bins, or null. */
function percentile(rows, share) {
  const ends = DATA.latency_ends;
  const bins = new Array(ends.length + 1).fill(0);
  for (const row of rows) bins[row[3]] += row[4];
  const total = bins.reduce((a, b) => a + b, 0);
  if (!total) return null;
  let left = share * total;
  for (let at = 0; at < bins.length; at++) {
    if (left <= bins[at] && bins[at]) {
      const low = at ? ends[at - 1] : 0;
      return low + ((ends[at] ?? 2 * low) - low) * (left / bins[at]);
    }
    left -= bins[at];
  }
  return ends[ends.length - 1];
}

/** The part of a scope's path just beneath the chosen one. */
function child(place, chosen) {
  if (place.scope === null) return "(no scope)";
  const base = chosen.startsWith("/") ? chosen.slice(1) : "";
  const beneath = base ? place.scope.slice(base.length + 1) : place.scope;
  if (beneath === "") return place.rest ? "(other scopes)" : "(" + base + " itself)";
  return beneath.split("/")[0];
}

function numbers(rows) {
  const answers = sum(rows.calls, 4), spent = sum(rows.attempts, 5), reference = sum(rows.calls, 7), saved = reference - sum(rows.calls, 6);
  const calls = sum(rows.calls, 3), tried = sum(rows.attempts, 3), failed = sum(rows.attempts, 4), marks = sum(rows.feedback, 4);
  const names = DATA.references.map((name) => short(name)).slice(0, 3).join(", ");
  const tiles = [
    ["spent", "Spent", spent, usd(spent), "US dollars"],
    ["saved", "Saved", saved, usd(saved), reference ? percent(saved / reference) + " less than on " + (names || "the reference") : "no answer yet"],
    ["calls", "Calls", calls, count(calls), count(answers) + " answered"],
    ["average", "Per answer", spent / answers, answers ? usd(Math.round(spent / answers)) : "–", "average cost"],
    ["adequate", "Adequate", sum(rows.calls, 5), percent(answers ? sum(rows.calls, 5) / answers : null), "of answers met their budget's quality"],
    ["latency", "Median latency", percentile(rows.latency, 0.5), "≈ " + seconds(percentile(rows.latency, 0.5)), "95% within ≈ " + seconds(percentile(rows.latency, 0.95))],
    ["failed", "Failed attempts", failed, count(failed), tried ? percent(failed / tried) + " of " + count(tried) : "none was made"],
    ["feedback", "Feedback", marks, score(marks ? sum(rows.feedback, 5) / marks : null), count(marks) + " answers scored"],
  ];
  $("numbers").replaceChildren(...tiles.map(([id, name, exact, value, more]) =>
    make("div", { id: "number-" + id, "data-exact": exact ?? "" }, make("dt", {}, name),
      make("dd", { class: "value" + (id === "saved" && exact > 0 ? " good" : "") }, value), make("dd", { class: "more" }, more))));
}

const cards = {};

function spendOverTime(rows) {
  const order = grouped(rows.attempts, (row) => row[2], 5);
  const own = new Map(order.slice(0, 6).map(([expert], at) => [expert, at]));
  const series = new Map();
  for (const row of rows.attempts) {
    const line = own.get(row[2]) ?? 6;
    if (!series.has(line)) series.set(line, new Map());
    series.get(line).set(row[0], (series.get(line).get(row[0]) || 0) + row[5]);
  }
  const traces = [...series].sort((a, b) => a[0] - b[0]).map(([line, sums]) => {
    const name = line < 6 ? expertName(order[line][0]) : "all others";
    const points = [...sums].sort((a, b) => a[0] - b[0]);
    return {
      type: "bar", name: plain(short(name, 24)), marker: { color: colour(line) }, width: DATA.step * 0.82, offset: DATA.step * 0.09,
      x: points.map((point) => starts(point[0])), y: points.map((point) => point[1] / NANO),
      hovertext: points.map((point) => moment(starts(point[0]), hourly) + "<br>" + plain(name) + ": " + usd(point[1])), hoverinfo: "text",
    };
  });
  const days = grouped(rows.attempts, (row) => row[0], 5).sort((a, b) => a[0] - b[0]);
  const dearest = days.reduce((best, day) => (day[1] > best[1] ? day : best), [0, -1]);
  const words = days.length ? "The dearest " + unit() + " was " + moment(starts(dearest[0]), hourly) + " with " + usd(dearest[1]) + "." : "No attempt was made.";
  const layout = { barmode: "stack", height: 300, xaxis: { type: "date" }, yaxis: { tickprefix: "$", rangemode: "tozero" }, showlegend: true };
  cards.time.show(traces, layout, words, [[["From (UTC)"], ["Spent", true]], days.map((day) => [moment(starts(day[0]), hourly), usd(day[1])])]);
}

const unit = () => (hourly ? "hour" : DATA.step === DAY ? "day" : "week");

function savings(rows) {
  const sums = new Map();
  for (const row of rows.calls) {
    const old = sums.get(row[0]) || [0, 0];
    sums.set(row[0], [old[0] + row[6], old[1] + row[7]]);
  }
  let [paid, reference] = [0, 0];
  const points = [...sums].sort((a, b) => a[0] - b[0]).map(([step, [a, b]]) => [starts(step + 1), (paid += a), (reference += b)]);
  if (points.length) points.unshift([points[0][0] - DATA.step, 0, 0]);
  const line = (at, name, color, more) => ({
    type: "scatter", mode: "lines", name, x: points.map((point) => point[0]), y: points.map((point) => point[at] / NANO), line: { color, width: 2.5, ...more },
    hovertext: points.map((point) => moment(point[0], hourly) + "<br>" + name + ": " + usd(point[at])), hoverinfo: "text",
  });
  const fill = dark() ? "rgba(95,208,168,0.16)" : "rgba(10,107,79,0.12)";
  const traces = [line(1, "paid", colour(0), {}), { ...line(2, "on the reference", css("--quiet"), { dash: "dot" }), fill: "tonexty", fillcolor: fill }];
  const words = points.length ? "Answers cost " + usd(paid) + "; the reference would have cost " + usd(reference) + ": " + usd(reference - paid) + " saved." : "No answer yet.";
  const table = points.slice(1).map((point) => [moment(point[0], hourly), usd(point[1]), usd(point[2]), usd(point[2] - point[1])]);
  cards.saved.show(traces, { xaxis: { type: "date" }, yaxis: { tickprefix: "$", rangemode: "tozero" }, showlegend: true }, words,
    [[["Until (UTC)"], ["Paid", true], ["On the reference", true], ["Saved", true]], table]);
}

function spendBy(rows, chosen) {
  const columns = (what) => [[what], ["Spent", true]];
  const shown = (pairs) => pairs.map(([name, nano]) => [name, nano / NANO, usd(nano)]);
  const experts = shown(grouped(rows.attempts, (row) => expertName(row[2]), 5));
  bars(cards.experts, experts, "US dollars", columns("Expert"), experts.length ? "Most went to " + experts[0][0] + ": " + experts[0][2] + "." : "", "No attempt was made.");
  const scopes = shown(grouped(rows.attempts, (row) => child(DATA.scopes[row[1]], chosen.scope), 5));
  bars(cards.scopes, scopes, "US dollars", columns("Scope"), scopes.length ? "Most was spent by " + scopes[0][0] + ": " + scopes[0][2] + "." : "", "No attempt was made.");
}

function quality(rows) {
  const bins = new Map();
  for (const row of rows.feedback) {
    const old = bins.get(row[3]) || [0, 0, 0];
    bins.set(row[3], [old[0] + row[4], old[1] + row[5], old[2] + row[6]]);
  }
  const points = [...bins].sort((a, b) => a[0] - b[0]).map(([, [n, marks, predicted]]) => [predicted / n, marks / n, n]);
  const most = Math.max(...points.map((point) => point[2]), 1);
  const traces = [
    { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], line: { color: css("--quiet"), dash: "dot", width: 1.5 }, hoverinfo: "skip", showlegend: false },
    {
      type: "scatter", mode: "markers", x: points.map((p) => p[0]), y: points.map((p) => p[1]), showlegend: false,
      marker: { color: colour(0), opacity: 0.85, size: points.map((p) => 8 + 20 * Math.sqrt(p[2] / most)) },
      hovertext: points.map((p) => "predicted " + score(p[0]) + "<br>scored " + score(p[1]) + "<br>" + count(p[2]) + " answers"), hoverinfo: "text",
    },
  ];
  const n = sum(points, 2);
  const off = n ? points.reduce((total, p) => total + p[2] * Math.abs(p[0] - p[1]), 0) / n : 0;
  const words = n ? "On average, prediction and feedback are " + score(off) + " apart over " + count(n) + " answers." : "No answer has feedback yet: leeroo.feedback(call_id, score).";
  const axis = { range: [-0.03, 1.03], tickvals: [0, 0.25, 0.5, 0.75, 1] };
  cards.quality.show(traces, { height: 300, xaxis: { ...axis, title: { text: "predicted quality" } }, yaxis: { ...axis, title: { text: "mean feedback" } } }, words,
    [[["Predicted", true], ["Feedback", true], ["Answers", true]], points.map((p) => [score(p[0]), score(p[1]), count(p[2])])]);
}

function latency(rows) {
  const experts = grouped(rows.latency, (row) => row[2], 4).map(([expert, n]) => {
    const own = rows.latency.filter((row) => row[2] === expert);
    return [expertName(expert), percentile(own, 0.5), percentile(own, 0.95), n];
  });
  const top = experts.slice(0, 12);
  const dots = (at, name, color, symbol) => ({
    type: "scatter", mode: "markers", name, y: top.map((_, row) => row), x: top.map((row) => row[at]), marker: { color, size: 11, symbol },
    hovertext: top.map((row) => plain(row[0]) + "<br>" + name + " ≈ " + seconds(row[at])), hoverinfo: "text",
  });
  const links = { type: "scatter", mode: "lines", y: top.flatMap((_, at) => [at, at, null]), x: top.flatMap((row) => [row[1], row[2], null]), line: { color: css("--line"), width: 4 }, hoverinfo: "skip", showlegend: false };
  const words = top.length ? top[0][0] + ", the most used, answers in about " + seconds(top[0][1]) + "." : "No answer yet.";
  const layout = { height: Math.max(180, 110 + 30 * top.length), yaxis: { ...nameAxis(top.map((row) => row[0])), range: [top.length - 0.5, -0.5], autorange: false }, xaxis: { rangemode: "tozero", ticksuffix: " s", nticks: 6 }, showlegend: true };
  cards.latency.show([links, dots(1, "median", colour(0), "circle"), dots(2, "95%", colour(1), "diamond")], layout, words,
    [[["Expert"], ["Median ≈", true], ["95% ≈", true], ["Answers", true]], experts.map((row) => [row[0], seconds(row[1]), seconds(row[2]), count(row[3])])]);
}

function failures(rows) {
  const experts = grouped(rows.errors, (row) => row[2], 4).map(([expert]) => expert);
  const kinds = grouped(rows.errors, (row) => row[3], 4).map(([kind]) => kind);
  const number = (expert, kind) => sum(rows.errors.filter((row) => row[2] === expert && row[3] === kind), 4);
  const top = experts.slice(0, 12);
  const traces = kinds.map((kind, at) => ({
    type: "bar", orientation: "h", name: plain(kind), marker: { color: colour(at) }, y: top.map((_, row) => row), x: top.map((expert) => number(expert, kind)),
    hovertext: top.map((expert) => plain(expertName(expert)) + "<br>" + plain(kind) + ": " + count(number(expert, kind))), hoverinfo: "text",
  }));
  const pairs = experts.flatMap((expert) => kinds.map((kind) => [expertName(expert), kind, number(expert, kind)])).filter((row) => row[2]);
  const words = pairs.length ? "The most common is " + kinds[0] + "." : "Nothing failed.";
  const layout = { barmode: "stack", height: Math.max(180, 110 + 30 * top.length), yaxis: nameAxis(top.map(expertName)), xaxis: { rangemode: "tozero", nticks: 5, tickformat: ",d" }, showlegend: true };
  cards.failures.show(traces, layout, words, [[["Expert"], ["Kind"], ["Attempts", true]], pairs.map((row) => [row[0], row[1], count(row[2])])]);
}

function dearest(chosen, calls) {
  const inTime = (row) => chosen.times(Math.floor((row[0] - DATA.origin) / DATA.step));
  const rows = DATA.dearest.filter((row) => inTime(row) && chosen.takes([Math.floor((row[0] - DATA.origin) / DATA.step), row[1], row[2]]));
  const columns = [["When (UTC)"], ["Cost", true], ["On the reference", true], ["Expert"], ["Scope"], ["Tokens in", true], ["out", true], ["Quality", true], ["Call"]];
  const shown = rows.slice(0, 20).map(([at, , , call, scope, expert, model, cost, reference, into, out, predicted]) => [
    moment(at, true), usd(cost), reference === null ? "–" : usd(reference), (expert || "(none)") + (model && model !== expert ? " (" + model + ")" : ""),
    scope ?? "–", into === null ? "–" : count(into), out === null ? "–" : count(out), score(predicted), make("code", {}, call.slice(0, 12)),
  ]);
  const all = sum(DATA.calls, 3);
  const few = shown.length < 20 && shown.length < calls;
  const note = few ? "This page holds the " + count(DATA.dearest.length) + " dearest of " + count(all) + " calls; " + shown.length + " of them are in this selection." : "";
  $("dearest").replaceChildren(...(shown.length ? [table("By cost, at most twenty", columns, shown)] : [make("p", { class: "empty" }, "No calls.")]), make("p", { class: "note" }, note));
}

function budgets(chosen) {
  const scope = chosen.scope.startsWith("/") ? chosen.scope.slice(1) : null;
  const bears = ({ limit }) => chosen.scope === "all" || limit.scope === "*" || (scope !== null && (limit.scope + "/").startsWith(scope + "/")) || (scope !== null && (scope + "/").startsWith(limit.scope + "/"));
  const rows = DATA.limits.filter(bears);
  const items = rows.map(({ limit, used, reserved, resets }) => {
    const shown = (n) => (limit.unit === "usd" ? usd(n) : count(n) + " " + limit.unit);
    const share = (n) => (limit.amount ? Math.min(1, n / limit.amount) : 1);
    const part = (n, name, room) => { const bar = make("i", { class: name }); bar.style.width = 100 * Math.min(share(n), room) + "%"; return bar; };
    const full = used + reserved >= limit.amount;
    const bar = make("div", { class: "bar" + (full ? " full" : ""), "aria-hidden": "true" }, part(used, "", 1), part(reserved, "held", 1 - share(used)));
    const who = limit.scope === "*" ? "all calls" : limit.scope;
    const words = shown(used) + " of " + shown(limit.amount) + (limit.amount ? " (" + percent(used / limit.amount) + ")" : "") + (reserved ? ", " + shown(reserved) + " reserved" : "");
    return make("li", {}, make("div", { class: "budget" }, make("strong", {}, who + ", " + (limit.per === "total" ? "in all" : "per " + limit.per)), make("span", { class: full ? "bad" : "" }, words)),
      bar, make("p", { class: "note" }, (limit.hard ? "hard" : "soft") + (limit.pace ? ", paced" : "") + "; resets " + resets.slice(0, 16).replace("T", " ")));
  });
  const note = make("p", { class: "note" }, "As they stood when this page was made; time and expert do not filter them.");
  $("budgets").replaceChildren(...(items.length ? [note, make("ul", {}, ...items)] : [make("p", { class: "empty" }, "No limits are set here: leeroo scopes set acme --usd 5 --per day.")]));
}

function draw() {
  const chosen = selection();
  const rows = Object.fromEntries(["calls", "attempts", "latency", "errors", "feedback"].map((name) => [name, DATA[name].filter(chosen.takes)]));
  const calls = sum(rows.calls, 3);
  const all = sum(DATA.calls, 3);
  const coarse = DATA.step > DAY ? " Times count in whole weeks." : "";
  $("status").textContent = (all ? count(calls) + " of " + count(all) + " calls selected." : "This ledger holds no calls" + (DATA.since || DATA.scope ? " for these options." : " yet.")) + coarse;
  numbers(rows);
  spendOverTime(rows);
  savings(rows);
  spendBy(rows, chosen);
  quality(rows);
  latency(rows);
  failures(rows);
  dearest(chosen, calls);
  budgets(chosen);
}

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
}

function setUp() {
  const made = "Ledger " + DATA.ledger + ", read " + moment(DATA.made, true) + " UTC";
  const limits = (DATA.since ? ", since " + DATA.since : "") + (DATA.scope ? ", scope " + DATA.scope : "");
  $("about").textContent = made + limits + ".";
  options($("expert"), [["all", "all"], ...DATA.experts.map((_, at) => [String(at), expertName(at)]).sort((a, b) => a[1].localeCompare(b[1]))]);
  const names = new Set();
  for (const place of DATA.scopes) {
    const parts = place.scope ? place.scope.split("/") : [];
    parts.forEach((_, at) => names.add(parts.slice(0, at + 1).join("/")));
  }
  const none = DATA.scopes.some((place) => place.scope === null) ? [["none", "(no scope)"]] : [];
  options($("scope"), [["all", "all"], ...[...names].sort().map((name) => ["/" + name, name]), ...none]);
  if (isFinite(FIRST)) {
    const day = (ms) => new Date(ms).toISOString().slice(0, 10);
    for (const id of ["from", "to"]) Object.assign($(id), { min: day(starts(FIRST)), max: day(starts(LAST + 1) - 1) });
  }
  cards.time = new Card("time", "Spend over time", "US dollars per " + unit() + ", by expert.", true);
  cards.saved = new Card("saved", "Saved against the reference", "What answers cost, and what the same tokens would have cost" + (DATA.references.length === 1 ? " on " + short(DATA.references[0], 40) : "") + ".");
  cards.quality = new Card("quality", "Predicted quality against feedback", "On the dotted line, predictions come true. Larger dots: more answers.");
  cards.experts = new Card("experts", "Spend by expert", "Failed attempts included.");
  cards.scopes = new Card("scopes", "Spend by scope", "Choose a scope above to see what lies beneath it.");
  cards.latency = new Card("latency", "Latency", "Seconds until an expert's whole answer, estimated from bins.");
  cards.failures = new Card("failures", "What went wrong", "Attempts by kind; budget, deadline and unhealthy never reached the expert.");

  const theme = $("theme"), system = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { document.documentElement.dataset.theme = theme.value === "auto" ? (system.matches ? "dark" : "light") : theme.value; draw(); };
  theme.addEventListener("change", paint);
  system.addEventListener("change", paint);
  $("range").addEventListener("change", () => { if ($("range").value !== "custom") $("from").value = $("to").value = ""; });
  for (const id of ["from", "to"]) $(id).addEventListener("change", () => { $("range").value = $("from").value || $("to").value ? "custom" : "all"; });
  $("filters").addEventListener("change", draw);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(draw));
  paint();
}

setUp();
