"use strict";

const find = (id) => document.getElementById(id);
let shown = ""; // the object URL of the image
let latest = 0; // number of the request whose answer counts

async function classify(file) {
  const mine = ++latest;
  find("status").textContent = "Classifying…";
  find("result").hidden = true;
  try {
    const response = await fetch("predict", { method: "POST", body: file });
    const answer = await response.json();
    if (mine !== latest) return;
    if (!response.ok) throw new Error(answer.error);
    show(file, answer);
  } catch (error) {
    if (mine === latest) find("status").textContent = "That did not work: " + error.message;
  }
}

function show(file, answer) {
  if (shown) URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(file);
  const image = find("image");
  image.hidden = false;
  image.src = shown;
  find("predicted").textContent = answer.predicted;
  const rows = answer.probabilities.toSorted((a, b) => b.probability - a.probability).map((p) => {
    const row = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = p.class;
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
  });
  find("rows").replaceChildren(...rows);
  find("status").textContent = "Most probable: " + answer.predicted;
  find("result").hidden = false;
}

// Browsers cannot draw every format that the server reads.
find("image").addEventListener("error", () => { find("image").hidden = true; });
find("file").addEventListener("change", (event) => {
  if (event.target.files.length) classify(event.target.files[0]);
});
find("form").addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) classify(event.dataTransfer.files[0]);
  });
}
