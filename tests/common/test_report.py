import base64
import json
import shutil
from html.parser import HTMLParser

import pytest
from conftest import refused

TAGS_WITHOUT_END = {"meta", "link", "img"}


class Page(HTMLParser):
    """What a browser would see: the names of the elements, the addresses in them, and the text."""

    def __init__(self, source):
        super().__init__()
        self.open, self.names, self.addresses, self.text = [], set(), [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "action")]
        if tag not in TAGS_WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def copied(trained, tmp_path):
    """Copies the tiny run of a task to `tmp_path/runs` as its newest run, under another name."""

    def copy(task, name):
        folder = tmp_path / "runs" / task
        run = shutil.copytree(trained(task)[1], folder / name, ignore=shutil.ignore_patterns("*.keras"))
        (folder / "latest").unlink(missing_ok=True)
        (folder / "latest").symlink_to(name)
        return run

    return copy


@pytest.fixture
def report(script, tmp_path):
    """Makes the page of `tmp_path/runs`."""

    def make():
        process = script("common/report.py", "--runs", tmp_path / "runs")
        assert process.returncode == 0, process.stderr
        return Page((tmp_path / "runs" / "report" / "index.html").read_text())

    return make


def test_the_page_holds_the_figures_and_loads_nothing(copied, report):
    run = copied("toy_sequence", "tiny")
    page = report()
    assert page.open == []  # every element is closed
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    images = {base64.b64decode(address.split(",")[1]) for address in page.addresses if "image/png" in address}
    assert images == {path.read_bytes() for path in run.glob("*.png")}
    metrics = json.loads((run / "metrics.json").read_text())
    for value in (metrics["exact_match"], *metrics["exact_match_by_test"].values()):
        assert f"{value:.4f}" in page.text
    assert "make train-sentiment" in page.text  # the other tasks are not trained


def test_what_the_files_say_is_text_not_html(copied, report):
    evil = "</blockquote><script>alert('&amp;')</script>"
    copied("chargen", "older <i>")
    run = copied("chargen", "<script>alert(1)")
    (run / "samples.json").write_text(json.dumps(["first", evil]))
    shutil.copy(run / "learning_curves.png", run / '"><script>.png')
    for name, key in (("metrics.json", "model"), ("hyperparameters.json", "cell")):
        content = json.loads((run / name).read_text())
        (run / name).write_text(json.dumps(content | {key: evil}))
    page = report()
    assert not {"script", "i"} & page.names
    text = "".join(page.text)
    assert text.count(evil) == 4  # the sample, the model in the summary and above, the hyperparameter
    assert "older <i>" in text
    assert str(run) in text


def test_earlier_runs_stand_beside_the_newest(copied, report):
    older = copied("toy_sequence", "older")
    settings = json.loads((older / "hyperparameters.json").read_text())
    (older / "hyperparameters.json").write_text(json.dumps(settings | {"hidden_size": 123}))
    copied("toy_sequence", "newest")
    text = report().text
    assert "older" in text
    assert "hidden_size: 123" in text


@pytest.mark.parametrize("name", ["metrics.json", "hyperparameters.json", "samples.json"])
@pytest.mark.parametrize("content", ["{}", '[{"', "3"])
def test_a_damaged_run_is_named_in_one_line(copied, script, tmp_path, name, content):
    run = copied("chargen", "tiny")
    (run / name).write_text(content)
    assert refused(script("common/report.py", "--runs", tmp_path / "runs"), str(run / name), "damaged")
    assert not (tmp_path / "runs" / "report").exists()
