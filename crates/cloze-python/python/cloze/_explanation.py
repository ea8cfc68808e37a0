"""What a model used for a label: the words of an example with their contributions."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True, repr=False)
class Explanation:
    """How much each word of an example contributes to the probability of a label: what the model used, not why.

    >>> run = cloze.Run.load(finished)
    >>> explanation = run.explain("a fine day")
    >>> explanation.label == run.predict(["a fine day"])[0]
    True
    >>> explanation.words
    ['a', 'fine', 'day']
    >>> explanation.spans
    [(0, 1), (2, 6), (7, 10)]
    >>> without = run.predict_proba(["a day"])[0][explanation.label]
    >>> abs(explanation.probability - without - explanation.contributions[1]) < 2e-6
    True

    A notebook shows the text with words in colours: green argues for the label, red against it.
    """

    label: str
    """The label whose probability is explained."""
    method: str
    """"leave-one-out" or "gradients"."""
    probability: float
    """The probability of the label for the example."""
    words: list[str]
    """The words of all texts in order."""
    contributions: list[float]
    """Of each word, positive if it argues for the label. By leaving it out: the probability minus that without the word."""
    spans: list[tuple[int, int]]
    """Of each word its first character in its text and the one after its last, so that `text[start:end]` is the word."""
    columns: list[str]
    """Of each word the column of its text."""
    texts: dict[str, str]
    """The texts by column."""
    cut: int
    """Tokens that were not read, since the texts are longer than the model reads; words there contribute 0."""
    baseline: Optional[float] = None
    """Of integrated gradients: the probability of the label where every word is masked."""
    gap: Optional[float] = None
    """Of integrated gradients: how much the sum of contributions differs from `probability - baseline`; more steps make it smaller."""

    def strongest(self, count: Optional[int] = None) -> list[tuple[str, float]]:
        """The words with their contributions, those that contribute most first, whether for or against the label."""
        order = sorted(range(len(self.words)), key=lambda word: -abs(self.contributions[word]))
        return [(self.words[word], self.contributions[word]) for word in order[:count]]

    def __repr__(self) -> str:
        shown = [f"{word} {_signed(contribution)}" for word, contribution in self.strongest(5)]
        more = ", …" if len(self.words) > len(shown) else ""
        return f"<Explanation of {self.label!r} ({self.probability:.3f}): {', '.join(shown) or 'no word'}{more}>"

    def _repr_html_(self) -> str:
        strongest = max(map(abs, self.contributions), default=0.0)
        texts = [self._coloured(column, text, strongest) for column, text in self.texts.items()]
        return (
            f"<div><p><b>{html.escape(self.label)}</b> {self.probability:.1%}</p>"
            f"<p style=\"white-space: pre-wrap\">{' · '.join(texts)}</p></div>"
        )

    def _coloured(self, column: str, text: str, strongest: float) -> str:
        shown, place = [], 0
        for of, (start, end), contribution in zip(self.columns, self.spans, self.contributions):
            if of != column:
                continue
            shown += [html.escape(text[place:start]), _marked(text[start:end], contribution, strongest)]
            place = end
        return "".join([*shown, html.escape(text[place:])])


def _marked(word: str, contribution: float, strongest: float) -> str:
    share = abs(contribution) / strongest if strongest else 0.0
    if share < 0.05 or abs(contribution) < 0.0005:
        return html.escape(word)
    # For and against differ in their lines too.
    colour, line = ("46, 130, 90", "solid") if contribution > 0 else ("196, 70, 58", "dotted")
    style = f"background: rgba({colour}, {share * 0.6:.2f}); text-decoration: underline {line}"
    return f'<span style="{style}" title="{_signed(contribution)}">{html.escape(word)}</span>'


def _signed(contribution: float) -> str:
    return f"{round(contribution, 3) + 0.0:+.3f}"


def explanations_of(texts: list[tuple[str, str]], found: str) -> list[Explanation]:
    """The explanations of an example, given as JSON."""
    return [_explanation(dict(texts), explained) for explained in json.loads(found)]


def _explanation(texts: dict[str, str], found: Any) -> Explanation:
    words = found["words"]
    return Explanation(
        label=found["label"],
        method=found["method"],
        probability=found["probability"],
        words=[word["word"] for word in words],
        contributions=[word["contribution"] for word in words],
        spans=[(word["start"], word["end"]) for word in words],
        columns=[word["column"] for word in words],
        texts=texts,
        cut=found["cut"],
        baseline=found.get("baseline"),
        gap=found.get("gap"),
    )
