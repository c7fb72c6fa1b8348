"""Each README.ja.md says the same as its README.md, and the pages for Japanese readers name files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = "", "chargen/", "sentiment/", "pos_tagging/", "toy_sequence/"
PAGES = [(f"{folder}README.md", f"{folder}README.ja.md") for folder in FOLDERS]
PAGES += [("docs/data.md", "docs/data.ja.md"), ("docs/keras3.md", "docs/keras3.ja.md")]

OTHER = {"docs/ja.md", "README.md"}  # pages that need not be named in both languages


def parts(page):
    """What a translation must keep: levels of headings, code without comments, files and figures of tables."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    rows = [re.split(r" *\| *", line)[1:-1] for line in prose.splitlines() if line.startswith("| ")]
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)],
        "commands": [line.split("#")[0].strip() for kind, code in blocks if kind == "sh" for line in code.splitlines()],
        "code": [code for kind, code in blocks if kind == "python"],
        "tables of figures": [re.findall(r"\d\.\d{3,}", code) for kind, code in blocks if not kind],
        "commands in the text": re.findall(r"`(?:make|\.venv/bin/python) [^`]*`", prose),
        "figures in the text": re.findall(r"\d+\.\d+|\de-\d+", prose),
        "scripts": [sorted(re.findall(r"`[\w/.]+`", " ".join(row))) for row in rows],
        "quotes": re.findall(r"^> .*", prose, re.MULTILINE),
        "pages": sorted({page.replace(".ja.md", ".md") for page in re.findall(r"\]\(([\w/.]+)\)", prose)} - OTHER),
    }


@pytest.mark.parametrize(("english", "japanese"), PAGES)
def test_headings_commands_and_figures_are_those_of_the_english_page(english, japanese):
    first, second = parts(english), parts(japanese)
    for name, found in first.items():
        if name.endswith("in the text"):
            assert set(found) == set(second[name]), name  # another language names them in another order
        else:
            assert found == second[name], name


@pytest.mark.parametrize("page", ["docs/ja.md", *(japanese for _, japanese in PAGES)])
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([\w/.]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_files_named_for_japanese_readers_exist():
    text = (ROOT / "docs/ja.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:chargen|sentiment|pos_tagging|toy_sequence|common)/[\w/.]*)`", text))
    assert len(named) > 25
    assert [name for name in named if not (ROOT / name).exists()] == []
