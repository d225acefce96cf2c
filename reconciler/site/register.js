// The register's page. Every text came from somebody's file or from Azure: it is only ever set as text, never as HTML.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { about, columns, texts } = data;
  const named = (names, cells) => Object.fromEntries(names.map((name, place) => [name, texts[cells[place]] || ""]));
  const rows = data.rows.map((cells) => named(columns, cells));
  const declared = (name) => {
    const cells = data.declarations[name];
    return cells && { ...named(data.fields, cells[0]), steps: cells[1].map((step) => named(data.step, step)) };
  };
  for (const row of rows) row.words = Object.values(row).join("\n").toLowerCase();
  const day = 24 * 3600 * 1000;
  const today = Date.parse(about.now);
  const left = (row) => (row.ends ? Math.floor((Date.parse(row.ends.slice(0, 10)) + day - today) / day) : Infinity);
  const isLive = (row) => row.state === "";

  // --- elements ---
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") for (const [event, run] of Object.entries(value)) made.addEventListener(event, run);
      else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  };
  const pairs = (facts) =>
    element("dl", {}, ...facts.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
  const tableOf = (caption, head, body) =>
    element("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption },
      element("table", {},
        element("caption", {}, caption),
        element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
        element("tbody", {}, ...body.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)))))));
  const plural = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  const main = document.getElementById("register");
  document.getElementById("about").textContent =
    `Azure as of ${about.takenAt.replace("T", " ").replace(/:\d\d(\.\d+)?Z/, " UTC")}, tenant ${about.tenantId}` +
    (about.revision ? `, revision ${about.revision.slice(0, 12)}` : "") + `, exempt ${about.version}.`;
  if (!about.complete) main.append(element("p", { class: "verdict", role: "alert" }, "Not everything could be read: there may be more than this page shows."));

  // --- counts ---
  const live = rows.filter(isLive);
  const cards = [
    [live.length, "exemptions that Azure honours"],
    ...(live.some((row) => row.inForce) ? [[live.filter((row) => row.inForce === "in force").length, "in force, says Defender"]] : []),
    [new Set(live.map((row) => row.declaration).filter(Boolean)).size, "declarations behind them"],
    [live.filter((row) => left(row) <= 30).length, "end within 30 days"],
    [live.filter((row) => !row.ends).length, "never end"],
    [live.filter((row) => row.whose !== "ours").length, "not of this repository"],
    [data.findings.filter((finding) => finding.severity !== "info").length, "findings to act on"],
  ];
  main.append(element("ul", { class: "cards" }, ...cards.map(([number, text]) =>
    element("li", {}, element("strong", {}, number.toLocaleString("en")), text))));

  // --- charts ---
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const count = (of) => {
    const counts = new Map();
    for (const row of live) for (const key of of(row)) counts.set(key, (counts.get(key) || 0) + 1);
    return counts;
  };
  const top = (counts, number) => [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, number);
  const months = () => {
    const start = new Date(today);
    const keys = Array.from({ length: 24 }, (_, place) =>
      new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + place, 1)).toISOString().slice(0, 7));
    const counts = count((row) => (row.ends ? [row.ends.slice(0, 7)] : []));
    return keys.map((key) => [key, counts.get(key) || 0]);
  };
  const severities = ["High", "Medium", "Low"];
  const plots = [
    { title: "Coming ends, by month", wide: true, bars: months(), choose: (key) => ({ search: key }) },
    { title: "By severity", bars: severities.concat("not known").map((key) => [key, count((row) => [row.severity || "not known"]).get(key) || 0]), choose: (key) => ({ severity: key === "not known" ? "" : key }) },
    { title: "By category", bars: top(count((row) => [row.category]), 5), choose: (key) => ({ category: key }) },
    { title: "By owner", bars: top(count((row) => [row.owner || "nobody known"]), 10), choose: (key) => ({ search: key }) },
    { title: "By subscription", bars: top(count((row) => [row.subscription]), 10), choose: (key) => ({ subscription: key }) },
    { title: "By recommendation", half: true, bars: top(count((row) => (row.recommendation ? row.recommendation.split("; ") : ["a whole initiative, or a policy of its own"])), 10), choose: (key) => ({ search: key }) },
  ];
  const charts = [];
  const draw = (plot, canvas) => {
    const most = plot.half ? 52 : 24;
    const short = (text) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
    charts.push(new Chart(canvas, {
      type: "bar",
      data: { labels: plot.bars.map(([key]) => key), datasets: [{ data: plot.bars.map(([, number]) => number), backgroundColor: colour("--info") }] },
      options: {
        animation: false, maintainAspectRatio: false, indexAxis: plot.wide ? "x" : "y",
        onClick: (_, bars) => bars.length && choose(plot.choose(plot.bars[bars[0].index][0])),
        plugins: { legend: { display: false } },
        scales: Object.fromEntries(["x", "y"].map((axis) => {
          const isLabels = (axis === "x") === Boolean(plot.wide);
          const ticks = isLabels ? { autoSkip: false, color: colour("--text"), callback(value) { return short(this.getLabelForValue(value)); } } : { precision: 0, color: colour("--quiet") };
          return [axis, { beginAtZero: true, ticks, grid: { color: isLabels ? "transparent" : colour("--line") } }];
        })),
      },
    }));
  };
  const figures = element("section", { class: "charts", "aria-label": "Charts" });
  main.append(figures);
  const drawAll = () => {
    while (charts.length) charts.pop().destroy();
    figures.replaceChildren(...plots.filter((plot) => plot.bars.some(([, number]) => number)).map((plot) => {
      const canvas = element("canvas", { role: "img", "aria-label": `${plot.title}: ${plot.bars.filter(([, number]) => number).map(([key, number]) => `${key} ${number}`).join(", ")}` });
      const figure = element("figure", { class: plot.wide ? "wide" : plot.half ? "half" : "" },
        element("figcaption", {}, plot.title), element("div", { class: "plot" }, canvas),
        element("details", {}, element("summary", {}, "as a table"),
          tableOf(plot.title, ["", "exemptions"], plot.bars.filter(([, number]) => number).map(([key, number]) => [key, String(number)]))));
      queueMicrotask(() => draw(plot, canvas));
      return figure;
    }));
  };
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // --- filters ---
  const wanted = { search: "", severity: "", category: "", subscription: "", whose: "", state: "", ends: "" };
  const options = (name) => [...new Set(rows.map((row) => row[name]).filter(Boolean))].sort((a, b) => a.localeCompare(b));
  const controls = {};
  const select = (name, label, choices) => {
    controls[name] = element("select", { on: { change: (event) => choose({ [name]: event.target.value }) } },
      element("option", { value: "" }, "all"), ...choices.map(([value, text]) => element("option", { value }, text)));
    return element("label", {}, label, controls[name]);
  };
  const same = (name) => options(name).map((text) => [text, text]);
  let typing;
  controls.search = element("input", {
    type: "search", placeholder: "name, resource, owner, ticket, reason …",
    on: { input: (event) => { clearTimeout(typing); typing = setTimeout(() => choose({ search: event.target.value }), 15); } },
  });
  const number = element("p", { class: "quiet", role: "status" });
  main.append(
    element("h2", { id: "table-title" }, "Everything that is exempt"),
    element("div", { class: "tools", role: "search" },
      element("label", { class: "search" }, "Search", controls.search),
      select("severity", "Severity", severities.map((text) => [text, text])),
      select("category", "Category", same("category")),
      select("subscription", "Subscription", same("subscription")),
      select("whose", "Whose", same("whose")),
      select("state", "State", [["in force", "in force"], ["waiting", "waiting"], ["ineffective", "ineffective"], ["expired", "expired"], ["orphaned", "orphaned"]]),
      select("ends", "Ends", [["30", "within 30 days"], ["90", "within 90 days"], ["never", "never"]]),
      element("button", { type: "button", on: { click: () => choose(Object.fromEntries(Object.keys(wanted).map((name) => [name, ""]))) } }, "Show all"),
      element("button", { type: "button", on: { click: () => saveCsv() } }, "CSV"),
      element("button", { type: "button", on: { click: () => print() } }, "Print")),
    number);
  const stateOf = (row) => row.state || row.inForce;
  const matches = (row) =>
    (!wanted.severity || row.severity === wanted.severity) &&
    (!wanted.category || row.category === wanted.category) &&
    (!wanted.subscription || row.subscription === wanted.subscription) &&
    (!wanted.whose || row.whose === wanted.whose) &&
    (!wanted.state || stateOf(row) === wanted.state) &&
    (!wanted.ends || (wanted.ends === "never" ? !row.ends : left(row) <= Number(wanted.ends))) &&
    wanted.search.toLowerCase().split(/\s+/).every((word) => row.words.includes(word));

  // --- the table ---
  const holder = element("div", { id: "table", "aria-labelledby": "table-title" });
  const paper = element("div", { id: "print" });
  main.append(holder, paper);
  const shown = (cell) => document.createTextNode(cell.getValue());
  const text = (title, fieldName, more = {}) => ({ title, field: fieldName, formatter: shown, minWidth: 110, ...more });
  const table = new Tabulator(holder, {
    data: rows, index: null, height: "34rem", layout: "fitColumns", responsiveLayout: "hide", placeholder: "Nothing is exempt that matches.",
    columns: [
      {
        title: "Declaration", field: "declaration", minWidth: 190, widthGrow: 2, responsive: 0, sorter: (a, b, first, second) => heading(first.getData()).localeCompare(heading(second.getData())),
        formatter: (cell) => element("button", { type: "button", class: "link", on: { click: () => open(cell.getData()) } }, heading(cell.getData())),
      },
      text("Recommendation", "recommendation", { widthGrow: 3, responsive: 1 }),
      text("Severity", "severity", { width: 95, minWidth: 95, responsive: 3, sorter: (a, b) => rank(a) - rank(b) }),
      text("Place", "place", { widthGrow: 3, responsive: 2 }),
      text("Ends", "ends", { width: 115, responsive: 1, formatter: (cell) => document.createTextNode(cell.getValue() || "never"), sorter: (a, b) => (a || "9999").localeCompare(b || "9999") }),
      text("State", "state", { width: 100, responsive: 5, formatter: (cell) => document.createTextNode(stateOf(cell.getData()) || "") }),
      text("Category", "category", { responsive: 6 }),
      text("Owner", "owner", { widthGrow: 2, responsive: 4 }),
      text("Asked by", "requestedBy", { responsive: 7 }),
      text("Approved by", "approvedBy", { responsive: 7 }),
      text("Whose", "whose", { width: 105, responsive: 6 }),
      text("Ticket", "ticket", { width: 100, responsive: 7 }),
    ],
    initialSort: [{ column: "ends", dir: "asc" }],
  });
  const heading = (row) => row.declaration || row.name;
  const rank = (severity) => { const place = severities.indexOf(severity); return place < 0 ? severities.length : place; };
  const current = () => rows.filter(matches);
  const tell = () => { number.textContent = `${plural(current().length, "exemption")} of ${rows.length.toLocaleString("en")}`; };
  const choose = (change) => {
    Object.assign(wanted, change);
    for (const [name, control] of Object.entries(controls)) if (control.value !== wanted[name]) control.value = wanted[name];
    table.setFilter(matches);
    tell();
    document.documentElement.dataset.chosen = String(performance.now());
  };
  table.on("renderComplete", () => { // "nothing matches" is a row of one cell
    const nothing = holder.querySelector(".tabulator-placeholder");
    if (nothing) { nothing.setAttribute("role", "row"); nothing.firstElementChild.setAttribute("role", "gridcell"); }
  });
  table.on("tableBuilt", () => {
    // The library's scrolling part takes the focus, so it is the group of rows, and what lies inside is only layout.
    holder.removeAttribute("aria-owns");
    const scrolling = holder.querySelector(".tabulator-tableholder");
    scrolling.setAttribute("role", "rowgroup");
    scrolling.setAttribute("aria-label", "Exemptions");
    scrolling.firstElementChild.setAttribute("role", "presentation");
    tell(); document.documentElement.dataset.ready = String(performance.now()); });

  // --- CSV and paper ---
  const fields = columns.filter((name) => name !== "words");
  const cell = (value) => { // what a spreadsheet would take for a formula gets an apostrophe
    const safe = /^\s*[=+\-@]/.test(value) ? `'${value}` : value;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const saveCsv = () => {
    const lines = [fields.join(","), ...current().map((row) => fields.map((name) => cell(row[name])).join(","))];
    const link = element("a", { href: URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" })), download: "exemptions.csv" });
    document.body.append(link);
    link.click();
    link.remove();
    URL.revokeObjectURL(link.href);
  };
  addEventListener("beforeprint", () => paper.replaceChildren(tableOf(
    "Everything that is exempt, as filtered", ["Declaration", "Recommendation", "Severity", "Place", "Category", "Ends", "Owner", "Approved by", "Ticket", "Why"],
    current().map((row) => [heading(row), row.recommendation, row.severity, row.place, row.category, row.ends || "never", row.owner, row.approvedBy, row.ticket, row.why]))));
  addEventListener("afterprint", () => paper.replaceChildren());

  // --- one decision ---
  const dialog = document.getElementById("details");
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  const open = (row) => {
    const name = heading(row);
    const declaration = declared(row.declaration);
    const objects = row.declaration ? rows.filter((other) => other.declaration === row.declaration) : [row];
    const findings = data.findings.filter((finding) => row.declaration && finding.declaration === row.declaration);
    const close = element("button", { type: "button", on: { click: () => dialog.close() } }, "Close");
    dialog.replaceChildren(
      element("header", {}, element("h2", { id: "details-title" }, name), close),
      pairs([
        ["exempts", (declaration && declaration.title) || row.recommendation || row.references],
        ["severity", row.severity], ["category", row.category], ["until", row.ends || "never ends"], ["why", (declaration && declaration.why) || row.why],
        ["owner", row.owner], ["asked by", row.requestedBy], ["approved by", row.approvedBy], ["pull request", row.pullRequest && `#${row.pullRequest}`],
        ["ticket", row.ticket], ["applied", row.commit && `${row.commit}${row.appliedAt ? ` on ${row.appliedAt}` : ""}`],
        ["made by", row.madeBy && `${row.madeBy}${row.madeAt ? ` on ${row.madeAt}` : ""}`], ["whose", row.whose],
        ["declared in", declaration && declaration.source], ["status", declaration && declaration.status],
      ]),
      element("h3", {}, `In Azure (${objects.length})`),
      tableOf("Exemptions", ["initiative", "scope", "references", "ends", "state"],
        objects.slice(0, 200).map((other) => [other.assignment, other.scope, other.references, other.ends || "never", stateOf(other)])),
      ...(declaration && declaration.steps.length
        ? [element("h3", {}, "History"), tableOf("Steps on the main line", ["day", "what", "by", "pull request", "approved by", "commit"],
            declaration.steps.map((step) => [step.when, step.what, step.by, step.pullRequest && `#${step.pullRequest}`, step.approvedBy, step.commit.slice(0, 12)]))]
        : []),
      ...(findings.length
        ? [element("h3", {}, "Findings"), tableOf("What differs", ["kind", "what", "what to do"], findings.map((finding) => [finding.kind, finding.message, finding.remedy]))]
        : []));
    dialog.showModal();
    close.focus();
  };

  // --- posture ---
  if (data.score.length) {
    const share = (part) => part === null ? "unknown" : `${(part * 100).toFixed(2)} %`;
    const difference = (row) => row.reported === null || row.raw === null ? "unknown" : `${((row.reported - row.raw) * 100).toFixed(2)} points`;
    main.append(element("h2", {}, "Secure score, with exemptions and without"),
      tableOf("By subscription", ["subscription", "as reported", "as if nothing were exempt", "difference", "exempt assessments"],
        data.score.map((row) => [row.place, share(row.reported), share(row.raw), difference(row), row.exempt.toLocaleString("en")])));
  }

  // --- findings, and declarations without an exemption ---
  if (data.findings.length) {
    main.append(element("h2", {}, `Findings (${data.findings.length})`),
      tableOf("What differs between the repository and Azure", ["severity", "kind", "declaration", "place", "what", "what to do"],
        data.findings.slice(0, 500).map((finding) => [finding.severity, finding.kind, finding.declaration, finding.place, finding.message, finding.remedy])));
    if (data.findings.length > 500) main.append(element("p", { class: "quiet" }, `The first 500; all of them are in the drift report.`));
  }
  const exempted = new Set(rows.map((row) => row.declaration));
  const without = Object.keys(data.declarations).filter((name) => !exempted.has(name));
  if (without.length) {
    main.append(element("h2", {}, `Declarations without an exemption now (${without.length})`),
      tableOf("Not applied yet, disabled, ended or retired", ["declaration", "status", "exempts", "last step", "by"],
        without.slice(0, 500).map((name) => {
          const declaration = declared(name);
          const last = declaration.steps.at(-1);
          return [name, declaration.status, declaration.title, last ? `${last.what} ${last.when}` : "", last ? last.by : ""];
        })));
  }
})();
