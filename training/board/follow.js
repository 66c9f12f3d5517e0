// Asks for the page again every few seconds and replaces the sections that have changed. Keeps focus and scroll.
const state = document.getElementById("live");
async function follow() {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const now of next.querySelectorAll("section")) {
      const old = document.getElementById(now.id);
      if (!old || old.innerHTML === now.innerHTML) continue;
      const focus = document.activeElement && old.contains(document.activeElement) ? document.activeElement.id : "";
      const scrolled = [...old.querySelectorAll(".scroll")].map((e) => e.scrollLeft);
      old.replaceWith(document.importNode(now, true));
      const put = document.getElementById(now.id);
      put.querySelectorAll(".scroll").forEach((e, i) => { e.scrollLeft = scrolled[i] || 0; });
      if (focus) document.getElementById(focus)?.focus();
    }
    say("This page follows the runs.");
  } catch {
    say("The board has ended or cannot be reached: this page no longer changes.");
  }
  setTimeout(follow, 3000);
}
function say(text) {
  if (state.textContent !== text) state.textContent = text;
}
setTimeout(follow, 3000);
