{
  const data = JSON.parse(document.getElementById("cases").textContent);
  const n = data.paths.length, k = data.classes.length;
  const scores = new Float32Array(Uint8Array.from(atob(data.probabilities), (c) => c.charCodeAt(0)).buffer);
  const score = (i, c) => scores[i * k + c];
  const label = (i) => score(i, data.labels[i]), confidence = (i) => score(i, data.predicted[i]);
  const at = (id) => document.getElementById(id);
  const form = at("filter"), field = form.elements, found = at("found"), more = at("more"), zoom = at("zoom");
  const page = 24; // images at a time
  let chosen = [], shown = 0, open = 0, opened = []; // opened: the list that Previous and Next go through

  const make = (name, properties, ...children) => {
    const e = Object.assign(document.createElement(name), properties);
    e.append(...children);
    return e;
  };
  const pair = (name, value) => make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }));
  // The shortest text that is the same number.
  const exact = (v) => { let d = 1; while (Math.fround(+v.toPrecision(d)) !== v) d++; return String(+v.toPrecision(d)); };
  const percent = (a, b) => b ? `${a} of ${b} (${(100 * a / b).toFixed(1)} %)` : "none";

  const picture = (i) => data.pictures?.[i] || document.querySelector(`#errors li[data-row="${i}"] img`)?.src;
  const image = (i) => make("img", { src: picture(i), alt: "Image " + data.paths[i].split("/").pop() });
  const zoomable = (content, i, list) =>
    make("button", { type: "button", className: "zoomable", onclick: () => enlarge(i, list) }, content);

  const orders = {
    hard: (a, b) => label(a) - label(b), sure: (a, b) => confidence(b) - confidence(a),
    unsure: (a, b) => confidence(a) - confidence(b), path: (a, b) => a - b,
  };

  const choose = () => {
    const tests = [];
    const equal = (name, column) => {
      if (field[name].value !== "") { const v = +field[name].value; tests.push((i) => column[i] === v); }
    };
    equal("actual", data.labels);
    equal("predicted", data.predicted);
    equal("bin", data.bins);
    data.groups?.forEach((g, j) => equal("group" + j, g.of));
    if (field.right.value) tests.push((i) => data.labels[i] === data.predicted[i] === (field.right.value === "1"));
    const words = field.text.value.trim().toLowerCase();
    if (words) tests.push((i) => data.paths[i].toLowerCase().includes(words) || data.patients?.[i].toLowerCase().includes(words));
    const all = [];
    for (let i = 0; i < n; i++) if (tests.every((t) => t(i))) all.push(i);
    const of = field.of.value === "" ? -1 : +field.of.value, least = Math.fround(+field.least.value);
    chosen = of < 0 ? all : all.filter((i) => score(i, of) >= least);
    let text = `${chosen.length} of ${n} ${data.unit}.`;
    if (of >= 0) {
      const actual = (list) => list.filter((i) => data.labels[i] === of).length;
      const hits = actual(chosen), positive = actual(all);
      text += ` At least ${exact(least)} for “${data.classes[of]}”: ${percent(hits, positive)} of the class (sensitivity), ` +
        `${percent(chosen.length - hits, all.length - positive)} of the others (false positive rate).`;
    }
    at("count").textContent = text;
    chosen.sort(orders[field.order.value]);
    found.replaceChildren();
    shown = 0;
    show();
  };

  const show = () => {
    const list = chosen;
    found.append(...list.slice(shown, shown + page).map((i) => {
      const name = make("span", { className: "path", textContent: data.paths[i] });
      return make("li", {}, zoomable(picture(i) ? image(i) : name, i, list), make("dl", {},
        pair("label", `${data.classes[data.labels[i]]} (${label(i).toFixed(3)})`),
        pair("predicted", `${data.classes[data.predicted[i]]} (${confidence(i).toFixed(3)})`),
        ...picture(i) ? [pair("file", data.paths[i])] : []));
    }));
    found.classList.toggle("plain", !data.pictures);
    shown = Math.min(shown + page, list.length);
    more.hidden = shown === list.length;
    more.textContent = `Show more: ${list.length - shown} left`;
  };

  // Shows the images of some settings of the form, with all others as at first.
  const go = (settings) => {
    form.reset();
    for (const [name, value] of Object.entries(settings)) field[name].value = value;
    choose();
    at("images").scrollIntoView();
    at("images").focus({ preventScroll: true });
  };

  const enlarge = (i, list) => {
    opened = list;
    open = list.indexOf(i);
    step(0);
    zoom.showModal();
  };
  const step = (by) => {
    open = (open + by + opened.length) % opened.length;
    const i = opened[open];
    at("zoom-title").textContent = data.paths[i];
    at("zoom-room").replaceChildren(...picture(i) ? [image(i)] : []);
    at("zoom-room").hidden = !picture(i);
    at("zoom-none").hidden = !!picture(i);
    const classes = data.classes.map((_, c) => c).sort((a, b) => score(i, b) - score(i, a));
    at("zoom-facts").replaceChildren(pair("image", `${open + 1} of ${opened.length}`),
      pair("label", data.classes[data.labels[i]]),
      ...data.patients?.[i] ? [pair("patient", data.patients[i])] : [],
      ...(data.groups || []).filter((g) => g.of[i] >= 0).map((g) => pair(g.by, g.names[g.of[i]])),
      ...classes.map((c) => pair("probability of " + data.classes[c], score(i, c).toFixed(4))));
  };
  at("zoom-before").onclick = () => step(-1);
  at("zoom-next").onclick = () => step(1);
  at("zoom-close").onclick = () => zoom.close();
  at("zoom-size").onclick = (e) =>
    e.target.setAttribute("aria-pressed", String(at("zoom-room").classList.toggle("large")));
  zoom.addEventListener("keydown", (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (by && !e.target.closest("#zoom-room.large")) step(by);
  });

  // Lays a button over a part of a plot. The box is in fractions of the figure.
  const cover = (over, box, name, go) => {
    const b = make("button", { type: "button", tabIndex: -1, title: name, onclick: go });
    b.setAttribute("aria-label", name);
    for (const [side, v] of [["left", box.X], ["top", box.Y], ["width", box.Width], ["height", box.Height]])
      b.style[side] = 100 * v + "%";
    b.at = [box.X + box.Width / 2, box.Y + box.Height / 2];
    over.append(b);
  };
  // Of all buttons of a figure Tab reaches one, and the arrows move to the next in their direction.
  const steer = (over) => {
    const all = [...over.children], to = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (all.length) all[0].tabIndex = 0;
    over.addEventListener("keydown", (e) => {
      const d = to[e.key], from = e.target.at;
      if (!d) return;
      e.preventDefault();
      let best, least = Infinity;
      for (const b of all) {
        const x = b.at[0] - from[0], y = b.at[1] - from[1], along = x * d[0] + y * d[1];
        const far = along + 4 * Math.abs(x * d[1] + y * d[0]);
        if (along > 1e-6 && far < least) [best, least] = [b, far];
      }
      if (!best) return;
      e.target.tabIndex = -1;
      best.tabIndex = 0;
      best.focus();
    });
  };
  const images = (count) => count + (count === 1 ? " image" : " images");

  // The points of the ROC curve of a class, from the highest threshold down: false positive rate, sensitivity, threshold.
  const curves = [];
  const bits = new Uint32Array(scores.buffer); // in the order of the numbers, which are not negative
  const curve = (c) => {
    if (curves[c]) return curves[c];
    const keys = new Float64Array(n), points = [];
    let positive = 0, hits = 0;
    for (let i = 0; i < n; i++) {
      const is = data.labels[i] === c;
      positive += is;
      keys[i] = 2 * bits[i * k + c] + is;
    }
    keys.sort();
    if (positive > 0 && positive < n) for (let i = n - 1; i >= 0; i--) {
      hits += keys[i] % 2;
      const value = Math.floor(keys[i] / 2);
      if (i > 0 && Math.floor(keys[i - 1] / 2) === value) continue;
      points.push([(n - i - hits) / (n - positive), hits / positive, value]);
    }
    return curves[c] = points;
  };
  const nearest = (event) => {
    if (event.detail === 0) return field.of.focus(); // by the keyboard: the form takes a threshold
    const r = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - r.left) / r.width, y = 1 - (event.clientY - r.top) / r.height;
    let best, least = Infinity;
    for (let c = k === 2 ? 1 : 0; c < k; c++) for (const p of curve(c)) {
      const d = (p[0] - x) ** 2 + (p[1] - y) ** 2;
      if (d < least) [best, least] = [[c, p[2]], d];
    }
    if (best) go({ of: best[0], least: exact(new Float32Array(Uint32Array.of(best[1]).buffer)[0]), order: "unsure" });
  };

  const counts = new Map(), inBin = new Map();
  for (let i = 0; i < n; i++) {
    const cell = data.labels[i] * k + data.predicted[i];
    counts.set(cell, (counts.get(cell) || 0) + 1);
    inBin.set(data.bins[i], (inBin.get(data.bins[i]) || 0) + 1);
  }
  for (const f of data.figures) {
    const over = make("div", { className: "over" });
    over.setAttribute("role", "group");
    over.setAttribute("aria-label", "Parts of the figure. The arrow keys move, Enter shows the images.");
    const [plot] = f.plots;
    if (f.kind === "cells") {
      const w = plot.Width / k, h = plot.Height / k;
      for (const [cell, count] of [...counts].sort((a, b) => a[0] - b[0])) {
        const actual = Math.floor(cell / k), predicted = cell % k;
        cover(over, { X: plot.X + predicted * w, Y: plot.Y + actual * h, Width: w, Height: h },
          `${data.classes[actual]}, predicted ${data.classes[predicted]}: ${images(count)}`,
          () => go({ actual, predicted }));
      }
    } else if (f.kind === "bins") {
      const name = (bin) => field.bin.querySelector(`[value="${bin}"]`).textContent;
      for (const p of f.plots) for (const [bin, count] of [...inBin].sort((a, b) => a[0] - b[0]))
        cover(over, { X: p.X + bin * p.Width / 10, Y: p.Y, Width: p.Width / 10, Height: p.Height },
          `Confidence ${name(bin)}: ${images(count)}`, () => go({ bin, order: "sure" }));
    } else cover(over, plot, "ROC curve: click a point, or choose a class and a threshold in the form", nearest);
    steer(over);
    at(f.id).querySelector(".plot").append(over);
  }

  for (const e of document.querySelectorAll("[data-zoom]"))
    e.replaceChildren(zoomable(e.textContent, +e.dataset.zoom, data.errors.map((x) => x.row)));
  const hardest = [...document.querySelectorAll("#errors li[data-row]")];
  for (const e of hardest) {
    const picture = e.querySelector("img");
    if (!picture) continue;
    const place = picture.nextSibling;
    e.insertBefore(zoomable(picture, +e.dataset.row, hardest.map((x) => +x.dataset.row)), place);
  }

  const save = at("export");
  if (save) {
    // As Fovea's own tables: a spreadsheet runs no cell, and an apostrophe that is set for that can be taken off again.
    const cell = (v) => {
      if (typeof v === "string" && /^('?[=+\-@\t\r\n＝＋－＠]|'')/.test(v)) v = "'" + v;
      return /[",\r\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v;
    };
    save.onclick = () => {
      const rows = data.errors.map((e) => {
        const actual = data.labels[e.row];
        return [data.paths[e.row], data.classes[actual], data.classes[e.class], score(e.row, actual), score(e.row, e.class), e.margin];
      });
      const text = [["image", "label", "likely_class", "label_probability", "likely_probability", "margin"], ...rows]
        .map((r) => r.map(cell).join(",") + "\n").join("");
      const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      make("a", { href: url, download: "label_errors.csv" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    };
    save.hidden = false;
  }

  form.addEventListener("input", choose);
  form.addEventListener("submit", (e) => e.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose));
  more.onclick = () => {
    const first = shown;
    show();
    found.children[first].querySelector("button").focus();
  };
  at("images").hidden = at("images-link").hidden = false;
  choose();
}
