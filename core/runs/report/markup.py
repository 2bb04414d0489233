"""The blocks of a report, and their HTML and Markdown. All text from users and models is escaped."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.runs.report.pictures import escape
from core.text.metrics import Word

NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Heading:
    """A heading of a section (level 2) or a subsection (level 3)."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `kind` is "", "lead", "fine", "warning", or for verdicts "good", "bad" or "unclear"."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header row; a row with one cell is a heading inside the table, and `head` may be empty."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Items:
    """A list."""

    rows: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """An SVG with a caption; Markdown leaves it out."""

    caption: str
    svg: str


@dataclass(frozen=True)
class Code:
    """Text to be copied verbatim."""

    text: str


@dataclass(frozen=True)
class MarkedClip:
    """One clip with its reference and the transcripts of both models.

    Attributes:
        said: label and text of the reference.
        models: name and marked words of each model.
        note: the number of errors, and a warning if there is one.
        sound: a data URI; "" if the sound is left out. Markdown has none.
        play: name of the player, for screen readers.
    """

    said: tuple[str, str]
    models: tuple[tuple[str, Sequence[Word]], ...]
    note: str
    sound: str = ""
    play: str = ""


Say = Callable[..., str]  # returns a sentence, given its key and its fields
Block = Heading | Text | Table | Items | Picture | Code | MarkedClip

