"""The notebooks: made from their scripts, executed, and able to run on Colab as it is."""

import json
import logging
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
BUILD = runpy.run_path(str(FOLDER / "build.py"))
NOTEBOOKS = list(BUILD["SCRIPTS"])


def read(notebook):
    """The cells of a committed notebook."""
    return json.loads((FOLDER / f"{notebook}.ipynb").read_text())["cells"]


def code(notebook):
    return ["".join(cell["source"]) for cell in read(notebook) if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_is_not_older_than_its_script(notebook):
    committed = [(cell["cell_type"], "".join(cell["source"])) for cell in read(notebook)]
    assert committed == BUILD["cells"](notebook), f"run: make notebooks ARGS={notebook}"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_has_all_statements_of_its_script_in_their_order(notebook):
    script = (ROOT / BUILD["SCRIPTS"][notebook]).read_text().splitlines()
    lines = [line for source in code(notebook) for line in source.splitlines()]
    missing = [line for line in script if line.strip() and not line.startswith("#") and line not in lines]
    docstring = script[: script.index('"""', 1)]
    allowed = re.compile(r'.*PICTURE|plt.switch_backend|from pathlib|"""|if __name__|    run_script\(main')
    assert [line for line in missing if line not in docstring and not allowed.match(line)] == []
    places = [lines.index(line) for line in script if line in lines and script.count(line) == lines.count(line) == 1]
    assert places == sorted(places)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_shows_text_and_a_picture_no_error_and_nothing_of_the_machine_that_made_it(notebook):
    outputs = [output for cell in read(notebook) for output in cell.get("outputs", [])]
    assert {"stream", "display_data"} == {output["output_type"] for output in outputs}
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    text = "".join(line for output in outputs for line in output.get("text", []))
    assert not re.search(r"(^|\s)/\w+/|Traceback", text)


def test_the_readme_has_a_badge_for_each_notebook():
    readme = (FOLDER / "README.md").read_text()
    assert all(
        f"[{script}](../{script}) | {BUILD['badge'](notebook)}" in readme
        for notebook, script in BUILD["SCRIPTS"].items()
    )


def test_a_notebook_runs(monkeypatch, capsys):
    """The toy's, with small numbers, started in its folder as Jupyter does."""
    small = {"SEQUENCES": 150, "STEPS": 30, "SHORTEST": 10, "TEST_STEPS": 45, "LEARNING_RATE": 0.02, "EPOCHS": 6}
    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)  # all three are put back after the test
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.gca().lines)))
    names = {}
    for source in code("toy_sequence"):
        for name, value in small.items():
            source = re.sub(rf"^{name} = [\d.]+", f"{name} = {value}", source, flags=re.M)
        exec(source, names)
    plt.close("all")
    assert shown == [3]  # before, after, and the line at 0.5
    output = capsys.readouterr().out
    assert f"output on zeros after training:  {'0 1 ' * 9}0 1\n" in output
    assert "200 new sequences of 45 steps" in output


def test_the_first_cell_fetches_the_project_where_it_is_missing(tmp_path):
    """In an empty folder, as on Colab; git is told that the project's address is this folder."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git repository")
    setting = {"GIT_CONFIG_KEY_0": f"url.file://{ROOT}.insteadOf", "GIT_CONFIG_VALUE_0": BUILD["REPOSITORY"]}
    for _ in range(2):  # the second time as after a restart, when the project is there already
        done = subprocess.run(
            [sys.executable, "-c", code("chargen")[0] + "\nimport common; print(common.__file__)"],
            cwd=tmp_path,
            env={**os.environ, "GIT_CONFIG_COUNT": "1", **setting},
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == str(tmp_path / BUILD["NAME"] / "common" / "__init__.py"), done.stderr


def test_what_the_notebooks_import_does_not_need_tyro():
    """Colab has no tyro. The pictures, which a lesson's `main` imports, are imported here, too."""
    modules = {"toy_sequence.memory.pictures", "toy_sequence.binary_addition.pictures"}
    for notebook in NOTEBOOKS:
        modules |= set(re.findall(r"^from ((?:common|toy_sequence)[\w.]*) import", "\n".join(code(notebook)), re.M))
    assert {"common.data", "common.cli", "common.runs", "common.tables"} < modules
    imports = "".join(f"import {module}\n" for module in sorted(modules))
    blocked = f"import sys\nsys.modules['tyro'] = None\n{imports}"
    done = subprocess.run([sys.executable, "-c", blocked], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
