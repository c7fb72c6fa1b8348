"""Make the notebooks of this folder from the scripts, and execute them.

    make notebooks                              # all of them, with the versions of requirements-notebooks.txt
    make notebooks ARGS="toy_sequence cells"    # some of them
    make test-colab                             # execute them all, but write nothing

A script is cut into cells at its blank lines. Its docstring becomes the first text; a comment that opens a paragraph
becomes the text above the paragraph's code. There are three differences from the script: a first cell of code fetches
the project where it is missing, as on Colab; figures are shown, not saved; and where a lesson reads its flags, the
notebook calls `main` with the defaults.

What is printed and drawn are numbers and what a model wrote, never a sentence of a corpus that may not be passed on.
"""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
NAME = REPOSITORY.rsplit("/")[-1]
SCRIPTS = {  # notebook -> script
    "chargen": "chargen/minimal.py",
    "sentiment": "sentiment/minimal.py",
    "pos_tagging": "pos_tagging/minimal.py",
    "toy_sequence": "toy_sequence/minimal.py",
    "gradients": "toy_sequence/memory/vanishing_gradient.py",
    "cells": "toy_sequence/memory/from_scratch.py",
    "binary_addition": "toy_sequence/binary_addition/numpy_bptt.py",
}

FETCH = f"""# Work in the project's folder. On Colab, fetch it first; nothing else is installed.
import logging
import os
import subprocess
import sys

if os.path.exists("../common/data.py"):  # this notebook lies in the project's folder notebooks/
    os.chdir("..")
elif not os.path.exists("common/data.py"):
    if not os.path.exists("{NAME}"):
        address = "{REPOSITORY}"
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", address], check=True)
    os.chdir("{NAME}")
sys.path.insert(0, os.getcwd())
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # without what TensorFlow logs about itself
logging.disable(logging.WARNING)"""

FLAGS = """if __name__ == "__main__":
    run_script(main, Hyperparameters)"""
HINT = "Give numbers of your own, for example `Hyperparameters(hidden_size=8)`, and run this cell again."
CALL = """from pathlib import Path

from IPython.display import Image, display

main(Hyperparameters())
for picture in sorted(Path("runs/{lesson}/latest").glob("*.png")):
    display(Image(picture))"""


def badge(notebook):
    """In Markdown, the picture that opens a notebook on Colab."""
    address = REPOSITORY.replace("https://github.com/", "https://colab.research.google.com/github/")
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({image})]({address}/blob/main/notebooks/{notebook}.ipynb)"


def cells(notebook):
    """What the script says now, as cells: a list of ("markdown" or "code", source)."""
    script = Path(SCRIPTS[notebook])
    source = (ROOT / script).read_text()
    tree = ast.parse(source)
    title, _, text = ast.get_docstring(tree).partition("\n")
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :])
    if script.name == "minimal.py":
        code = code.replace("plt.savefig(PICTURE)", "plt.show()")
        code = re.sub(r"^.*(PICTURE|switch_backend|import Path).*\n?", "", code, flags=re.M)
    made_from = f"Made from [{script}]({REPOSITORY}/blob/main/{script})."
    made = [("markdown", f"# {title}\n\n{badge(notebook)} {made_from}\n{text}"), ("code", FETCH)]
    for paragraph in re.split(r"\n\n+(?=\S)(?!import |from )", code.strip().removesuffix(FLAGS)):
        comment = re.match(r"(# .*\n)*", paragraph).group()
        if comment:
            made.append(("markdown", re.sub(r"^# ", "", comment, flags=re.M).strip()))
        made.append(("code", paragraph.removeprefix(comment).strip()))
    if FLAGS in source:
        made += [("markdown", HINT), ("code", CALL.format(lesson=script.stem))]
    return made


def execute(notebook):
    """A notebook with what its cells print and show, as nbformat's object."""
    import nbformat  # here, for the tests call `cells` without these packages
    from nbclient import NotebookClient

    empty = {"code": {"execution_count": None, "outputs": []}, "markdown": {}}
    made = [{"cell_type": kind, "metadata": {}, "source": text, **empty[kind]} for kind, text in cells(notebook)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    document = nbformat.from_dict(document)
    options = {"timeout": None, "record_timing": False, "coalesce_streams": True}
    NotebookClient(document, resources={"metadata": {"path": str(ROOT / "notebooks")}}, **options).execute()
    for cell in document.cells:
        if cell.cell_type == "code":  # keep what it prints and shows, not the log lines of TensorFlow on stderr
            wanted = "stdout", "display_data"
            cell.outputs = [output for output in cell.outputs if output.get("name", output.output_type) in wanted]
    return document


def main(names, check):
    import nbformat

    for name in names or SCRIPTS:
        print(f"{name}: {SCRIPTS[name]}", flush=True)
        executed = execute(name)
        if not check:
            nbformat.write(executed, ROOT / "notebooks" / f"{name}.ipynb")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--check"]
    if unknown := set(given) - set(SCRIPTS):
        sys.exit(f"there is no notebook {', '.join(unknown)}; there are {', '.join(SCRIPTS)}")
    main(given, "--check" in sys.argv)
