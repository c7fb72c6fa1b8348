"use strict";

// What all panels of the page share; script.js has the panels.

// Small tools. What users type and what models write goes into the page as text only, never as HTML.

const percent = (share) => (100 * share).toFixed(share < 0.1 || share > 0.99 ? 1 : 0) + " %";
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
const visible = (character) => (character === " " ? "␣" : character);

function element(tag, className, text = "", amount = 0) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  made.style.setProperty("--amount", amount.toFixed(3)); // how much of its colour it gets
  return made;
}

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

// Sends a question, and calls `take` with each answer as it comes.
async function ask(path, question, take, signal) {
  const response = await fetch("/api/" + path, { method: "POST", body: JSON.stringify(question), signal });
  if (!response.ok) throw new Error(await response.text());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) take(JSON.parse(line));
  }
}

// A panel: its form asks the server, its result is made of items, and an item that is pointed at explains itself.

class Panel {
  constructor(task, answer, describe) {
    Object.assign(this, { task, answer, describe }); // `answer` shows an answer, `describe` explains an item
    this.section = document.getElementById(task);
    this.form = this.section.querySelector("form");
    for (const name of ["message", "result", "detail"]) this[name] = this.section.querySelector("." + name);
    this.model = this.section.appendChild(element("p", "model"));
    this.about = new WeakMap(); // item -> what belongs to it
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    for (const type of ["pointerover", "click"]) {
      this.result.addEventListener(type, (event) => this.choose(event.target.closest(".item")));
    }
    this.result.addEventListener("keydown", (event) => this.move(event));
    this.result.addEventListener("focus", () => {
      if (!this.result.contains(this.current)) this.choose(this.result.querySelector(".item"));
    });
  }

  question() {
    const fields = [...this.form.elements].filter((field) => field.name && field.tagName !== "BUTTON");
    const value = (field) => (["number", "range"].includes(field.type) ? field.valueAsNumber : field.value);
    return Object.fromEntries(fields.map((field) => [field.name, value(field)]));
  }

  async ask() {
    this.stop?.abort(); // an answer that is still coming
    const stop = (this.stop = new AbortController());
    this.say("");
    this.result.replaceChildren();
    this.detail.replaceChildren();
    this.busy(true);
    try {
      await ask(this.task, this.question(), (answer) => stop.signal.aborted || this.answer(answer), stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) this.fail(error);
    }
    if (this.stop === stop) this.busy(false); // nobody has asked again
  }

  busy(busy) {
    this.section.setAttribute("aria-busy", busy);
    if (this.form.elements.stop) this.form.elements.stop.disabled = !busy;
  }

  say(text, wrong = false) {
    this.message.textContent = text;
    this.message.classList.toggle("wrong", wrong);
  }

  fail(error) {
    const lost = error instanceof TypeError; // that is how `fetch` says it
    this.say(lost ? "The server does not answer. Is `make demo` still running?" : error.message, true);
  }

  add(item, about, into = this.result) {
    item.classList.add("item");
    this.about.set(item, about);
    into.append(item);
  }

  choose(item) {
    if (!item) return;
    this.current?.classList.remove("current");
    this.current = item;
    item.classList.add("current");
    this.detail.replaceChildren(...this.describe(this.about.get(item)));
  }

  move(event) {
    const items = [...this.result.querySelectorAll(".item")];
    const at = items.indexOf(this.current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined || !items[to]) return;
    event.preventDefault();
    this.choose(items[to]);
    items[to].scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
