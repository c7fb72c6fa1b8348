"""What each word of a sentence contributes to the answer: by occlusion, as text and as HTML."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from common.saving import replacing


def occlusion(model, ids: np.ndarray) -> list[float]:
    """How much the logit falls when a word is replaced by the unknown word, for each word.

    Args:
        model: ids (batch, time, subwords) -> logits (batch, 1).
        ids: one sentence, as `make_encoder` gives it: (time, subwords).
    """
    without = np.repeat(ids[None], len(ids) + 1, axis=0)  # (time + 1, time, subwords); the last row stays whole
    every = np.arange(len(ids))
    without[every, every] = 0
    without[every, every, 0] = 1  # the id of the unknown word
    logits = np.concatenate([model.predict_on_batch(without[k : k + 256]) for k in range(0, len(without), 256)])[:, 0]
    return (logits[-1] - logits[:-1]).tolist()


def as_text(words: list[tuple[str, float]], colored: bool) -> str:
    """Each word with its contribution; on a terminal also green above 0, red below, bold where it is large."""
    parts = []
    for word, contribution in words:
        part = f"{word} {contribution:+.2f}"
        if colored and abs(contribution) >= 0.05:
            part = f"\033[{'1;' if abs(contribution) >= 1 else ''}{32 if contribution > 0 else 31}m{part}\033[0m"
        parts.append(part)
    return "  ".join(parts)


def as_html(answer: dict, gaps: Sequence[str] = ()) -> str:
    """A paragraph with the words of an answer shaded: blue above 0, red below, the stronger the darker.

    Args:
        gaps: what stands before the first word, between the words, and after the last; by default a space between them.
    """
    largest = max(1.0, *(abs(contribution) for _, contribution in answer["words"]))
    words = []
    for word, contribution in answer["words"]:
        color = "31, 119, 180" if contribution > 0 else "214, 39, 40"
        shade = f"rgba({color}, {0.8 * abs(contribution) / largest:.2f})"
        words.append(f'<span style="background: {shade}" title="{contribution:+.2f}">{escape(word)}</span>')
    gaps = gaps or ["", *[" "] * (len(words) - 1), ""]
    shaded = "".join(escape(gap) + word for gap, word in zip(gaps, [*words, ""], strict=True))
    return f"<p><b>{escape(answer['label'])}</b> {answer['probability']:.3f}<br>{shaded}</p>"


def write_page(paragraphs: list[str], names: list[str], path: Path) -> None:
    """Write the paragraphs of `as_html` to a page of their own, atomically. `names`: the labels, positive second."""
    negative, positive = map(escape, names)
    head = (
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>What each word contributes</title>\n'
        "<style>body { font: 16px/1.8 sans-serif; max-width: 50em; margin: 2em auto } span { padding: 2px }</style>\n"
        f"<p>Words on blue speak for <b>{positive}</b>, words on red for <b>{negative}</b>; the number shows when "
        "the pointer rests on a word.</p>\n"
    )
    with replacing(path) as temporary:
        temporary.write_text(head + "\n".join(paragraphs) + "\n</html>\n", encoding="utf-8")
