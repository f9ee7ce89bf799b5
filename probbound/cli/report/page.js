"use strict";
(() => {
  const { rows, styles, facets } = JSON.parse(document.getElementById("data").textContent);
  const figure = document.getElementById("frontier");
  const plot = figure.querySelector(".plot"), legend = figure.querySelector(".legend");
  const BOUNDS = { claimed: "as claimed", weighted: "confidence-weighted" };
  const MARGIN = { left: 66, right: 14, top: 16, bottom: 46 };
  if (!rows.length) return;
  figure.hidden = false;

  const unique = (values) => [...new Set(values)];
  const models = unique(rows.map((r) => r.model));
  const deltas = unique(rows.map((r) => r.delta).filter((d) => d !== null)).sort((a, b) => b - a);
  const state = {
    model: models[0], facet: rows[0].facet, delta: deltas.includes(1e-6) ? 1e-6 : deltas.at(-1) ?? null,
    across: Object.keys(facets[rows[0].facet].across)[0], bound: "claimed", off: new Set(), pinned: null,
  };

  const make = (name, attributes = {}, ...children) => {
    const svg = ["svg", "g", "path", "line", "rect", "text"].includes(name);
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  // Marks: polygons of the same area, named as in the static figures.
  const ngon = (n, turn = 0, inner = null) => Array.from({ length: inner ? 2 * n : n }, (_, i) => {
    const radius = inner && i % 2 ? inner : 1, angle = turn + (2 * Math.PI * i) / (inner ? 2 * n : n) - Math.PI / 2;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  const cross = (turn) => [[-.34, -1], [.34, -1], [.34, -.34], [1, -.34], [1, .34], [.34, .34], [.34, 1], [-.34, 1], [-.34, .34], [-1, .34], [-1, -.34], [-.34, -.34]]
    .map(([x, y]) => [x * Math.cos(turn) - y * Math.sin(turn), x * Math.sin(turn) + y * Math.cos(turn)]);
  const SHAPES = {
    s: ngon(4, Math.PI / 4), D: ngon(4), "^": ngon(3), v: ngon(3, Math.PI), "<": ngon(3, -Math.PI / 2), ">": ngon(3, Math.PI / 2),
    P: cross(0), X: cross(Math.PI / 4), "*": ngon(5, 0, 0.45), p: ngon(5), h: ngon(6),
  };
  const shape = (marker, size) => {
    if (!(marker in SHAPES)) return `M${-size},0a${size},${size} 0 1,0 ${2 * size},0a${size},${size} 0 1,0 ${-2 * size},0`;
    const scale = marker === "*" ? 1.35 : marker === "P" || marker === "X" ? 1 : 1.18;
    return "M" + SHAPES[marker].map(([x, y]) => `${(x * size * scale).toFixed(2)},${(y * size * scale).toFixed(2)}`).join("L") + "Z";
  };
  const glyph = (strategy, hollow = false) => make("path", {
    d: shape(styles[strategy].marker, 5.4), fill: hollow ? "#fff" : styles[strategy].colour,
    stroke: styles[strategy].colour, "stroke-width": 1.6, "stroke-linejoin": "round",
  });

  // Numbers for people; bounds come as text, rounded to the safe side.
  const metric = (x, unit) => {
    for (const [limit, prefix] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (x >= limit) return `${Number((x / limit).toPrecision(3))} ${prefix}${unit}`;
    return `${x} ${unit}`;
  };
  const seconds = (x) => (x >= 0.1 ? `${Number(x.toPrecision(2))} s` : `${Number((1000 * x).toPrecision(2))} ms`);
  const count = (x) => x.toLocaleString("en");
  const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const raised = (label) => label.replace(/\^(.*)/, (_, e) => [...e].map((c) => SUPER[c]).join(""));

  // Bounds as claimed are compared at one δ, unless δ is the axis; confidence-weighted ones at any.
  const across = () => facets[state.facet].across;
  const anyDelta = () => state.bound === "weighted" || state.across === "delta_spent";
  const inModel = () => rows.filter((r) => r.model === state.model && r.facet === state.facet);
  const shown = () => inModel().filter((r) => !state.off.has(r.strategy) && (anyDelta() || r.delta === null || r.delta === state.delta)
    && (state.across !== "samples" || r.samples > 0));

  function controls() {
    const host = figure.querySelector(".controls");
    host.replaceChildren();
    const choice = (title, values, key, label) => {
      if (values.length < 2) return;
      const set = make("fieldset", {}, make("legend", {}, title));
      for (const value of values) {
        const button = make("button", { type: "button", "aria-pressed": state[key] === value }, label(value));
        button.onclick = () => { state[key] = value; state.pinned = null; update(); };
        set.append(button);
      }
      host.append(set);
    };
    const claims = unique(rows.filter((r) => r.model === state.model).map((r) => r.facet));
    if (!claims.includes(state.facet)) state.facet = claims[0];
    if (!(state.across in across())) state.across = Object.keys(across())[0];
    choice("model", models, "model", (m) => m || "none: own claims");
    choice("claim", claims, "facet", (f) => facets[f].title);
    choice("bound", Object.keys(BOUNDS), "bound", (b) => BOUNDS[b]);
    if (!anyDelta()) choice("δ", deltas, "delta", (d) => d.toExponential());
    choice("against", Object.keys(across()), "across", (c) => across()[c].replace(/ \(.*\)/, ""));
  }

  function drawLegend() {
    legend.replaceChildren();
    for (const strategy of Object.keys(styles).filter((s) => inModel().some((r) => r.strategy === s))) {
      const icons = [true, false].filter((hollow) => inModel().some((r) => r.strategy === strategy && (r.guarantee === "deterministic") === hollow)).map((hollow) => {
        const icon = make("svg", { width: 18, height: 18, viewBox: "-9 -9 18 18", "aria-hidden": true });
        icon.append(glyph(strategy, hollow));
        return icon;
      });
      const button = make("button", { type: "button", "aria-pressed": !state.off.has(strategy), title: "show or hide" }, ...icons, strategy);
      button.onclick = () => { state.off.has(strategy) ? state.off.delete(strategy) : state.off.add(strategy); state.pinned = null; update(); };
      button.onmouseenter = () => plot.querySelectorAll(".mark,.trend").forEach((m) => m.classList.toggle("dim", m.dataset.strategy !== strategy));
      button.onmouseleave = () => plot.querySelectorAll(".dim").forEach((m) => m.classList.remove("dim"));
      legend.append(button);
    }
  }

  function draw() {
    const points = shown(), width = Math.max(300, plot.clientWidth), height = Math.min(560, Math.max(340, width * 0.62));
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": `${facets[state.facet].title} against ${across()[state.across]}` });
    const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
    plot.replaceChildren(svg);
    draw.width = plot.clientWidth;
    if (!points.length) {
      svg.append(make("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing to show: no certificate fits the choice above"));
      return;
    }
    // Zeros stand somewhat below everything else, where the axis is not to scale.
    const zeroBelow = (values) => {
      const positive = values.filter((v) => v > 0), least = positive.length ? Math.min(...positive) : 1;
      return { place: least / 10 ** (positive.length ? Math.max(0.3, 0.15 * Math.log10(Math.max(...positive) / least)) : 0.3), least };
    };
    const range = (values) => {
      const low = Math.log10(Math.min(...values)), high = Math.log10(Math.max(...values)), pad = Math.max(0.12, 0.05 * (high - low));
      return [low - pad, high + pad];
    };
    const free = zeroBelow(points.map((r) => r[state.across])), floor = zeroBelow(points.map((r) => r[state.bound]));
    const height_of = (r) => r[state.bound] || floor.place, cost_of = (r) => r[state.across] || free.place;
    const [x0, x1] = range([...points.map(cost_of), free.least]), [y0, highest] = range(points.map(height_of));
    const guess = points[0].guess, y1 = Math.max(highest, Math.log10(2 * guess));
    const X = (v) => MARGIN.left + ((Math.log10(v) - x0) / (x1 - x0)) * (right - MARGIN.left);
    const Y = (v) => bottom - ((Math.log10(v) - y0) / (y1 - y0)) * (bottom - MARGIN.top);

    const vacuous = Math.max(MARGIN.top, Y(guess));
    svg.append(make("rect", { class: "vacuous", x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: Math.max(0, vacuous - MARGIN.top) }));
    const ticks = (low, high, zero, values, size, extent) => {
      const zeros = values.includes(zero.place), start = zeros ? Math.max(low, Math.log10(zero.place * zero.least) / 2) : low;
      const length = (text) => (extent(text) / size) * ((high - low) / (high - start));
      return [...(zeros ? [[zero.place, "0"]] : []), ...logTicks(10 ** start, 10 ** high, length)];
    };
    const wide = (text) => 7 * text.length + 8, tall = () => 24;
    for (const [value, label] of ticks(x0, x1, free, points.map(cost_of), right - MARGIN.left, wide)) {
      svg.append(make("line", { class: "grid", x1: X(value), x2: X(value), y1: MARGIN.top, y2: bottom }));
      svg.append(make("text", { class: "tick", x: X(value), y: bottom + 18, "text-anchor": "middle" }, raised(label)));
    }
    for (const [value, label] of ticks(y0, y1, floor, points.map(height_of), bottom - MARGIN.top, tall)) {
      svg.append(make("line", { class: "grid", x1: MARGIN.left, x2: right, y1: Y(value), y2: Y(value) }));
      svg.append(make("text", { class: "tick", x: MARGIN.left - 8, y: Y(value) + 4, "text-anchor": "end" }, raised(label)));
    }
    if (vacuous > MARGIN.top + 10) svg.append(make("text", { x: right - 6, y: MARGIN.top + 14, "text-anchor": "end" }, "says nothing"));
    svg.append(make("line", { class: "axis", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }));
    svg.append(make("text", { class: "title", x: (MARGIN.left + right) / 2, y: height - 6, "text-anchor": "middle" }, across()[state.across]));
    svg.append(make("text", { class: "title", transform: `translate(14 ${(MARGIN.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
      `${state.bound === "weighted" ? "confidence-weighted" : "certified"} ${facets[state.facet].axis}`));

    const truth = points.find((r) => r.strategy === "brute-force");
    if (truth) {
      svg.append(make("line", { class: "truth", x1: MARGIN.left, x2: right, y1: Y(height_of(truth)), y2: Y(height_of(truth)) }));
      svg.append(make("text", { x: MARGIN.left + 8, y: Y(height_of(truth)) - 6 }, "truth"));
    }
    let best = Infinity, path = "";
    for (const r of [...points].sort((a, b) => cost_of(a) - cost_of(b) || height_of(a) - height_of(b))) {
      if (height_of(r) >= best) continue;
      path += path ? `H${X(cost_of(r))}V${Y(height_of(r))}` : `M${X(cost_of(r))},${Y(height_of(r))}`;
      best = height_of(r);
    }
    svg.append(make("path", { class: "front", d: `${path}H${right}` }));

    const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const along = state.across === "delta_spent" ? "delta" : "budget";
    const series = (r) => JSON.stringify([r.strategy, r.paths, along === "delta" ? r.budget : r.delta]);
    for (const one of unique(points.map(series))) {
      const own = points.filter((r) => series(r) === one), strategy = own[0].strategy;
      const line = unique(own.map((r) => r[along])).filter((b) => b !== null).sort((a, b) => a - b).map((place) => {
        const same = own.filter((r) => r[along] === place);
        return `${X(median(same.map(cost_of)))},${Y(median(same.map(height_of)))}`;
      });
      if (line.length > 1) svg.append(make("path", { class: "trend", d: "M" + line.join("L"), stroke: styles[strategy].colour, "data-strategy": strategy }));
    }
    for (const r of points) {
      const x = X(cost_of(r)), y = Y(height_of(r));
      const mark = make("g", { class: "mark", tabindex: 0, role: "button", transform: `translate(${x} ${y})`,
        "aria-label": `${r.strategy}: ${r.said}, ${r.paid}`, "data-strategy": r.strategy, "data-key": r.key });
      mark.append(glyph(r.strategy, r.guarantee === "deterministic"));
      if (state.pinned === r.key) mark.classList.add("pinned");
      mark.onmouseenter = mark.onfocus = () => { if (!state.pinned) card(r, x, y); };
      mark.onmouseleave = mark.onblur = () => { if (!state.pinned) card(null); };
      mark.onclick = (event) => { event.stopPropagation(); pin(state.pinned === r.key ? null : r.key); if (state.pinned) card(r, x, y); };
      mark.onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); mark.onclick(event); } };
      svg.append(mark);
    }
  }

  function pin(key) {
    state.pinned = key;
    plot.querySelectorAll(".mark").forEach((mark) => mark.classList.toggle("pinned", mark.dataset.key === key));
    card(null);
  }

  function card(r, x, y) {
    plot.querySelector(".card")?.remove();
    if (!r) return;
    const made = make("div", { class: state.pinned ? "card pinned" : "card" });
    const facts = [
      ["guarantee", r.guarantee], ["δ", r.spent],
      ...r.facts,
      ...(r.chosen === r.strategy ? [] : [["ran", r.chosen]]),
      ...(r.draws ? [["draws", count(r.draws)]] : []),
      ...(r.samples ? [["forward passes", count(r.samples)]] : []),
      ...(r.samples && r.failures !== null ? [["failures seen", count(r.failures)]] : []),
      ...(r.flops === null ? [] : [["proof", metric(r.proof_flops, "FLOP")], ["sampling", metric(r.sampling_flops, "FLOP")]]),
      ["time", seconds(r.seconds)],
      ...(r.paths ? [["paths", r.paths]] : []),
      ...(r.seed === null ? [] : [["seed", String(r.seed)]]), ["certificate", `cells/${r.key.slice(0, 8)}…`],
    ];
    made.append(make("b", {}, r.strategy), make("div", { class: "lead" }, r.said));
    const list = make("dl");
    for (const [name, value] of facts) list.append(make("dt", {}, name), make("dd", {}, value));
    made.append(list);
    plot.append(made);
    const left = x + 18 + made.offsetWidth > plot.clientWidth ? x - 18 - made.offsetWidth : x + 18;
    made.style.left = `${Math.max(0, Math.min(left, plot.clientWidth - made.offsetWidth))}px`;
    const lowest = Math.max(0, plot.clientHeight - made.offsetHeight);
    const beside = left >= 0 && left + made.offsetWidth <= plot.clientWidth;
    made.style.top = `${beside ? Math.max(0, Math.min(y - made.offsetHeight / 2, lowest)) : y + 16}px`;
  }

  function update() { controls(); drawLegend(); draw(); }
  document.addEventListener("click", (event) => { if (!event.target.closest(".card")) pin(null); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") pin(null); });
  new ResizeObserver(() => { if (plot.firstChild && plot.clientWidth !== draw.width) { pin(null); draw(); } }).observe(plot);
  update();
})();