STYLE = """
:root { --good: #0b6b3a; --bad: #a3261b; --muted: #55606f; --line: #d5dae3; --soft: #f4f6fb; --accent: #2457c5; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", sans-serif; color: #16202e; background: #fff;
  max-width: 860px; margin: 0 auto; padding: 20px 16px 48px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 1.3rem; margin: 36px 0 8px; border-bottom: 2px solid var(--line); padding-bottom: 4px; break-after: avoid; }
h3 { font-size: 1.05rem; margin: 20px 0 4px; break-after: avoid; }
p { margin: 6px 0; }
.lead { font-size: 1.1rem; color: var(--muted); }
.fine { font-size: 0.88rem; color: var(--muted); }
.good, .bad, .unclear, .warning { border-left: 6px solid var(--muted); background: var(--soft); padding: 10px 14px;
  margin: 10px 0; }
p.good, p.bad, p.unclear { font-size: 1.15rem; }
p.good { border-color: var(--good); }
p.bad, p.warning { border-color: var(--bad); }
table { border-collapse: collapse; width: 100%; margin: 8px 0; }
th, td { border-bottom: 1px solid var(--line); padding: 6px 8px; text-align: left; vertical-align: top; font-weight: 400; }
thead th, th[colspan] { font-weight: 650; }
td { font-weight: 600; }
table:not(.wide) th { width: 46%; overflow-wrap: break-word; }
table.wide td, table.wide thead th:not(:first-child) { text-align: right; white-space: nowrap; }
ul { margin: 6px 0; padding-left: 1.3em; columns: 2; }
pre { background: var(--soft); padding: 12px; white-space: pre-wrap; font-size: 0.85rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); gap: 20px; }
figure { margin: 12px 0; break-inside: avoid; }
figcaption { font-size: 0.9rem; font-weight: 600; margin-bottom: 6px; }
svg { width: 100%; max-width: 480px; height: auto; display: block; }
svg text { font-size: 12px; fill: #16202e; }
svg .tick { font-size: 11px; fill: #55606f; }
svg .count { font-size: 11px; }
svg .light { fill: #fff; }
svg .grid { stroke: #d5dae3; stroke-width: 1; }
svg .zero { stroke: #55606f; }
svg .marked { stroke: #0b6b3a; stroke-dasharray: 4 3; }
svg .curve { fill: none; stroke: #2457c5; stroke-width: 2; }
svg .curve.second { stroke: #8a4b08; stroke-dasharray: 6 4; }
svg .dot { fill: #2457c5; }
svg .dot.second { fill: #fff; stroke: #8a4b08; stroke-width: 2; }
svg .reach { stroke: #2457c5; stroke-width: 2; stroke-opacity: 0.5; }
svg .reach.second { stroke: #8a4b08; }
svg .band { fill: #2457c5; fill-opacity: 0.15; }
svg .link { stroke-width: 3; }
svg .bar { stroke-width: 4; }
svg .link.good, svg .bar.good { stroke: #0b6b3a; }
svg .link.bad, svg .bar.bad { stroke: #a3261b; }
svg .bar.unclear { stroke: #8a94a3; }
svg .before { fill: #fff; stroke: #55606f; stroke-width: 2; }
svg .after.good { fill: #0b6b3a; }
svg .after.bad { fill: #a3261b; }
svg .after.unclear { fill: #55606f; }
svg .cell { fill: #2457c5; stroke: #fff; }
article { border-top: 1px solid var(--line); padding: 8px 0; break-inside: avoid; }
article dl { display: grid; grid-template-columns: 5.5em 1fr; margin: 0; gap: 2px 10px; }
article dt { color: var(--muted); }
article audio { display: block; width: 100%; max-width: 360px; height: 36px; margin: 6px 0; }
article dd { margin: 0; font-size: 1.05rem; }
.word.fixed { color: var(--good); text-decoration: underline solid 2px; text-underline-offset: 3px; }
.word.broken { color: var(--bad); text-decoration: underline dotted 2px; text-underline-offset: 3px; }
.word.wrong { color: var(--bad); text-decoration: line-through; }
.word.missing { text-decoration: none; font-style: italic; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 480px) { body { font-size: 15px; } ul { columns: 1; } th, td { padding: 5px 4px; font-size: 0.9rem; } }
@page { size: A4; margin: 14mm; }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } .pictures { grid-template-columns: 1fr 1fr; }
  audio { display: none; } tr, pre, p { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

# Blocks all loading and scripts, whatever the content; the sounds are in the page itself.
POLICY = "default-src 'none'; media-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"


def percent(share: float) -> str:
    """Formats a share in percent without the sign: whole numbers, one decimal below 10, as on the page."""
    return f"{share * 100:.0f}" if abs(share) >= 0.0995 else f"{share * 100:.1f}"


def to_html(title: str, blocks: Sequence[Block], language: str, marks: dict[str, str], nothing: str) -> str:
    """Returns a self-contained HTML page.

    Args:
        title: title of the page.
        blocks: the blocks in order.
        language: language of the texts, for screen readers and hyphenation.
        marks: names of the states "fixed", "broken", "wrong" and "missing".
        nothing: text for an empty transcript.
    """
    body: list[str] = []
    for together, group in itertools.groupby(blocks, lambda block: isinstance(block, Picture)):
        parts = [_html(block, marks, nothing) for block in group]
        body += ['<div class="pictures">', *parts, "</div>"] if together else parts
    head = (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
    )
    return f"{head}<body>\n<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</body>\n</html>\n"


def to_markdown(title: str, blocks: Sequence[Block], nothing: str) -> str:
    """Returns the same page as Markdown, without pictures; missing words are in brackets."""
    parts = [f"# {_plain(title)}"]
    for block, following in itertools.pairwise([*blocks, None]):
        bare = isinstance(block, Heading) and isinstance(following, Picture)
        text = "" if bare or block is None else _markdown(block, nothing)
        if text:
            parts.append(text)
    return "\n\n".join(parts) + "\n"


def _html(block: Block, marks: dict[str, str], nothing: str) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text, kind):
            return f'<p class="{kind}">{_nice(text)}</p>' if kind else f"<p>{_nice(text)}</p>"
        case Table(head, rows):
            columns = max(len(row) for row in rows)
            top = "".join(f'<th scope="col">{_nice(cell)}</th>' for cell in head)
            lines = []
            for row in rows:
                if len(row) == 1:
                    lines.append(f'<tr><th scope="rowgroup" colspan="{columns}">{_nice(row[0])}</th></tr>')
                else:
                    cells = "".join(f"<td>{_nice(cell)}</td>" for cell in row[1:])
                    lines.append(f'<tr><th scope="row">{_nice(row[0])}</th>{cells}</tr>')
            start = f'<table class="wide"><thead><tr>{top}</tr></thead>' if head else "<table>"
            return f"{start}<tbody>{''.join(lines)}</tbody></table>"
        case Items(rows):
            return f"<ul>{''.join(f'<li>{escape(row)}</li>' for row in rows)}</ul>"
        case Picture(caption, svg):
            return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case MarkedClip(said, models, note, sound, play):
            rows = [(said[0], escape(said[1])), *((name, _marked(words, marks) or escape(nothing)) for name, words in models)]
            lines = [f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in rows]
            player = (
                f'<audio controls preload="none" aria-label="{escape(play)}" src="{escape(sound)}"></audio>' if sound else ""
            )
            return f'<article><dl>{"".join(lines)}</dl>{player}<p class="fine">{_nice(note)}</p></article>'


def _marked(words: Sequence[Word], marks: dict[str, str]) -> str:
    parts = []
    for word in words:
        if word.state == "same" and not word.missing:
            parts.append(escape(word.text))
            continue
        kind = f"{word.state} missing" if word.missing else word.state
        said = marks["missing"] if word.missing else marks[word.state]
        text = f"[{word.text}]" if word.missing else word.text
        parts.append(f'<span class="word {kind}">{escape(text)}<span class="hidden"> ({escape(said)})</span></span>')
    return " ".join(parts)


def _nice(text: str) -> str:
    return escape(text.replace(" %", f"{NO_BREAK}%"))


def _markdown(block: Block, nothing: str) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Text(text, kind):
            return f"**{_plain(text)}**" if kind in ("good", "bad", "unclear", "warning") else _plain(text)
        case Table(head, rows):
            columns = max(len(row) for row in rows)
            cells = [[_plain(cell) for cell in row] + [""] * (columns - len(row)) for row in (head, *rows)]
            return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], ["---"] * columns, *cells[1:]))
        case Items(rows):
            return "\n".join(f"- {_plain(row)}" for row in rows)
        case Picture():
            return ""
        case Code(text):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            return f"{fence}\n{text.rstrip()}\n{fence}"
        case MarkedClip(said, models, note):
            lines = [f"- {_plain(said[0])}: {_plain(said[1])}"]
            for name, words in models:
                text = " ".join(f"[{word.text}]" if word.missing else word.text for word in words) or nothing
                lines.append(f"  - {_plain(name)}: {_plain(text)}")
            return "\n".join([*lines, f"  - {_plain(note)}"])


def _plain(text: str) -> str:
    """Escapes everything that Markdown would interpret as markup, HTML or a link."""
    text = re.sub(r"([\\`*_\[\]<>|~$&#])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?i)(https?|ftp)(?=:)|\bwww(?=\.)", lambda found: f"{found[0]}\\", text)
