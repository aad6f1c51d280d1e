"use strict";
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const NS = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const svg = byId("picture");
  const layers = Object.fromEntries(["rims", "ties", "dots", "names"].map((id) => [id, byId(id)]));
  const WORDS = ["", "informational", "low", "medium", "high", "critical"];
  const nodes = D.nodes.map((n, i) => ({
    i, x: n[0], y: n[1], r: n[2], group: n[3], label: n[4], kind: D.kinds[n[5]], weight: n[6],
    caused: n[7], severity: n[8], ours: n[9], count: n[10], first: n[11], last: n[12],
  }));
  const edges = D.edges.map((e) => ({
    from: e[0], to: e[1], kind: D.words[e[2]], label: D.labels[e[3]], count: e[4], first: e[5], last: e[6], severity: e[7],
  }));
  const groups = D.groups.map((g, i) => ({ ...g, i, members: [] }));
  for (const node of nodes) if (node.group >= 0) groups[node.group].members.push(node);
  const ties = nodes.map(() => []);
  edges.forEach((edge) => { ties[edge.from].push(edge); if (edge.to !== edge.from) ties[edge.to].push(edge); });

  const MOST_DOTS = D.most, MOST_TIES = 800, MOST_HEADS = 220, MOST_NAMES = 150, MOST_ROWS = 60;
  const open = new Set(groups.filter((g) => D.open || g.alone).map((g) => g.i));
  const hidden = new Set();
  let window_ = [-Infinity, Infinity], chosen = null, found = new Set(), view = null;

  const make = (name, attributes, parent, text) => {
    const element = document.createElementNS(NS, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  };
  const html = (name, attributes, parent, text) => {
    const element = document.createElement(name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  };
  const number = (n) => n.toLocaleString("en");
  const time = (s) => new Date(s * 1000).toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
  const span = (t) => t.first === null ? "" : t.first === t.last ? time(t.first) + " UTC" : time(t.first) + " to " + time(t.last) + " UTC";
  const inTime = (t) => t.first === null || (t.last >= window_[0] && t.first <= window_[1]);
  const shown = (node) => !hidden.has(node.kind) && inTime(node);
  const grave = (a, b) => b.severity - a.severity || b.count - a.count;
  const isDrawn = (node) => node.group < 0 || (open.has(node.group) && node.rank < MOST_DOTS);
  for (const group of groups) group.members.forEach((node, at) => { node.rank = at; });

  // The view: what part of the picture fills the window.
  const whole = () => {
    const b = svg.getAttribute("data-whole").split(" ").map(Number);
    return { x: b[0], y: b[1], w: b[2], h: b[3] };
  };
  // An incident is what one came for; all else is around it.
  const start = () => {
    const boxes = nodes.filter((n) => n.group < 0);
    if (!boxes.length) return whole();
    const x = boxes.map((n) => n.x), y = boxes.map((n) => n.y), left = Math.min(...x) - 120, top = Math.min(...y) - 70;
    return { x: left, y: top, w: Math.max(...x) + 120 - left, h: Math.max(...y) + 90 - top };
  };
  const scale = () => Math.max(view.w / svg.clientWidth, view.h / svg.clientHeight) || 1;
  let waiting = false;
  const look = (to) => {
    view = to;
    svg.setAttribute("viewBox", [view.x, view.y, view.w, view.h].map((n) => n.toFixed(1)).join(" "));
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; names(); }); }
  };
  const zoom = (by, at) => {
    const all = whole(), w = Math.min(Math.max(view.w * by, 60), all.w * 3);
    by = w / view.w;
    at = at || { x: view.x + view.w / 2, y: view.y + view.h / 2 };
    look({ x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by, w, h: view.h * by });
  };
  const goTo = (x, y, r) => { const d = Math.max(r * 2.6, 240 * D.unit / 2); look({ x: x - d / 2, y: y - d / 2, w: d, h: d }); };
  const point = (event) => {
    const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return { x: p.x, y: p.y };
  };

  const near = () => {
    if (chosen === null) return null;
    const set = new Set([chosen.i]);
    for (const edge of ties[chosen.i]) if (inTime(edge)) { set.add(edge.from); set.add(edge.to); }
    return set;
  };
  const far = (set, node) => set && !set.has(node.i) ? " far" : "";

  function draw() {
    const set = near();
    // Who came here by the keyboard keeps his place, though all is drawn anew.
    const place = svg.contains(document.activeElement) ? document.activeElement.dataset.at : undefined;
    layers.rims.replaceChildren(); layers.dots.replaceChildren(); layers.ties.replaceChildren();
    const few = nodes.length <= 400;
    for (const group of groups) {
      if (!group.alone) {
        const some = group.members.some(shown);
        const rim = make("circle", { class: "rim " + (open.has(group.i) ? "open" : "closed") + " c" + group.c + (some && !(set && !group.members.some((n) => set.has(n.i))) ? "" : " far"),
          cx: group.x, cy: group.y, r: group.r, tabindex: 0, role: "button", "data-at": "group " + group.i, "aria-expanded": open.has(group.i), "aria-label": group.t + ", " + group.n }, layers.rims);
        make("title", {}, rim, group.about);
        rim.addEventListener("click", () => { if (!dragged) toggle(group); });
        rim.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); toggle(group); } });
      }
      if (!open.has(group.i)) continue;
      for (const node of group.members.slice(0, MOST_DOTS)) {
        if (!shown(node)) continue;
        const kind = "dot c" + group.c + " k-" + node.kind + " " + WORDS[node.severity] + far(set, node) + (found.has(node.i) ? " found" : "") + (node === chosen ? " chosen" : "");
        const common = { class: kind, tabindex: few ? 0 : -1, role: "button", "data-at": "node " + node.i, "aria-label": node.label };
        const shape = node.ours === 1
          ? make("rect", { ...common, x: node.x - node.r, y: node.y - node.r, width: node.r * 2, height: node.r * 2, rx: 2 }, layers.dots)
          : make("circle", { ...common, cx: node.x, cy: node.y, r: node.r }, layers.dots);
        make("title", {}, shape, node.label + "\n" + span(node));
        shape.addEventListener("click", () => { if (!dragged) choose(node); });
        shape.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(node); } });
      }
    }
    drawTies(set);
    if (place) { const again = svg.querySelector(`[data-at="${place}"]`); if (again) again.focus({ preventScroll: true }); }
    for (const box of document.querySelectorAll("#chains .boxed")) {
      const node = nodes[+box.dataset.node];
      box.classList.toggle("far", !shown(node) || !!(set && !set.has(node.i)));
      box.classList.toggle("chosen", node === chosen);
    }
    names();
  }

  function drawTies(set) {
    const sums = new Map();
    const stand = (node) => isDrawn(node) ? node.i : -1 - node.group;
    for (const edge of edges) {
      const a = nodes[edge.from], b = nodes[edge.to];
      if ((a.group < 0 && b.group < 0) || !inTime(edge) || !shown(a) || !shown(b)) continue;
      const from = stand(a), to = stand(b);
      if (from === to) continue;
      const key = from * 1e6 + to;
      let sum = sums.get(key);
      if (!sum) sums.set(key, sum = { from, to, count: 0, severity: 0, group: a.group, mine: !set });
      sum.count += edge.count;
      sum.severity = Math.max(sum.severity, edge.severity);
      if (chosen && (edge.from === chosen.i || edge.to === chosen.i)) sum.mine = true;
    }
    const all = [...sums.values()].sort((a, b) => b.mine - a.mine || grave(a, b)).slice(0, MOST_TIES);
    const at = (s) => s >= 0 ? nodes[s] : groups[-1 - s];
    for (const sum of all) {
      const a = at(sum.from), b = at(sum.to);
      const x = b.x - a.x, y = b.y - a.y, d = Math.hypot(x, y);
      if (d <= a.r + b.r) continue;
      const width = Math.min(0.9 + 0.7 * Math.log10(Math.max(sum.count, 1)), 5) * Math.sqrt(D.unit);
      make("line", { class: "tie c" + (sum.group >= 0 ? groups[sum.group].c : "n") + " " + WORDS[sum.severity] + (sum.mine ? "" : " far"),
        x1: a.x + x / d * a.r, y1: a.y + y / d * a.r, x2: b.x - x / d * (b.r + 3), y2: b.y - y / d * (b.r + 3),
        "stroke-width": width, ...(all.length <= MOST_HEADS ? { "marker-end": "url(#tip)" } : {}) }, layers.ties);
    }
  }

  // Names have one size on the screen, so that more of them find room the nearer one looks.
  function names() {
    const unit = scale(), set = near(), all = whole(), middle = all.y + all.h / 2;
    layers.names.replaceChildren();
    layers.names.setAttribute("font-size", 11.5 * unit);
    const taken = [];
    const free = (r) => !taken.some((t) => r[0] < t[2] && t[0] < r[2] && r[1] < t[3] && t[1] < r[3]);
    const inView = (n) => n.x + n.r > view.x && n.x - n.r < view.x + view.w && n.y + n.r > view.y && n.y - n.r < view.y + view.h;
    const titled = groups.filter((g) => !g.alone && inView(g)).sort((a, b) => b.r - a.r).slice(0, 60);
    for (const group of titled) {
      const isOpen = open.has(group.i), step = 15 * unit, lines = [...group.lines, group.n];
      let y = !isOpen ? group.y - step * (lines.length / 2 - 0.8) : group.y > middle ? group.y + group.r + step : group.y - group.r - 8 * unit - step * (lines.length - 1);
      const wide = Math.max(...lines.map((l) => l.length)) * 7.8 * unit;
      const room = [group.x - wide / 2, y - step, group.x + wide / 2, y + step * (lines.length - 1)];
      if (!free(room)) continue;
      taken.push(room);
      lines.forEach((line, n) => {
        make("text", { class: "title" + (n === lines.length - 1 ? " few" : ""), x: group.x, y }, layers.names, line);
        y += step;
      });
    }
    const candidates = nodes.filter((n) => n.group >= 0 && isDrawn(n) && shown(n) && inView(n));
    for (const n of candidates.slice(0, 2000)) taken.push([n.x - n.r, n.y - n.r, n.x + n.r, n.y + n.r]);
    const first = (n) => (n === chosen ? 8 : 0) + (found.has(n.i) ? 4 : 0) + (set && set.has(n.i) ? 2 : 0);
    candidates.sort((a, b) => first(b) - first(a) || b.severity - a.severity || b.weight - a.weight);
    let left = MOST_NAMES;
    for (const n of candidates) {
      if (left === 0) break;
      if (set && !set.has(n.i)) continue;
      const text = n.label.length > 34 ? n.label.slice(0, 33) + "…" : n.label;
      const wide = text.length * 7.1 * unit, high = 12 * unit, right = n.x + n.r + 3 * unit, lft = n.x - n.r - 3 * unit;
      const rooms = [[right, n.y - high / 2, right + wide, n.y + high / 2], [lft - wide, n.y - high / 2, lft, n.y + high / 2],
        [n.x - wide / 2, n.y + n.r + 2, n.x + wide / 2, n.y + n.r + 2 + high], [n.x - wide / 2, n.y - n.r - 2 - high, n.x + wide / 2, n.y - n.r - 2]];
      const at = rooms.findIndex(free);
      if (at < 0) continue;
      left -= 1;
      taken.push(rooms[at]);
      make("text", { class: "name" + ["", " end", " mid", " mid"][at] + (n === chosen ? " chosen" : ""), x: [right, lft, n.x, n.x][at], y: rooms[at][3] - 2.5 * unit }, layers.names, text);
    }
  }

  function toggle(group) {
    const opening = !open.has(group.i);
    if (opening) open.add(group.i); else open.delete(group.i);
    draw();
    panelGroup(group);
    const rim = layers.rims.children[groups.filter((g) => !g.alone).indexOf(group)];
    if (rim) rim.focus({ preventScroll: true });
  }
  function choose(node) {
    chosen = chosen === node ? null : node;
    if (node.group >= 0) open.add(node.group);
    draw();
    if (chosen) panelNode(node); else overview();
  }

  // The panel: what the picture says, in words.
  const panel = byId("panel");
  const button = (parent, text, act, note) => {
    const b = html("button", { type: "button", class: "link" }, parent, text);
    b.addEventListener("click", act);
    if (note) html("div", { class: "soft" }, parent, note);
    return b;
  };
  function overview() {
    panel.replaceChildren();
    for (const chain of D.chains) {
      html("h2", {}, panel, chain.t);
      html("p", {}, panel, chain.why);
      button(panel, "Show it", () => goTo(chain.x, chain.y, chain.r), [chain.n, WORDS[chain.severity], span(chain)].filter(Boolean).join(" · "));
    }
    const sets = groups.filter((g) => g.set).sort((a, b) => b.severity - a.severity || b.members.length - a.members.length);
    if (sets.length) {
      html("h2", {}, panel, sets.length === 1 ? "One set" : number(sets.length) + " sets, worst first");
      const list = html("ul", { class: "sets" }, panel);
      for (const group of sets.slice(0, MOST_ROWS)) {
        const item = html("li", { class: "set c" + group.c }, list);
        html("span", { class: "swatch" }, item);
        button(html("div", {}, item), group.t, () => { panelGroup(group); goTo(group.x, group.y, group.r); }, [group.n, WORDS[group.severity], span(group)].filter(Boolean).join(" · "));
      }
      if (sets.length > MOST_ROWS) html("p", { class: "soft" }, panel, number(sets.length - MOST_ROWS) + " smaller ones are in the picture.");
    }
    const top = [...nodes].filter(shown).sort((a, b) => b.severity - a.severity || b.weight - a.weight).slice(0, 15);
    html("h2", {}, panel, "Gravest, then best connected");
    nodeList(top);
    for (const note of D.notes) html("p", { class: "soft" }, panel, note);
  }
  function nodeList(list) {
    const ul = html("ul", {}, panel);
    for (const node of list) {
      const item = html("li", {}, ul);
      button(item, node.label, () => { choose(node); if (chosen) goTo(node.x, node.y, 160); },
        [node.kind, node.ours === 1 ? "ours" : node.ours === 0 ? "outside" : "", WORDS[node.severity], number(node.weight) + (node.weight === 1 ? " neighbour" : " neighbours"), node.caused ? "source of " + number(node.caused) + " alerts" : ""].filter(Boolean).join(" · "));
    }
  }
  function panelGroup(group) {
    panel.replaceChildren();
    button(panel, "← all", overview);
    html("h2", {}, panel, group.t);
    html("p", {}, panel, group.why);
    html("p", { class: "soft" }, panel, [group.n, WORDS[group.severity], span(group)].filter(Boolean).join(" · "));
    button(panel, open.has(group.i) ? "Collapse it" : "Open it", () => toggle(group));
    html("h3", {}, panel, "Members");
    nodeList(group.members.slice(0, MOST_ROWS));
    if (group.members.length > MOST_ROWS) html("p", { class: "soft" }, panel, number(group.members.length - MOST_ROWS) + " more.");
  }
  function panelNode(node) {
    panel.replaceChildren();
    button(panel, "← all", () => { chosen = null; draw(); overview(); });
    html("h2", {}, panel, node.label);
    html("p", { class: "soft" }, panel, [node.kind, node.ours === 1 ? "ours" : node.ours === 0 ? "outside" : "", WORDS[node.severity],
      node.caused ? "source of " + number(node.caused) + " alerts" : "", span(node)].filter(Boolean).join(" · "));
    const group = groups[node.group];
    if (group && group.set) button(panel, "In: " + group.t, () => panelGroup(group));
    if (node.kind === "address") {
      html("p", { class: "soft" }, panel, "Everything about it:");
      html("pre", {}, panel, "davy hunt pivot SOURCE… --set ip=" + node.label);
    }
    const rows = ties[node.i].filter(inTime).sort(grave);
    html("h3", {}, panel, rows.length === 1 ? "One tie" : number(rows.length) + " ties");
    const ul = html("ul", {}, panel);
    for (const edge of rows.slice(0, MOST_ROWS)) {
      const out = edge.from === node.i, other = nodes[out ? edge.to : edge.from];
      const item = html("li", {}, ul);
      html("div", {}, item, edge.label || edge.kind);
      button(item, (out ? "→ " : "← ") + other.label, () => choose(other),
        [edge.kind, edge.count > 1 ? number(edge.count) + " times" : "", WORDS[edge.severity], span(edge)].filter(Boolean).join(" · "));
    }
    if (rows.length > MOST_ROWS) html("p", { class: "soft" }, panel, number(rows.length - MOST_ROWS) + " more.");
  }

  // Controls.
  const search = byId("search");
  search.addEventListener("input", () => {
    const word = search.value.trim().toLowerCase();
    const hits = word ? nodes.filter((n) => n.label.toLowerCase().includes(word)) : [];
    found = new Set(hits.map((n) => n.i));
    draw();
    if (!word) return overview();
    panel.replaceChildren();
    html("h2", {}, panel, hits.length === 1 ? "One match" : number(hits.length) + " matches");
    nodeList(hits.slice(0, MOST_ROWS));
  });
  search.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && found.size) { const node = nodes[[...found][0]]; chosen = null; choose(node); goTo(node.x, node.y, 160); }
    if (e.key === "Escape") { search.value = ""; search.dispatchEvent(new Event("input")); search.blur(); }
    e.stopPropagation();
  });
  const kinds = byId("kinds"), counts = new Map();
  for (const node of nodes) counts.set(node.kind, (counts.get(node.kind) || 0) + 1);
  if (counts.size > 1) for (const [kind, many] of [...counts].sort()) {
    const label = html("label", {}, kinds), box = html("input", { type: "checkbox", checked: "" }, label);
    label.append(" " + kind + " (" + number(many) + ")");
    box.addEventListener("change", () => { if (box.checked) hidden.delete(kind); else hidden.add(kind); draw(); });
  }
  let from = Infinity, to = -Infinity;
  for (const t of edges) if (t.first !== null) { from = Math.min(from, t.first); to = Math.max(to, t.last); }
  if (to > from) {
    byId("times").hidden = false;
    const a = byId("since"), b = byId("until"), said = byId("window");
    const move = () => {
      const lo = Math.min(+a.value, +b.value), hi = Math.max(+a.value, +b.value), at = (v) => from + (to - from) * v / 1000;
      window_ = lo === 0 && hi === 1000 ? [-Infinity, Infinity] : [Math.floor(at(lo)), Math.ceil(at(hi))];
      said.textContent = time(Math.round(at(lo))) + " to " + time(Math.round(at(hi))) + " UTC";
      draw();
    };
    a.addEventListener("input", move); b.addEventListener("input", move);
    said.textContent = time(from) + " to " + time(to) + " UTC";
  }
  const act = { in: () => zoom(0.7), out: () => zoom(1 / 0.7), fit: () => look(whole()),
    open: () => { groups.forEach((g) => open.add(g.i)); draw(); },
    close: () => { groups.forEach((g) => { if (!g.alone) open.delete(g.i); }); draw(); } };
  for (const name in act) { const b = byId("do-" + name); if (b) b.addEventListener("click", act[name]); }
  if (!groups.some((g) => !g.alone)) for (const name of ["open", "close"]) byId("do-" + name).hidden = true;

  let dragged = false, grip = null;
  const pointers = new Map();
  svg.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.004), point(e)); }, { passive: false });
  svg.addEventListener("pointerdown", (e) => { pointers.set(e.pointerId, e); dragged = false; grip = { x: e.clientX, y: e.clientY, view, far: null }; });
  svg.addEventListener("pointermove", (e) => {
    if (!pointers.has(e.pointerId) || !grip) return;
    pointers.set(e.pointerId, e);
    if (pointers.size === 2) {
      const [p, q] = [...pointers.values()], d = Math.hypot(p.clientX - q.clientX, p.clientY - q.clientY);
      if (grip.far) zoom(grip.far / d, point({ clientX: (p.clientX + q.clientX) / 2, clientY: (p.clientY + q.clientY) / 2 }));
      grip.far = d; dragged = true;
      return;
    }
    const x = e.clientX - grip.x, y = e.clientY - grip.y;
    if (!dragged && Math.hypot(x, y) < 4) return;
    dragged = true;
    const k = scale();
    look({ ...view, x: grip.view.x - x * k, y: grip.view.y - y * k });
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) svg.addEventListener(end, (e) => { pointers.delete(e.pointerId); if (!pointers.size) grip = null; });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === "INPUT") return;
    const step = view.w * 0.12;
    const keys = { "+": act.in, "=": act.in, "-": act.out, "0": act.fit, "/": () => { e.preventDefault(); search.focus(); },
      Escape: () => { chosen = null; draw(); overview(); },
      ArrowLeft: () => look({ ...view, x: view.x - step }), ArrowRight: () => look({ ...view, x: view.x + step }),
      ArrowUp: () => look({ ...view, y: view.y - step }), ArrowDown: () => look({ ...view, y: view.y + step }) };
    if (keys[e.key] && (document.activeElement === document.body || svg.contains(document.activeElement) || !e.key.startsWith("Arrow"))) { if (e.key.startsWith("Arrow")) e.preventDefault(); keys[e.key](); }
  });
  for (const box of document.querySelectorAll("#chains .boxed")) {
    box.setAttribute("tabindex", 0); box.setAttribute("role", "button");
    const node = nodes[+box.dataset.node];
    box.addEventListener("click", () => { if (!dragged) choose(node); });
    box.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(node); } });
  }
  new ResizeObserver(() => { if (view) names(); }).observe(svg);
  window.addEventListener("beforeprint", () => look(whole()));

  svg.setAttribute("data-whole", svg.getAttribute("viewBox"));
  svg.setAttribute("role", "group");
  document.body.classList.add("live");
  look(start());
  draw();
  overview();
})();
