"""Checks the report of a run, the pages of `trainer compare` and `board`, and that of `serve` in a Chromium. README.md lists the checks.

    check.py --chromium PROGRAM --trainer PROGRAM --run FOLDER --image FILE --out FOLDER

Writes a screenshot of each page, width and colour scheme to the folder, prints every fault, and exits with 1 if there
is one.
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, sync_playwright

VIEWS = [(width, scheme) for width in (1200, 390) for scheme in ("light", "dark")]

# Boxes whose content is wider than they are, without a scroll bar of their own or above them.
OVERFLOW = """() => {
  const style = (e) => getComputedStyle(e);
  const scrolls = (e) => e && (["auto", "scroll", "hidden"].includes(style(e).overflowX) || scrolls(e.parentElement));
  const name = (e) => e.tagName.toLowerCase() + (e.id && "#" + e.id) + " " + JSON.stringify(e.textContent.slice(0, 40));
  const wide = [...document.body.querySelectorAll("*")].filter((e) => !scrolls(e) && e.offsetParent &&
    (e.getBoundingClientRect().right > innerWidth + 1 ||
      style(e).display !== "inline" && e.scrollWidth > e.clientWidth + 1));
  if (document.documentElement.scrollWidth > innerWidth) wide.unshift(document.documentElement);
  return wide.map(name);
}"""


class Check:
    """A page under test, with the faults that were found on it."""

    def __init__(self, browser, name, url, out):
        self.name, self.out, self.faults = name, out, []
        self.page = browser.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda m: self.fault(f"console: {m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.fault(f"script: {e}"))
        self.page.on("request", lambda r: self.request(url, r.url))
        self.page.goto(url)

    def fault(self, text):
        self.faults.append(f"{self.name}: {text}")

    def request(self, url, target):
        own = target == url if url.startswith("file:") else target.startswith(url)
        if not own and not target.startswith(("data:", "blob:")):
            self.fault(f"a request to {target}")

    def expect(self, condition, text):
        if not condition:
            self.fault(text)

    def look(self, state):
        """Looks for violations and overflow in every view, and takes the screenshots."""
        for width, scheme in VIEWS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            view = f"{state}, {width} px, {scheme}"
            for violation in Axe().run(self.page).response["violations"]:
                where = "; ".join(" ".join(node["target"]) for node in violation["nodes"][:3])
                self.fault(f"{view}: {violation['id']}: {violation['help']}: {where}")
            for element in self.page.evaluate(OVERFLOW)[:3]:
                self.fault(f"{view}: wider than its room: {element}")
            self.page.screenshot(path=self.out / f"{self.name}-{state}-{width}-{scheme}.png", full_page=True)

    def press(self, key, until):
        """Presses a key until an element has the focus, at most 40 times."""
        for _ in range(40):
            self.page.keyboard.press(key)
            if self.page.evaluate("selector => document.activeElement.matches(selector)", until):
                return True
        self.fault(f"{key} does not reach {until}")
        return False


def check_report(check):
    check.look("whole")
    if check.press("Tab", "a.skip"):
        check.page.keyboard.press("Enter")
        check.expect(check.page.evaluate("location.hash") == "#verdict", "the skip link does not lead to the verdict")
    unreachable = check.page.evaluate(
        "[...document.querySelectorAll('.scroll, pre, .wide .paper')].filter(e => e.tabIndex < 0).length")
    check.expect(unreachable == 0, f"{unreachable} scrolling parts cannot be reached with Tab")
    check_explorer(check)


# Presses a button of a figure and returns what the page shows then, with the milliseconds until it is laid out.
CHOOSE = """([figure, place]) => {
  const button = document.querySelectorAll(`#${figure} .over button`)[place], begin = performance.now();
  button.click();
  document.body.getBoundingClientRect();
  return {took: performance.now() - begin, name: button.getAttribute("aria-label"),
    said: parseInt(document.querySelector("#count").textContent),
    listed: document.querySelectorAll("#found > li").length, more: document.querySelector("#more").hidden ? 0 :
      parseInt(document.querySelector("#more").textContent.match(/\\d+/)[0])};
}"""
# Reads the images of the page, independently of its script.
CASES = 'JSON.parse(document.querySelector("#cases").textContent)'
SLOW = 100  # milliseconds that a choice may take


def check_explorer(check):
    """Presses every cell and every bar, and compares the images with a count of its own."""
    page = check.page
    cases = page.evaluate(CASES)
    times = []
    for figure in cases["figures"]:
        if figure["kind"] == "curves":
            continue
        if figure["kind"] == "cells":
            pairs = sorted(zip(cases["labels"], cases["predicted"]))
            counts = [pairs.count(pair) for pair in sorted(set(pairs))]
        else:
            counts = [cases["bins"].count(b) for b in sorted(set(cases["bins"]))] * 2
        for place, count in list(enumerate(counts))[:100]:
            shown = page.evaluate(CHOOSE, [figure["id"], place])
            times.append(shown["took"])
            exact = count == shown["said"] == shown["listed"] + shown["more"] and f": {count} image" in shown["name"]
            check.expect(exact, f"{figure['kind']} {place}: {count} images, but the page has {shown}")
    for figure in cases["figures"]:
        if figure["kind"] == "curves":
            box = page.locator(f"#{figure['id']} .over button").bounding_box()
            page.locator(f"#{figure['id']} .over button").click(
                position={"x": box["width"] * 0.2, "y": box["height"] * 0.2})
            of, least = int(page.input_value("[name=of]")), float(page.input_value("[name=least]"))
            check.expect(page.text_content("#count").split()[0] == str(page.evaluate(
                """([of, least]) => { const d = %s, s = new DataView(Uint8Array.from(atob(d.probabilities),
                  (c) => c.charCodeAt(0)).buffer), k = d.classes.length;
                return d.paths.filter((_, i) => s.getFloat32(4 * (i * k + of), true) >= Math.fround(least)).length }"""
                % CASES, [of, least])), "the point of a ROC curve has other images")
    median = statistics.median(times)
    check.expect(median < SLOW, f"a choice takes {median:.0f} ms")  # the median: a busy machine makes some slow
    print(f"{check.name}: {len(times)} choices among {len(cases['paths'])} images took {median:.0f} ms, "
          f"{max(times):.0f} at most")
    page.locator("#filter [type=reset]").click()
    page.wait_for_timeout(50)
    check.expect(int(page.text_content("#count").split()[0]) == len(cases["paths"]), "reset does not show all images")
    # By the keyboard alone: to the matrix, along it, to the images, into one, and out of it.
    page.evaluate("document.querySelector('#figures').setAttribute('tabindex', '-1')")
    page.focus("#figures")
    if check.press("Tab", ".over button"):
        first = page.evaluate("document.activeElement.title")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        check.expect(page.evaluate("document.activeElement.title") != first, "the arrows do not move along the matrix")
        page.keyboard.press("Enter")
        check.expect(page.evaluate("document.activeElement.id") == "images", "Enter on a cell does not lead to its images")
    if check.press("Tab", "#found .zoomable"):
        page.keyboard.press("Enter")
        check.expect(page.is_visible("#zoom"), "Enter does not enlarge an image")
        check.look("enlarged")
        page.keyboard.press("Escape")
        check.expect(page.is_hidden("#zoom"), "Escape does not close the image")
    if page.locator("#export").count():
        with page.expect_download() as download:
            page.click("#export")
        lines = pathlib.Path(download.value.path()).read_text().splitlines()
        check.expect(len(lines) == 1 + len(cases["errors"]), f"{len(lines)} lines of label errors")


def check_serve(check, image):
    page = check.page
    # Long before the key is pressed: expect_file_chooser around it starts to listen too late on a busy machine.
    page.on("filechooser", lambda chooser: chooser.set_files(image))
    check.look("empty")
    if check.press("Tab", "#file"):
        page.keyboard.press("Enter")
    page.wait_for_selector("#drawn:not([hidden])[aria-busy=false]")
    check.expect(page.text_content("#predicted") == page.input_value("#class"), "the map is of another class")
    check.look("classified")
    before = page.input_value("#class")
    if check.press("Tab", "#class"):
        with page.expect_response("**/explain?class=*"):
            page.keyboard.press("ArrowDown")
        page.wait_for_selector("#drawn:not([hidden])[aria-busy=false]")
        chosen = page.input_value("#class")
        changed = chosen != before and chosen in page.get_attribute("#map", "alt")
        check.expect(changed, "another class does not change the map")


@contextlib.contextmanager
def server(trainer, model):
    """Runs `trainer serve` on a free port of this machine and yields its address."""
    process = subprocess.Popen([trainer, "serve", "-model", model, "-listen", "127.0.0.1:0"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("serving on "):
                yield line.removeprefix("serving on ").strip() + "/"
                return
        sys.exit("trainer serve ended: " + "".join(said))
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    for name in ("chromium", "trainer", "run", "image", "out"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with server(args.trainer.resolve(), args.run / "model.onnx") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=args.chromium)
        report = Check(browser, "report", (args.run / "report.html").resolve().as_uri(), args.out)
        try:
            check_report(report)
        except Error as error:
            report.fault(error.message.splitlines()[0])
        others = []
        for name, *command in (("compare", args.run, args.run, "-rounds", "20"), ("board", args.run)):
            page = (args.out / f"{name}.html").resolve()
            subprocess.run([args.trainer, name, *command, "-out", page], check=True, capture_output=True)
            others.append(Check(browser, name, page.as_uri(), args.out))
            others[-1].look("whole")
        serve = Check(browser, "serve", address, args.out)
        try:
            check_serve(serve, args.image)
        except Error as error:
            serve.fault(error.message.splitlines()[0])
        browser.close()
    faults = sum((page.faults for page in (report, *others, serve)), [])
    print("\n".join(faults) or f"the pages are as they should be; screenshots: {args.out}")
    sys.exit(1 if faults else 0)


main()
