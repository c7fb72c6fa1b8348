"""The text of a file of 青空文庫 (Aozora Bunko, www.aozora.gr.jp), and Japanese text in general.

    -------------------------------------------------------
    【テキスト中に現れる記号について】                    the header, between two rules of hyphens
    （例）坊《ぼ》っちゃん
    -------------------------------------------------------
    ［＃５字下げ］一［＃「一」は中見出し］                notes of the editors
    夕方｜折戸《おりど》の蔭《かげ》に隠れて            ruby: the reading of what is before it, or from ｜ on
    底本：「ちくま日本文学全集」筑摩書房                  the colophon: which book was typed, and by whom

Each function takes a text with `\\n` line ends and returns a text. What they do not find, they leave alone.
"""

import re

HEADER = re.compile(r"^-{10,}\n【テキスト中に現れる記号について】\n.*?^-{10,}(?:\n|\Z)", re.MULTILINE | re.DOTALL)
COLOPHON = re.compile(r"^底本[：:].*", re.MULTILINE | re.DOTALL)
# A character that Shift_JIS lacks, by its place in JIS X 0213 or in Unicode: ※［＃「てへん＋劣」、第3水準1-84-77］,
# ※［＃「口＋世」、U+546D、13-上-3］. Of a note without either, the ※ stays.
NUMBER = r"([1-9]|[1-8]\d|9[0-4])"
JIS = re.compile(rf"※［＃[^［］\n]*、(?:第[34]水準)?([12])-{NUMBER}-{NUMBER}］")
UNICODE = re.compile(r"※［＃[^［］\n]*、U\+((?!D[89A-F])[0-9A-F]{4,5})[^［］\n]*］")
NOTE = re.compile(r"［＃(?:[^［］\n]|［[^［］\n]*］)*］")  # a note may quote another one, or text in such brackets
RUBY = re.compile(r"《[^《》\n]*》")
RUBY_START = re.compile(r"｜(?=[^｜《》\n]*《)")

# Punctuation and kana, kanji, full-width and half-width forms; a dash or dots may be Japanese or not.
JAPANESE = "\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff"
EITHER = "—―…‥"
JOINT = re.compile(f"\n(?:(?<=[{JAPANESE}]\n)(?=[{JAPANESE}{EITHER}])|(?<=[{EITHER}]\n)(?=[{JAPANESE}]))")


def guess_encoding(raw: bytes) -> str:
    """ "utf-8" or "cp932" (Shift_JIS as Windows writes it): what is not valid UTF-8 is in the one that has more
    hiragana, in which every Japanese sentence has some; without any, it is broken UTF-8."""
    try:
        raw.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return max(("utf-8", "cp932"), key=lambda name: len(re.findall("[ぁ-ん]", raw.decode(name, "ignore"))))


def is_aozora(text: str) -> bool:
    """Whether a text has the header or the colophon of 青空文庫: only then are 《》 and ［＃］ signs and not text."""
    return bool(HEADER.search(text) or COLOPHON.search(text))


def remove_header(text: str) -> str:
    """Drop the explanation of the signs and the two rules of hyphens around it; title and author above them stay."""
    return HEADER.sub("", text, count=1)


def remove_colophon(text: str) -> str:
    """Drop all from the line that names the printed book, 底本, to the end."""
    return COLOPHON.sub("", text)


def insert_gaiji(text: str) -> str:
    """Put the characters that the editors describe into their places: ※［＃「口＋世」、U+546D、13-上-3］ becomes 呭."""

    def from_jis(match):
        plane, row, cell = map(int, match.groups())
        code = bytes([0x8F] * (plane == 2) + [0xA0 + row, 0xA0 + cell])
        try:
            return code.decode("euc_jis_2004")
        except UnicodeDecodeError:  # there is no character in this place
            return match[0]

    return UNICODE.sub(lambda match: chr(int(match[1], 16)), JIS.sub(from_jis, text))


def remove_notes(text: str) -> str:
    """Drop the notes of the editors: ［＃５字下げ］."""
    return NOTE.sub("", text)


def remove_ruby(text: str) -> str:
    """Drop the readings, and the bars that say where the word begins: ｜折戸《おりど》 becomes 折戸."""
    return RUBY.sub("", RUBY_START.sub("", text))


def story(text: str) -> str:
    """The text without header, colophon, notes and ruby, and with its rare characters."""
    return remove_ruby(remove_notes(insert_gaiji(remove_colophon(remove_header(text)))))


def join_lines(text: str) -> str:
    """Put the lines after one another: without anything between them where both sides are Japanese, which knows no
    spaces, and with a space elsewhere."""
    return JOINT.sub("", text).replace("\n", " ")
