"""What every page has in common: its style and its script, the same bytes for each report, so that the policy in the
page can name them by their digests.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

# The colours of each have at least 4.5:1 against the grounds they stand on (WCAG 2.2, 1.4.3), lines 3:1 (1.4.11).
LIGHT = {
    "ground": "#ffffff",
    "raised": "#f3f5f7",
    "words": "#1b2026",
    "dim": "#565f69",
    "line": "#7d8792",
    "focus": "#0b57d0",
    "good": "#0b6b32",
    "fair": "#8a4b00",
    "bad": "#b3201a",
    "open": "#6b3fb5",
}
DARK = {
    "ground": "#14171b",
    "raised": "#1f242a",
    "words": "#e8ebee",
    "dim": "#a9b2bc",
    "line": "#808b96",
    "focus": "#8ab4ff",
    "good": "#5fd08c",
    "fair": "#f0b455",
    "bad": "#ff8d85",
    "open": "#c6a4ff",
}


def _colours(of: dict[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in of.items())


STYLE = f"""
:root {{ color-scheme: light dark; {_colours(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_colours(DARK)} }} }}
* {{ box-sizing: border-box; }}
html {{ -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }}
body {{ margin: 0 auto; max-width: 60rem; padding: 1.25rem 1rem 3rem; background: var(--ground); color: var(--words);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei",
    "Noto Sans CJK SC", sans-serif; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.5rem; line-height: 1.3; margin: 0.25rem 0 0.75rem; }}
h2 {{ font-size: 1.2rem; line-height: 1.3; margin: 2.25rem 0 0.75rem; }}
h3 {{ font-size: 1rem; margin: 1.25rem 0 0.5rem; }}
p, ul, ol, pre, figure, table {{ margin: 0.5rem 0; }}
ul, ol {{ padding-left: 1.25rem; }}
a {{ color: inherit; }}
code, pre {{ font: 0.875rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
pre {{ background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: 0.5rem 0.75rem;
  overflow-x: auto; overflow-wrap: normal; }}
:focus-visible {{ outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }}
nav ul {{ display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; padding: 0; }}
.dim, figcaption {{ color: var(--dim); }}
.mark {{ font-weight: 600; }}
.good, .open {{ color: var(--good); }}
.degraded, .warning {{ color: var(--fair); }}
.broken, .blocked, .error {{ color: var(--bad); }}
.unknown {{ color: var(--open); }}
.note, .not-offered, .none {{ color: var(--dim); }}
.stamp {{ display: inline-block; border: 2px solid; border-radius: 4px; padding: 0 0.5rem; font-weight: 700; }}
article, .advice > li {{ border-left: 4px solid var(--line); padding: 0.1rem 0 0.1rem 0.9rem; margin: 1rem 0; }}
.advice {{ list-style: none; padding: 0; }}
article.edge-error {{ border-color: var(--bad); }}
article.edge-warning {{ border-color: var(--fair); }}
article h3 {{ margin: 0; }}
summary {{ cursor: pointer; padding: 0.15rem 0; }}
.lines {{ display: flex; gap: 0.5rem; align-items: flex-start; flex-wrap: wrap; }}
.lines pre {{ flex: 1 1 18rem; min-width: 0; margin: 0.25rem 0; }}
.lines button {{ margin-top: 0.35rem; }}
button {{ font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 4px;
  padding: 0.2rem 0.75rem; min-height: 2rem; cursor: pointer; }}
.exchanges {{ padding: 0; list-style: none; font-size: 0.875rem; }}
.exchanges li {{ padding: 0.1rem 0; }}
.hidden {{ position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }}
table {{ border-collapse: collapse; width: 100%; }}
caption {{ text-align: left; color: var(--dim); padding-bottom: 0.25rem; }}
th, td {{ text-align: left; vertical-align: top; padding: 0.4rem 1rem 0.4rem 0; border-top: 1px solid var(--line); }}
td ol {{ margin: 0; }}
td p {{ margin: 0 0 0.2rem; }}
.state {{ white-space: nowrap; }}
.route {{ min-width: 16rem; }}
th[scope="row"] {{ font-weight: 400; min-width: 10rem; }}
h3 .dim {{ font-weight: 400; }}
figure svg {{ display: block; overflow: visible; }}
figure {{ margin: 0.5rem 0.75rem 1rem; }}
svg text {{ font-size: 12px; fill: currentColor; }}
svg .name {{ font-size: 13px; font-weight: 600; }}
svg .at {{ font-size: 11px; fill: var(--dim); }}
svg line, svg path, svg circle {{ stroke: currentColor; stroke-width: 2; fill: none; }}
svg circle.here {{ fill: currentColor; }}
svg circle.stop, svg circle.sign {{ fill: var(--ground); }}
svg .words {{ color: var(--words); }}
svg .unknown line {{ stroke-dasharray: 6 4; }}
svg .none line {{ stroke-dasharray: 1 5; }}
@media (max-width: 52rem) {{ svg .at {{ display: none; }} }}
@media (max-width: 40rem) {{
  table, caption, tbody, tr, th, td {{ display: block; }}
  td:empty {{ display: none; }}
  thead {{ position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }}
  tbody th {{ padding-bottom: 0; }}
  td {{ border-top: 0; padding: 0.1rem 0; }}
}}
@media print {{
  :root {{ color-scheme: light; {_colours(LIGHT)} }}
  body {{ max-width: none; padding: 0; font-size: 10pt; }}
  nav, button, .hidden {{ display: none; }}
  details:not(.long)::details-content {{ content-visibility: visible; display: block; height: auto; }}
  pre {{ white-space: pre-wrap; }}
  h2, h3, summary {{ break-after: avoid; }}
  svg, pre, tr {{ break-inside: avoid; }}
}}
"""

# Copies what a button names, and says so; unfolds what is folded for the printer. Without it the page is complete.
SCRIPT = """
"use strict";
(() => {
  const said = document.getElementById("said");
  const byHand = (text) => {
    const field = document.createElement("textarea");
    field.className = "hidden";
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  };
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return byHand(text);
    }
  };
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const name = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copied(document.getElementById(button.dataset.copy).textContent);
      button.focus();
      said.textContent = button.textContent = done ? said.dataset.done : said.dataset.failed;
      setTimeout(() => { said.textContent = ""; button.textContent = name; }, 3000);
    });
  }
  const unfolded = [];
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open], .long)")) {
      each.open = true;
      unfolded.push(each);
    }
  });
  addEventListener("afterprint", () => {
    for (const each of unfolded.splice(0)) each.open = false;
  });
})();
"""


def policy() -> str:
    """Nothing is loaded from anywhere, and nothing runs but these (Content Security Policy, level 3)."""
    rules = {
        "default-src": "'none'",
        "script-src": _digest(SCRIPT),
        "style-src": _digest(STYLE),
        "img-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
