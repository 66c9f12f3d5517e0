"use strict";

const find = (id) => document.getElementById(id);
const urls = {}; // object URLs of the images, by the id of the element that shows them
let sent = null; // the file whose probabilities are shown
let underWay = new AbortController(); // of the newest file's requests
let drawing = new AbortController(); // of the newest map's request

const methods = {
  "relevance": "attention weighted by its gradient (Chefer and others, 2021)",
  "grad-cam": "Grad-CAM (Selvaraju and others, 2017)",
  "gradient": "size of the gradient at each pixel (Simonyan and others, 2013)",
};

// visible writes what a page does not show, such as an end of a line or a mark that turns the direction of text.
const visible = (text) => text.replace(/(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/gu, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");

async function post(path, file, signal) {
  const response = await fetch(path, { method: "POST", body: file, signal });
  if (!response.ok) {
    const text = await response.text();
    let reason = text || response.statusText;
    try { reason = JSON.parse(text).error; } catch { /* a proxy answered, not the server */ }
    throw new Error(reason);
  }
  return response;
}

async function classify(file) {
  underWay.abort();
  drawing.abort();
  underWay = new AbortController();
  const signal = underWay.signal;
  find("status").textContent = "Classifying…";
  find("result").hidden = find("explanation").hidden = true;
  try {
    const response = await post("predict", file, signal);
    const answer = await response.json();
    show(file, answer);
    if (answer.no_heat_map) find("map-status").textContent = "There is no heat map: " + answer.no_heat_map;
    else await explain();
  } catch (error) {
    if (!signal.aborted) find("status").textContent = "The image was not classified: " + error.message;
  }
}

function put(id, blob) {
  if (urls[id]) URL.revokeObjectURL(urls[id]);
  find(id).src = urls[id] = URL.createObjectURL(blob);
}

function show(file, answer) {
  sent = file;
  find("image").hidden = false;
  put("image", file);
  const decided = answer.decision ?? answer.predicted;
  find("predicted").textContent = visible(decided);
  const sorted = answer.probabilities.toSorted((a, b) => b.probability - a.probability);
  find("rows").replaceChildren(...sorted.map((p) => {
    const row = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = visible(p.class);
    const number = document.createElement("td");
    number.className = "number";
    number.textContent = (100 * p.probability).toFixed(1) + " %";
    const bar = document.createElement("td");
    bar.className = "bar";
    const meter = document.createElement("meter");
    meter.value = p.probability;
    meter.setAttribute("aria-hidden", "true");
    bar.append(meter);
    row.append(name, number, bar);
    return row;
  }));
  find("class").replaceChildren(...sorted.map((p) => new Option(visible(p.class), p.class, false, p.class === decided)));
  find("status").textContent = (answer.decision ? "Decision: " : "Most probable: ") + visible(decided);
  find("decision").textContent = answer.decision
    ? "The rule: " + visible(answer.decision_rule) + ". The most probable class is " + visible(answer.predicted) + "." : "";
  find("drawn").hidden = true;
  find("choice").hidden = "no_heat_map" in answer;
  find("result").hidden = find("explanation").hidden = false;
}

// explain draws the map of the selected class.
async function explain() {
  drawing.abort();
  drawing = new AbortController();
  const signal = drawing.signal;
  const name = find("class").value;
  find("map-status").textContent = "Drawing the heat map…";
  find("drawn").setAttribute("aria-busy", "true");
  try {
    const response = await post("explain?class=" + encodeURIComponent(name), sent, signal);
    const method = response.headers.get("Fovea-Method");
    put("map", await response.blob());
    find("map").alt = "Heat map of what the score of " + visible(name) + " depends on, over the image in grey";
    find("map-status").textContent = "Bright parts are where the score of " + visible(name) + " depends most on the image. Method: " +
      (methods[method] ?? method) + ". The map does not say why, nor that anything there is diseased. Other methods give " +
      "other maps. The grey image behind the map is the part that the model sees.";
    find("drawn").hidden = false;
  } catch (error) {
    if (signal.aborted) return;
    find("map-status").textContent = error.message;
    find("drawn").hidden = true;
  }
  find("drawn").setAttribute("aria-busy", "false");
}

// Browsers cannot draw every format that the server reads, such as TIFF.
find("image").addEventListener("error", () => { find("image").hidden = true; });
find("file").addEventListener("change", (event) => {
  if (event.target.files.length) classify(event.target.files[0]);
});
find("class").addEventListener("change", explain);
find("form").addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) classify(event.dataTransfer.files[0]);
  });
}
