import warnings

import pytest

from common import plots


def pixels(text, path, **settings):
    with plots.plt.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure = plots.plt.figure(figsize=(1, 1))
        figure.text(0.1, 0.1, text)
        plots.save(figure, path)
    return plots.plt.imread(path).tobytes()


@pytest.mark.parametrize("characters", ["あい", "アイ", "坊鞄", "Ａ｜"])
def test_japanese_is_drawn_and_no_box_in_its_place(tmp_path, characters):
    """Without a font for them, all characters of a block get the same box, another one than those of other blocks."""
    font = {"font.family": ["sans-serif"]}
    first, second = (pixels(character, tmp_path / "a.png") for character in characters)
    box, same = (pixels(character, tmp_path / "b.png", **font) for character in characters)
    assert box == same
    assert len({first, second, box, pixels("", tmp_path / "c.png")}) == 4


def test_figures_in_english_look_as_ever(tmp_path):
    text = "bits per character − 1.5"
    assert pixels(text, tmp_path / "a.png") == pixels(text, tmp_path / "b.png", **{"font.family": ["sans-serif"]})
