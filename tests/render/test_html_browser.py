"""The page in a real browser: what its policy lets through, what keys and buttons do, and how it looks in any width."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.render._manner import Manner
from natprobe.render.html import render
from tests.netns import browser
from tests.render import poison
from tests.render.test_html import REPORTS, judged

# What would happen if the page's policy or its escaping had a hole, and what a page would load.
WATCH = """
  window.refused = [];
  addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  addEventListener("error", (event) => refused.push(String(event.message)));
"""
LOADED = "performance.getEntriesByType('resource').map((each) => each.name)"
# What the page says once it has copied.
SAID = """new Promise((done) => {
  const look = () => said.textContent ? done(said.textContent) : setTimeout(look, 20);
  look();
})"""
HOSTILE = "\"'><script>window.owned = 1</script><img src=x onerror='window.owned = 1'><svg onload='window.owned = 1'>"
# Where two words of the picture lie upon each other, or one is cut off.
CROWDED = """(() => {
  const shown = [...document.querySelectorAll("figure text")].filter((each) => each.checkVisibility());
  const boxes = shown.map((each) => [each.textContent, each.getBoundingClientRect()]);
  const outside = boxes.filter(([, box]) => box.left < 0 || box.right > document.documentElement.clientWidth);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
  const pairs = boxes.flatMap((one, number) => boxes.slice(number + 1).map((other) => [one, other]));
  const upon = pairs.filter(([one, other]) => meet(one[1], other[1])).map(([one, other]) => [one[0], other[0]]);
  return { outside: outside.map(([text]) => text), upon, drawn: boxes.length };
})()"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Page]:
    if not shutil.which(browser.PROGRAM):
        pytest.skip(f"not installed: {browser.PROGRAM}")
    with browser.browser([]) as page:
        page.asked("Page.enable")
        page.asked("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        yield page


def shown(page: browser.Page, folder: Path, text: str, width: int = 1280, **features: str) -> None:
    """The page from a file, as people open it."""
    (path := folder / "report.html").write_text(text)
    page.asked("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    media = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    page.asked("Emulation.setEmulatedMedia", media="", features=media)
    page.visit(path.as_uri())


def pressed(page: browser.Page, key: str, *commands: str, **more: Any) -> None:
    for kind in ("keyDown", "keyUp"):
        page.asked("Input.dispatchKeyEvent", type=kind, key=key, code=key, commands=list(commands), **more)


def focused(page: browser.Page, what: str) -> str:
    return str(page.run(f"document.activeElement.{what}"))


def tab_to(page: browser.Page, selector: str) -> None:
    """By the Tab key alone."""
    for _ in range(200):
        pressed(page, "Tab", windowsVirtualKeyCode=9)
        if page.run(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"Tab never comes to {selector}")


def test_nothing_is_refused_and_nothing_is_loaded(chromium: browser.Page, tmp_path: Path) -> None:
    for name in list(REPORTS)[::3]:
        shown(chromium, tmp_path, render(judged(name)))
        assert chromium.run("refused") == []
        assert chromium.run(LOADED) == []
        assert chromium.run("document.querySelectorAll('button[hidden]').length") == 0  # the script has run
        assert chromium.run("getComputedStyle(document.body).maxWidth") == "960px"  # and the style counts


def test_what_somebody_slips_in_is_refused(chromium: browser.Page, tmp_path: Path) -> None:
    """The policy alone: this page has had its escaping broken."""
    text = render(judged("udp-blocked")).replace("<main>", f"<main>{HOSTILE}<p style='color: red'>x</p>")
    shown(chromium, tmp_path, text)
    assert chromium.run("window.owned === undefined")
    assert {"script-src-elem", "img-src", "script-src-attr", "style-src-attr"} <= set(chromium.run("refused"))


@pytest.mark.parametrize("words", [HOSTILE, *(poison.POISONS[name] for name in ("html", "attribute", "closing"))])
def test_hostile_words_are_only_read(chromium: browser.Page, tmp_path: Path, words: str) -> None:
    text = render(poison.made(words), Manner(gate=poison.gate(words)))
    shown(chromium, tmp_path, text)
    assert chromium.run("window.owned === undefined")
    assert chromium.run("refused") == []
    assert chromium.run(LOADED) == []
    assert chromium.run("document.querySelectorAll('img, iframe, object, [onerror], [onload], [style]').length") == 0
    assert chromium.run("[...document.links].every((each) => each.href.startsWith(location.href.split('#')[0]))")


def test_a_button_copies_its_lines_and_says_so(chromium: browser.Page, tmp_path: Path) -> None:
    """By keys alone, from the first to what a paste gives."""
    shown(chromium, tmp_path, render(judged("jitsi-company-docker")))
    tab_to(chromium, "button[data-copy]")
    name = focused(chromium, "dataset.copy")
    assert focused(chromium, "getAttribute('aria-label')").startswith("Copy the lines for ")
    assert chromium.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    pressed(chromium, "Enter", windowsVirtualKeyCode=13, text="\r")
    assert chromium.run(SAID) == "Copied."
    assert focused(chromium, "textContent") == "Copied."
    wanted = chromium.run(f"document.getElementById({name!r}).textContent")
    assert wanted
    assert pasted(chromium) == wanted


def test_the_whole_report_can_be_copied(chromium: browser.Page, tmp_path: Path) -> None:
    shown(chromium, tmp_path, render(judged("udp-blocked")))
    tab_to(chromium, "button[data-copy=natprobe-report]")
    pressed(chromium, "Enter", windowsVirtualKeyCode=13, text="\r")
    assert chromium.run(SAID) == "Copied."
    assert '"schema": "natprobe-report/1"' in pasted(chromium)


def pasted(page: browser.Page) -> str:
    page.run("document.body.append(document.createElement('textarea')), document.querySelector('textarea').focus()")
    pressed(page, "v", "paste")
    return str(page.run("document.querySelector('textarea').value"))


def test_what_is_folded_opens_by_key_by_link_and_for_the_printer(chromium: browser.Page, tmp_path: Path) -> None:
    shown(chromium, tmp_path, render(judged("jitsi-company-docker")))
    evidence, seen = "article details li", ".exchanges li"
    becomes(chromium, evidence, visible=False)
    tab_to(chromium, "article summary")
    pressed(chromium, "Enter", windowsVirtualKeyCode=13, text="\r")
    becomes(chromium, evidence, visible=True)
    becomes(chromium, seen, visible=False)
    tab_to(chromium, "article a")
    pressed(chromium, "Enter", windowsVirtualKeyCode=13, text="\r")
    becomes(chromium, ":target", visible=True)
    chromium.run("for (const each of document.querySelectorAll('details')) each.open = false")
    becomes(chromium, evidence, visible=False)
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    becomes(chromium, evidence, visible=True)
    becomes(chromium, seen, visible=False)  # thousands, perhaps
    chromium.run("dispatchEvent(new Event('afterprint'))")
    becomes(chromium, evidence, visible=False)
    chromium.asked("Emulation.setEmulatedMedia", media="print")  # and without the script
    becomes(chromium, evidence, visible=True)
    for each in ("button", "nav"):
        becomes(chromium, each, visible=False)


def becomes(page: browser.Page, selector: str, *, visible: bool) -> None:
    """The first of these, a moment later where the browser is busy. Raises TimeoutError."""
    state = f"document.querySelector({selector!r})?.checkVisibility() === {str(visible).lower()}"
    page.run(f"new Promise((done) => {{ const look = () => {state} ? done() : setTimeout(look, 20); look(); }})")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["proxy-relay-443", "jitsi-only-web-out-relayed", "janus-cascade"])
def test_it_fits_and_its_picture_is_readable(chromium: browser.Page, tmp_path: Path, name: str, width: int) -> None:
    shown(chromium, tmp_path, render(judged(name)), width=width)
    assert chromium.run("document.documentElement.scrollWidth") <= width
    crowded = chromium.run(CROWDED)
    assert crowded["drawn"] >= 4
    assert crowded == {"outside": [], "upon": [], "drawn": crowded["drawn"]}
    assert (
        chromium.run(
            "Math.min(...[...document.querySelectorAll('text')].map((e) => parseFloat(getComputedStyle(e).fontSize)))"
        )
        >= 11
    )


@pytest.mark.parametrize("width", [360, 820, 850])
def test_long_names_do_not_lie_upon_each_other(chromium: browser.Page, tmp_path: Path, width: int) -> None:
    text = REPORTS["proxy-relay-443"].replace("example.test", "a-department-with-a-long-name.example.test")
    saved = load(text)
    shown(chromium, tmp_path, render(diagnose(saved.target, saved.observations, saved.sources)), width=width)
    crowded = chromium.run(CROWDED)
    assert crowded == {"outside": [], "upon": [], "drawn": crowded["drawn"]}
    assert chromium.run("document.querySelector('svg .at').checkVisibility()") == (width > 832)
    assert chromium.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(chromium: browser.Page, tmp_path: Path, scheme: str) -> None:
    shown(chromium, tmp_path, render(judged("udp-blocked")), prefers_color_scheme=scheme)
    ground = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]


@pytest.mark.parametrize("width", [360, 1280])
def test_readers_of_screens_are_told_what_is_what(chromium: browser.Page, tmp_path: Path, width: int) -> None:
    """From the tree that the browser hands them."""
    shown(chromium, tmp_path, render(judged("jitsi-company-docker")), width=width)
    tree = chromium.asked("Accessibility.getFullAXTree")["nodes"]
    kept = [each for each in tree if not each["ignored"]]
    named = {(each["role"]["value"], each.get("name", {}).get("value", "")) for each in kept}
    roles = [role for role, _ in named]
    for each in ("banner", "navigation", "main", "contentinfo", "table", "rowheader", "columnheader", "cell", "status"):
        assert each in roles, each
    assert ("image", "Who can be reached, by which way, and where it breaks") in named
    assert ("region", "Findings") in named
    assert all(name for role, name in named if role in ("button", "link", "image", "region", "heading"))
