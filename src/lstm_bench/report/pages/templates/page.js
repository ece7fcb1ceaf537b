(() => {
  "use strict";
  const root = document.documentElement;
  const FIGURES = JSON.parse(document.getElementById("figures")?.textContent || "{}");
  const DATA = new Set(["x", "y", "z", "text", "customdata", "ids", "error_x", "error_y"]);

  // ---- colours: names of the palette become those of the theme ----
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const mixed = (name, opacity) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour(name).slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${opacity})`;
  };
  const scales = {
    sequential: () => [[0, mixed("blue", 0.06)], [0.35, mixed("blue", 0.35)], [0.7, mixed("blue", 0.8)], [1, colour("ink")]],
    diverging: () => [[0, colour("orange")], [0.5, colour("card")], [1, colour("blue")]],
  };
  const resolve = (text) => {
    const [name, opacity] = text.slice(1).split("/");
    if (scales[name]) return scales[name]();
    return opacity ? mixed(name, Number(opacity) / 100) : colour(name);
  };
  const themed = (value, key) => {
    if (typeof value === "string") return value.startsWith("@") ? resolve(value) : value;
    if (DATA.has(key) && Array.isArray(value)) return value;
    if (Array.isArray(value)) return value.map((part) => themed(part));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, themed(part, name)]));
    }
    return value;
  };

  // ---- figures ----
  const merged = (base, own) => {
    const out = { ...base };
    for (const [key, value] of Object.entries(own)) {
      const nested = value && typeof value === "object" && !Array.isArray(value);
      out[key] = nested ? merged(out[key] || {}, value) : value;
    }
    return out;
  };
  // long names: broken between study and row, then cut in the middle
  const cut = (text, most) => {
    if (typeof text !== "string" || text.length <= most) return text;
    return `${text.slice(0, Math.ceil(most / 2))}…${text.slice(1 - Math.floor(most / 2))}`;
  };
  const placed = (text, most) => {
    if (typeof text !== "string" || text.length <= most) return text;
    return text.split("/").map((part) => cut(part, most)).join("/<br>");
  };
  const nameTicks = (layout, figure, div) => {
    const most = Math.max(12, Math.min(30, Math.floor(div.clientWidth / 24)));
    for (const axis of ["x", "y"]) {
      const place = layout[`${axis}axis`];
      const names = figure.traces.find((trace) => trace.type === "heatmap")?.[axis];
      if (!place.ticktext && names?.some((name) => typeof name === "string" && name.length > most)) {
        Object.assign(place, { tickmode: "array", tickvals: names, ticktext: names });
      }
      if (place.ticktext) place.ticktext = place.ticktext.map((name) => (axis === "y" ? placed : cut)(name, most));
    }
    return layout;
  };
  // a legend with many names adds to the height of the figure
  const LEGEND_NAME = 34;
  const heightOf = (figure, div) => {
    const height = Number(div.dataset.height);
    if (figure.layout.showlegend === false) return height;
    const names = figure.traces.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => cut(trace.name, LEGEND_NAME));
    let lines = 1, used = 0;
    for (const name of names) {
      const width = 55 + 6 * name.length;
      if (used && used + width > div.clientWidth - 90) { lines += 1; used = 0; }
      used += width;
    }
    return height + 26 * Math.max(0, lines - 3);
  };
  const layoutOf = (figure, div) => {
    const narrow = div.clientWidth < 460;
    const axis = {
      gridcolor: colour("rule"), zerolinecolor: colour("rule"), linecolor: colour("rule"),
      tickfont: { size: narrow ? 10 : 11, color: colour("muted") },
      title: { font: { size: narrow ? 11 : 12, color: colour("muted") }, standoff: 8 },
    };
    const base = {
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("ink") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: narrow ? 40 : 52, r: 20, t: 12, b: 28 },
      hovermode: "x unified", dragmode: narrow ? false : "zoom",
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("rule"), font: { color: colour("ink") } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: narrow ? 10 : 11 } },
    };
    const own = themed(figure.layout);
    const axes = new Set(["xaxis", "yaxis", ...Object.keys(own).filter((key) => /^[xy]axis\d*$/.test(key))]);
    // margins grow across an axis only: along the axis, the last label and the ticks would push each other
    for (const name of axes) base[name] = { ...axis, automargin: name[0] === "x" ? "height" : "width" };
    return nameTicks(merged(base, own), figure, div);
  };
  const bars = { colorbar: { outlinewidth: 0 } };
  const tracesOf = (figure) => themed(figure.traces).map((trace) => {
    if (trace.name) trace.name = cut(trace.name, LEGEND_NAME);
    const withBar = trace.marker?.showscale ? { ...trace, marker: merged({ colorbar: bars.colorbar }, trace.marker) } : trace;
    return withBar.colorbar ? merged(bars, withBar) : withBar;
  });
  // no button that sends a figure to a service
  // buttons appear under a mouse pointer only: on a touch screen they would cover the figure
  const buttons = matchMedia("(hover: hover)").matches ? "hover" : false;
  const config = { responsive: true, displaylogo: false, displayModeBar: buttons, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const draw = (div) => {
    const figure = FIGURES[div.dataset.figure];
    div.style.height = `${heightOf(figure, div)}px`;
    return Plotly.react(div, tracesOf(figure), layoutOf(figure, div), config);
  };
  const plots = [...document.querySelectorAll(".plot")];
  let round = 0;
  // one figure per task, from the top, so that the page stays responsive
  const drawAll = async () => {
    const mine = ++round;
    root.dataset.drawn = "";
    for (const div of plots) {
      await draw(div);
      await new Promise((next) => setTimeout(next));
      if (mine !== round) return;
    }
    root.dataset.drawn = "all";
  };
  document.addEventListener("themechange", drawAll);
  document.getElementById("theme").addEventListener("click", window.toggleTheme);

  // ---- tables: a click on a header sorts, another reverses the order ----
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  const order = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, undefined, { numeric: true });
  };
  const empty = (key) => key === "–" || key === "";
  const sortBy = (table, column) => {
    const head = table.tHead.rows[0].cells;
    const falling = head[column].getAttribute("aria-sort") === "descending";
    const numbers = [...table.tBodies[0].rows].some((row) => typeof keyOf(row, column) === "number");
    const fresh = head[column].getAttribute("aria-sort") === "none";
    const sign = (fresh ? numbers : !falling) ? -1 : 1; // numbers start with the greatest, names with A
    const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
    rows.sort(([a], [b]) => (empty(a) || empty(b) ? empty(a) - empty(b) : sign * order(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
    for (const cell of head) cell.setAttribute("aria-sort", "none");
    head[column].setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      cell.querySelector("button").addEventListener("click", () => sortBy(table, column));
    });
  }

  // ---- the section that is being read ----
  const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const name of links.keys()) watch.observe(document.getElementById(name));

  drawAll();
})();
