import pytest

from common import aozora

RULE = "-" * 55 + "\n"
HEADER = f"""{RULE}【テキスト中に現れる記号について】

《》：ルビ
（例）坊《ぼ》っちゃん

｜：ルビの付く文字列の始まりを特定する記号
（例）夕方｜折戸《おりど》の

［＃］：入力者注　主に外字の説明や、傍点の位置の指定
（例）［＃５字下げ］一［＃「一」は中見出し］
{RULE}"""
COLOPHON = """底本：「手製の例文集」例の書房
　　　2001（平成13）年1月1日第1刷発行
入力：だれか
青空文庫作成ファイル：
このファイルは、例として作られました。
"""


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("親譲《おやゆず》りの無鉄砲《むてっぽう》で", "親譲りの無鉄砲で"),
        ("夕方｜折戸《おりど》の｜蔭《かげ》に", "夕方折戸の蔭に"),
        ("縦の棒｜だけなら残す", "縦の棒｜だけなら残す"),
        ("閉じない《括弧", "閉じない《括弧"),
        ("≪二重山括弧≫は本文", "≪二重山括弧≫は本文"),
    ],
)
def test_ruby_goes_and_what_it_explains_stays(marked, plain):
    assert aozora.remove_ruby(marked) == plain


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("［＃５字下げ］一［＃「一」は中見出し］", "一"),
        ("※［＃「口＋喜」、第3水準1-15-18］と鳴く", "※と鳴く"),
        ("囃《はや》した［＃「※［＃「口＋喜」］した」に傍点］から", "囃《はや》したから"),
        ("［＃「［一］」は小見出し］春", "春"),
        ("［一］春［＃閉じない", "［一］春［＃閉じない"),
    ],
)
def test_notes_of_the_editors_go_even_with_brackets_in_them(marked, plain):
    assert aozora.remove_notes(marked) == plain


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("※［＃「てへん＋劣」、第3水準1-84-77］り取る", "挘り取る"),  # U+6318, which is 扌 and 劣
        ("※［＃ローマ数字1、1-13-21］章", "Ⅰ章"),
        ("※［＃「口＋世」、U+546D、13-上-3］", "呭"),
        ("※［＃「土へん」、第4水準2-2-1］", "※［＃「土へん」、第4水準2-2-1］"),  # there is nothing in this place
        ("※［＃「土へん」、2-99-99］", "※［＃「土へん」、2-99-99］"),
        ("※［＃「半分」、U+D800］", "※［＃「半分」、U+D800］"),
        ("※［＃「読めない字」、13-上-3］と※は", "※［＃「読めない字」、13-上-3］と※は"),
        ("［＃「歩」、第3水準1-84-77］", "［＃「歩」、第3水準1-84-77］"),
    ],
)
def test_characters_that_shift_jis_lacks_come_back(marked, plain):
    assert aozora.insert_gaiji(marked) == plain


def test_header_goes_with_its_rules_and_title_author_and_text_stay():
    assert aozora.remove_header(f"題\n著者\n\n{HEADER}\n本文\n{RULE}続き\n") == f"題\n著者\n\n\n本文\n{RULE}続き\n"


def test_header_without_its_second_rule_takes_no_text_away():
    text = HEADER.removesuffix(RULE) + "本文\n"
    assert aozora.remove_header(text) == text


def test_colophon_goes_to_the_end_of_the_file():
    assert aozora.remove_colophon("これが底本：だ。\n本文\n\n" + COLOPHON) == "これが底本：だ。\n本文\n\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(HEADER + "本文", True), ("本文\n" + COLOPHON, True), ("《書名》［＃一］ of 底本：\n" + RULE, False)],
)
def test_a_text_is_from_aozora_if_it_has_header_or_colophon(text, expected):
    assert aozora.is_aozora(text) is expected


def test_story_drops_all_that_is_not_the_story():
    marked = f"題\n\n{HEADER}\n［＃３字下げ］一\n\n　親譲《おやゆず》りの無鉄砲で\n\n{COLOPHON}"
    assert aozora.story(marked).split() == ["題", "一", "親譲りの無鉄砲で"]


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ("損ばかり\nしている。\n「弱虫」", "損ばかりしている。「弱虫」"),
        ("a line\nand another", "a line and another"),
        ("英語の\nalice\nと", "英語の alice と"),
        ("そうして——\n……と云った\n—と", "そうして—— ……と云った—と"),
        ("she went—\nand—\n—came", "she went— and— —came"),
        ("人１\n２人\nｱﾘｽ\n𠮟る", "人１２人ｱﾘｽ𠮟る"),
        ("한국어\n글", "한국어 글"),
    ],
)
def test_lines_are_joined_without_a_space_only_between_japanese(lines, joined):
    assert aozora.join_lines(lines) == joined


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"plain English", "utf-8"),
        ("ぼっちゃん".encode(), "utf-8"),
        ("ぼっちゃん".encode("cp932"), "cp932"),
        ("囃した①髙".encode("cp932"), "cp932"),  # the last two are in Windows's Shift_JIS only
        ("ぼっちゃんとあかい花と".encode()[:-1], "utf-8"),  # cut within a character
        ("ぼっちゃんとあかい花と".encode("cp932")[:-1], "cp932"),
        ("un été à la mer; Müller".encode("latin-1"), "utf-8"),
        ("ぼっちゃん".encode("euc_jp"), "utf-8"),  # is told from neither; the error then says what to try
    ],
)
def test_shift_jis_and_utf8_are_told_apart(raw, encoding):
    assert aozora.guess_encoding(raw) == encoding
