"""One page about the newest run of each task, beside the earlier ones: runs/report/index.html.

    python -m common.report
    python -m common.report --runs runs/quick --output quick.html

The page is a single file, with its pictures in it: nothing is loaded from elsewhere, and no script runs.
"""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from string import Template

from common import InputError
from common.cli import Flags, run_script
from common.compare_runs import NOT_COMPARED, differences, find_runs, numbers, row, started
from common.runs import open_run
from common.saving import read_json, replacing
from common.tables import HEADER, TASKS, summary


@dataclass(frozen=True)
class Options(Flags):
    runs: Path = Path("runs")  # folder in which the run folders lie
    output: Path | None = None  # file to write; by default report/index.html in the folder of the runs


class Html(str):
    """Text that is HTML already. Any other text is escaped before it comes into the page."""


def fill(template: str, **values: object) -> Html:
    """Put values where `$name` stands in a template; all are escaped but those that are `Html`."""
    safe = {name: value if isinstance(value, Html) else html.escape(str(value)) for name, value in values.items()}
    return Html(Template(template).substitute(safe))


def joined(parts) -> Html:
    """Pieces of HTML, one after another."""
    return Html("\n".join(parts))


def table(header, rows) -> Html:
    """A table that can be scrolled sideways where the screen is narrow; floats get four decimals."""

    def line(tag, cells):
        texts = [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in cells]
        return fill("<tr>$cells</tr>", cells=joined(fill(f"<{tag}>$text</{tag}>", text=text) for text in texts))

    body = joined(line("td", cells) for cells in rows)
    return fill('<div class="table"><table>$header$body</table></div>', header=line("th", header), body=body)


def pictures(run: Path) -> Html:
    """All figures of a run, inside the page."""
    image = '<img src="data:image/png;base64,$data" alt="$name" tabindex="0">'
    figure = Html(f"<figure>{image}<figcaption>$name</figcaption></figure>")
    encoded = {path.stem.replace("_", " "): base64.b64encode(path.read_bytes()) for path in sorted(run.glob("*.png"))}
    return joined(fill(figure, name=name, data=data.decode()) for name, data in encoded.items())


def samples(run: Path) -> Html:
    """What the model wrote after its first epoch, in the middle of the training and at its end; empty if it does not
    write."""
    path = run / "samples.json"
    if not path.exists():
        return Html()
    texts = read_json(path)
    if not isinstance(texts, list) or not texts:
        raise InputError(f"{path} is damaged: it must be a list of texts; train again")
    epochs = sorted({1, (len(texts) + 1) // 2, len(texts)})
    quote = '<p class="soft">After epoch $epoch, to a prompt that ends at |</p><blockquote>$text</blockquote>'
    quotes = joined(fill(quote, epoch=epoch, text=texts[epoch - 1]) for epoch in epochs)
    return fill("<h3>What it wrote</h3>$quotes", quotes=quotes)


def earlier_runs(newest: Path, others: list[Path]) -> Html:
    """A table of the earlier runs of a task, the last one first, with what differs from the newest."""
    if not others:
        return Html('<p class="soft">There is no other run of this task.</p>')
    rows = []
    for run in reversed(others):
        where = row(run)[1:]
        changed = ""
        if (run / "metrics.json").exists():
            found = differences([open_run(newest), open_run(run)])
            changed = ", ".join(f"{name}: {value}" for name, _, value in found) or "nothing"
        rows.append((*where, changed))
    return table(("run", "started", *HEADER[1:], "different from the newest"), rows)


SECTION = """
<section>
<h2 id="$task">$task</h2>
<p class="headline"><b>$value</b> $metric; $baseline</p>
<p class="soft">$model on $corpus, trained for $seconds s, started $when</p>
<p class="soft">Split: $split. Run folder: <code>$run</code></p>
<h3>Other runs</h3>
$others
$samples
<h3>Figures</h3>
$pictures
<div class="columns">
<div><h3>All metrics</h3>$metrics</div>
<div><h3>Hyperparameters</h3><details open><summary>all $count</summary>$hyperparameters</details></div>
</div>
</section>
"""


def section(newest: Path, others: list[Path]) -> Html:
    """What the page says about a task.

    Args:
        newest: the run that is shown.
        others: the earlier ones, which stand in a table.
    """
    hyperparameters, metrics = open_run(newest)
    task, model, corpus, metric, value, baseline, seconds = summary(newest)
    shown = {name: str(setting) for name, setting in hyperparameters.items() if name not in NOT_COMPARED}
    return fill(
        SECTION,
        task=task,
        value=f"{value:.4f}",
        metric=metric,
        baseline=f"baseline {baseline}",
        model=model,
        corpus=corpus,
        seconds=seconds,
        when=started(newest),
        split=metrics.get("split", ""),
        run=newest,
        samples=samples(newest),
        pictures=pictures(newest),
        metrics=table(("metric", "value"), numbers(metrics).items()),
        count=len(shown),
        hyperparameters=table(("hyperparameter", "value"), shown.items()),
        others=earlier_runs(newest, others),
    )


def page(runs: Path) -> Html:
    """The whole page about the run folders in a folder.

    Raises:
        InputError: a run is damaged; the message says which file.
    """
    sections, rows = [], []
    for task in TASKS:
        latest = runs / task / "latest"
        if not (latest / "metrics.json").exists():
            hint = "<section><h2>$task</h2><p>Not trained yet: <code>make train-$task</code></p></section>"
            sections.append(fill(hint, task=task))
            continue
        newest = latest.parent / latest.resolve().name
        rows.append((fill('<a href="#$task">$task</a>', task=task), *summary(newest)[1:]))
        sections.append(section(newest, [run for run in find_runs(runs) if run.parent.name == task and run != newest]))
    template = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    return fill(template, summary=table(HEADER, rows), tasks=joined(sections), runs=runs)


def main(options: Options) -> None:
    output = options.output or options.runs / "report" / "index.html"
    text = page(options.runs)
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{output} ({len(text) / 1e6:.1f} MB); open it in a browser")


if __name__ == "__main__":
    run_script(main, Options)
