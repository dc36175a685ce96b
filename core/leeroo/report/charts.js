"use strict";
/* How figures are shown: numbers, tables and charts. What they are is in page.js. All text from the ledger reaches the
   page through textContent, or through `plain` where Plotly would read it as markup. */

const PALETTE = {
  light: ["#0b5cad", "#d1731b", "#0a7d5c", "#a23b72", "#6b5fb5", "#8a6d0f", "#6b7785"],
  dark: ["#6fb1f2", "#f0a35c", "#55c9a0", "#e58ab8", "#aaa1ee", "#d8bd55", "#9aa7b5"],
};
const NANO = 1e9;

const dark = () => document.documentElement.dataset.theme === "dark";
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (at) => PALETTE[dark() ? "dark" : "light"][Math.min(at, 6)];
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text, most = 18) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const count = (n) => n.toLocaleString("en-US");
const percent = (x) => (x === null || !isFinite(x) ? "–" : (100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0) + "%");
const seconds = (x) => (x === null ? "–" : x < 1 ? Math.round(1000 * x) + " ms" : x.toFixed(1) + " s");
const score = (x) => (x === null ? "–" : x.toFixed(2));

/** Dollars for people: cents from one dollar on, else three significant digits. */
function usd(nano) {
  const amount = Math.abs(nano) / NANO;
  const sign = nano < 0 ? "−$" : "$";
  if (amount === 0) return "$0";
  if (amount >= 1) return sign + amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const digits = Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(amount))));
  return sign + amount.toFixed(digits);
}

function moment(ms, hours) {
  const options = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  if (hours) Object.assign(options, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return new Date(ms).toLocaleString("en-GB", options);
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A table; columns are [title, isNumber]. Wide ones scroll inside, by keyboard too. */
function table(caption, columns, rows) {
  const head = make("tr", {}, ...columns.map(([title, number]) => make("th", { scope: "col", class: number ? "number" : "" }, title)));
  const body = rows.map((row) => make("tr", {}, ...row.map((value, at) => make("td", { class: columns[at][1] ? "number" : "" }, value))));
  const whole = make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, whole);
}

/** A card with a title, a sentence, a chart and the chart's figures as a table. */
class Card {
  constructor(id, title, note, wide = false) {
    this.title = title;
    this.plot = make("div", { class: "plot", id: id + "-plot", role: "img" });
    this.note = make("p", { class: "note" }, note);
    this.figures = make("div");
    this.more = make("details", {}, make("summary", {}, "Figures as a table"), this.figures);
    const heading = make("h2", { id: "h-" + id }, title);
    this.section = make("section", { id, class: wide ? "wide" : "", "aria-labelledby": "h-" + id }, heading, this.note, this.plot, this.more);
    document.getElementById("charts").append(this.section);
  }

  /** Traces for Plotly, a layout, what the chart says in words, and the same figures as [columns, rows]. */
  show(traces, layout, words, [columns, rows]) {
    this.plot.setAttribute("aria-label", this.title + ". " + words);
    this.more.hidden = rows.length === 0;
    this.figures.replaceChildren(table(this.title, columns, rows));
    if (rows.length === 0) {
      Plotly.purge(this.plot);
      this.plot.replaceChildren(make("p", { class: "empty" }, words));
      return;
    }
    if (this.plot.querySelector(".empty")) this.plot.replaceChildren();
    Plotly.react(this.plot, traces, styled(layout), { displayModeBar: false, responsive: true });
  }
}

function styled(layout) {
  const axis = { gridcolor: css("--grid"), linecolor: css("--line"), zeroline: false, fixedrange: true, automargin: true };
  return {
    height: 260,
    dragmode: false,
    bargap: 0.3,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif", size: 12, color: css("--quiet") },
    margin: { l: 8, r: 8, t: 8, b: 8 },
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--text") } },
    legend: { orientation: "h", y: -0.18, yanchor: "top", x: 0, traceorder: "normal", itemclick: false, itemdoubleclick: false },
    ...layout,
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}

/** An axis of names: numbers underneath, so that two names shortened alike stay two. */
const nameAxis = (names) => ({
  tickvals: names.map((_, at) => at), ticktext: names.map((name) => plain(short(name))), autorange: "reversed", gridcolor: "rgba(0,0,0,0)",
});

/** One horizontal bar per row of [name, value, text]. */
function bars(card, rows, title, columns, words, empty) {
  const top = rows.slice(0, 12);
  const trace = {
    type: "bar", orientation: "h", y: top.map((_, at) => at), x: top.map((row) => row[1]), marker: { color: colour(0) },
    hovertext: top.map((row) => plain(row[0]) + "<br>" + row[2]), hoverinfo: "text",
    text: top.map((row) => row[2]), textposition: "auto", cliponaxis: false, textangle: 0,
  };
  const layout = { height: Math.max(140, 60 + 30 * top.length), yaxis: nameAxis(top.map((row) => row[0])), xaxis: { title: { text: title }, rangemode: "tozero", nticks: 5 } };
  card.show([trace], layout, rows.length ? words : empty, [columns, rows.map((row) => [row[0], row[2]])]);
}
