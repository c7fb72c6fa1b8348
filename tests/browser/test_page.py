"""The page in Chromium: every panel is used, by mouse and by keyboard, with right input and with wrong input.

`make test-browser` runs these. The pictures that they leave in runs/browser are for you to look at.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=30_000)  # milliseconds; the first answers of a busy machine are slow
pytestmark = pytest.mark.browser

PICTURES = ROOT / "runs" / "browser"
SCRIPT = "<script>document.title = 'hacked'</script><img src=x onerror=\"document.title = 'hacked'\">"


def start(runs):
    """A server in a process of its own, as `make demo` starts it; returns the process and the address of the page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "demo.server", "--port", str(port), "--runs", str(runs)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "the page is at" in line:
            return process, f"http://127.0.0.1:{port}"
    raise AssertionError("the server has ended")


@pytest.fixture(scope="module")
def address(trained, tmp_path_factory):
    """The page, with the small models of the tests, and with the published one for Alice."""
    runs = tmp_path_factory.mktemp("runs")
    for task in ("sentiment", "pos_tagging", "toy_sequence"):
        (runs / task).mkdir()
        (runs / task / "latest").symlink_to(trained(task)[1])
    process, address = start(runs)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def browser():
    """The machine's own Chromium or Chrome, else the one of playwright."""
    flags = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's sandbox does not work for root
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page, opened. At the end, nothing may have gone wrong in it, nor been asked of another address."""
    page = browser.new_page()
    wrong, asked = [], []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    refusals = "Failed to load resource: the server responded with a status of 4"  # which the tests provoke
    assert [line for line in wrong if not line.startswith(refusals)] == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert page.title() == "Recurrent networks to play with"
    page.close()


def panel(page, title):
    """A panel by its title, as a screen reader finds it."""
    return page.get_by_role("region", name=title)


def characters(alice):
    return "".join(alice.locator(".result .item").all_text_contents())


def test_alice_writes_and_says_how_sure_she_was(page):
    alice = panel(page, "Alice goes on")
    expect(alice.get_by_text("Model: chargen/pretrained")).to_be_visible()
    expect(alice.get_by_text("make train-chargen")).to_be_visible()
    alice.get_by_label("Prompt").fill("The Queen ")
    alice.get_by_label("Characters").fill("120")
    alice.get_by_label("Temperature").press("ArrowRight")
    expect(alice.get_by_text("0.75")).to_be_visible()
    alice.get_by_role("button", name="Write").click()
    expect(alice.get_by_text("120 characters")).to_be_visible()
    expect(alice.locator(".result")).to_contain_text("the queen ")
    first = characters(alice)
    assert len(first) == 120

    alice.locator(".item").nth(3).hover()
    expect(alice.locator(".detail .bar")).to_have_count(5)
    assert len(alice.locator(".detail").inner_text().split("%")) == 6
    alice.get_by_role("button", name="Another").click()
    expect(alice.get_by_label("Seed")).to_have_value("2")
    expect(alice.get_by_text("120 characters")).to_be_visible()
    assert characters(alice) != first

    alice.get_by_label("Characters").fill("1000")
    alice.get_by_label("Characters").press("Enter")
    alice.get_by_role("button", name="Stop").click()
    expect(alice.get_by_role("button", name="Stop")).to_be_disabled()


def test_everything_can_be_reached_by_keyboard(page):
    alice = panel(page, "Alice goes on")
    alice.get_by_label("Prompt").focus()
    page.keyboard.press("Enter")
    expect(alice.get_by_text("400 characters")).to_be_visible()
    for _ in range(6):  # temperature, top-p, characters, seed, write, another
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # `Stop` cannot be pressed now
    expect(alice.locator(".result")).to_be_focused()
    expect(alice.locator(".item").nth(0)).to_have_class(re.compile("current"))
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(alice.locator(".item").nth(4)).to_have_class(re.compile("current"))
    page.keyboard.press("End")
    expect(alice.locator(".item").nth(399)).to_have_class(re.compile("current"))


def test_words_show_what_they_add(page):
    sentiment = panel(page, "Positive or negative?")
    sentiment.get_by_label("Sentence").fill("I love this book")
    sentiment.get_by_role("button", name="Classify").click()
    expect(sentiment.get_by_role("status")).to_contain_text("with a probability of")
    expect(sentiment.locator(".item")).to_have_count(4)
    sentiment.locator(".item").nth(1).hover()
    expect(sentiment.locator(".detail")).to_contain_text("love")


def test_words_get_tags(page):
    tags = panel(page, "Parts of speech")
    tags.get_by_label("Sentence").fill("It can't be.")
    tags.get_by_role("button", name="Tag").click()
    expect(tags.locator(".result .item > span")).to_have_text(["It", "ca", "n't", "be", "."])
    tags.locator(".result .item").nth(2).hover()
    expect(tags.locator(".detail")).to_contain_text(re.compile(r"n't is .* with a probability of [\d.]+ %"))


def test_the_toy_draws_target_and_output(page):
    toy = panel(page, "0 1 0 1 0 1")
    toy.get_by_label("Length").fill("15")
    toy.get_by_label("Initial state").fill("3")
    toy.get_by_label("Trained on").select_option("untrained")
    toy.get_by_role("button", name="Run").click()
    expect(toy.get_by_role("status")).to_contain_text("of 15 steps are right")
    assert len(toy.locator("polyline.output").get_attribute("points").split()) == 15
    toy.locator(".result").focus()
    page.keyboard.press("ArrowRight")
    expect(toy.locator(".detail")).to_contain_text("Step 1: the target is 1")  # the state is that after three steps


def test_wrong_input_is_explained_and_right_input_helps(page):
    alice, sentiment = panel(page, "Alice goes on"), panel(page, "Positive or negative?")
    alice.get_by_label("Prompt").fill("これ")
    alice.get_by_role("button", name="Write").click()
    expect(alice.get_by_role("status")).to_contain_text("does not know 'こ'")
    sentiment.get_by_label("Sentence").fill("?!")
    sentiment.get_by_role("button", name="Classify").click()
    expect(sentiment.get_by_role("status")).to_have_text(re.compile("no words"))
    alice.get_by_label("Characters").fill("5000")  # the browser refuses this by itself
    alice.get_by_role("button", name="Write").click()
    expect(alice.get_by_label("Characters")).to_be_focused()
    alice.get_by_label("Characters").fill("10")
    alice.get_by_label("Prompt").fill("alice")
    alice.get_by_role("button", name="Write").click()
    expect(alice.get_by_role("status")).to_have_text("10 characters")


def test_a_script_that_is_typed_stays_text(page):
    for title, label, button in (
        ("Parts of speech", "Sentence", "Tag"),
        ("Positive or negative?", "Sentence", "Classify"),
        ("Alice goes on", "Prompt", "Write"),
    ):
        one = panel(page, title)
        one.get_by_label(label).fill(SCRIPT)
        one.get_by_role("button", name=button).click()
        expect(one.get_by_role("status")).not_to_be_empty()
    assert page.locator("main script, main img").count() == 0
    assert "".join(panel(page, "Parts of speech").locator(".item > span").all_text_contents()).startswith("<script>")


def test_fifty_questions_at_once_are_all_answered(page):
    answers = page.evaluate(
        """() => Promise.all([...Array(50).keys()].map(async (number) => {
            const [task, question] = [
                ["chargen", {prompt: "alice ", length: 50, temperature: 0.7, top_p: 0.9, seed: 1}],
                ["sentiment", {sentence: "I love it"}],
                ["pos_tagging", {sentence: "It is good."}],
                ["toy_sequence", {training: "padded lengths", length: 50, before: 0, seed: 1}],
            ][number % 4];
            const response = await fetch("/api/" + task, {method: "POST", body: JSON.stringify(question)});
            return [task, response.status, await response.text()];
        }))"""
    )
    assert [status for _, status, _ in answers] == [200] * 50
    assert len({text for task, _, text in answers if task == "chargen"}) == 1


def test_another_page_gets_nothing(browser, address):
    other = browser.new_page()
    port = address.rpartition(":")[2]
    other.goto(address.replace("127.0.0.1", "localhost"))  # another origin, but one that is ours
    assert other.title() == "Recurrent networks to play with"
    other.goto(f"http://rebound.localhost:{port}")  # a name that points here, as in DNS rebinding
    assert other.inner_text("body").strip() == f"open {address} on this machine"
    other.close()


def test_a_task_that_is_not_trained_can_be_trained_here(browser, tmp_path):
    process, address = start(tmp_path)
    try:
        page = browser.new_page()
        page.goto(address)
        toy = panel(page, "0 1 0 1 0 1")
        expect(toy.get_by_text("Nothing is trained yet.")).to_be_visible()
        expect(toy.get_by_text("make train-toy_sequence")).to_be_visible()
        expect(toy.get_by_role("button", name="Run")).to_be_hidden()
        toy.get_by_role("button", name="Train now").click()
        expect(toy.get_by_label("Progress of the training")).to_contain_text("first training", timeout=120_000)
        save(page, "training")
        expect(toy.get_by_role("button", name="Run")).to_be_visible(timeout=300_000)
        toy.get_by_role("button", name="Run").click()
        expect(toy.get_by_role("status")).to_have_text("40 of 40 steps are right")
        page.close()
    finally:
        process.terminate()
        process.wait()


def save(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("wide", 1280), ("phone", 360)])
def test_it_fits_into_every_window(page, name, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for button in ("Write", "Classify", "Tag", "Run"):
        page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text("400 characters")).to_be_visible()
    for result in page.locator(".result").all():
        result.locator(".item").nth(2).hover()
    time.sleep(0.2)
    save(page, f"{name}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == (scheme == "dark")
