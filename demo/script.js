"use strict";

// ---------------------------------------------------------------------------------------------------------------------
// Small tools. What users type and what models write goes into the page as text only, never as HTML.

const percent = (share) => (100 * share).toFixed(share < 0.1 || share > 0.99 ? 1 : 0) + " %";
const visible = (character) => (character === " " ? "␣" : character);

function element(tag, className, text, amount) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  if (amount !== undefined) made.style.setProperty("--amount", amount.toFixed(3));
  return made;
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

// Sends a question, and calls `take` with each answer as it comes.
async function ask(path, question, take, signal) {
  const options = { method: "POST", body: JSON.stringify(question), signal };
  const response = await fetch("/api/" + path, options).catch((error) => {
    throw signal?.aborted ? error : new Error("The server does not answer. Is `make demo` still running?");
  });
  if (!response.ok) throw new Error(await response.text());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    lines.forEach((line) => take(JSON.parse(line)));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// A panel: its form asks the server, its result is made of items, and each item can be pointed at.

class Panel {
  constructor(task, answer, describe) {
    this.task = task;
    this.answer = answer; // shows an answer
    this.describe = describe; // makes of what belongs to an item the elements that explain it
    this.section = document.getElementById(task);
    for (const name of ["form", "message", "result", "detail"]) {
      this[name] = this.section.querySelector(name === "form" ? name : "." + name);
    }
    this.model = this.section.appendChild(element("p", "model", ""));
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
    this.section.setAttribute("aria-busy", "true");
    try {
      await ask(this.task, this.question(), (answer) => stop.signal.aborted || this.answer(answer), stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) this.say(error.message, true);
    }
    if (this.stop !== stop) return; // somebody has asked again
    this.section.setAttribute("aria-busy", "false");
    this.stop = null;
  }

  say(text, wrong = false) {
    this.message.textContent = text;
    this.message.classList.toggle("wrong", wrong);
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

// ---------------------------------------------------------------------------------------------------------------------
// Alice

const alice = new Panel(
  "chargen",
  ({ characters }) => {
    if (!alice.result.hasChildNodes()) alice.result.append(element("span", "prompt", alice.question().prompt.toLowerCase()));
    for (const each of characters) alice.add(element("span", "", each.character, 0.75 * each.probability), each);
    alice.say(`${alice.result.querySelectorAll(".item").length} characters`);
  },
  ({ character, probability, likeliest }) => {
    const bars = element("div", "bars", "");
    const rows = likeliest.some(([each]) => each === character) ? likeliest : [...likeliest, [character, probability]];
    for (const [each, share] of rows) {
      const written = each === character ? " written" : "";
      bars.append(
        element("span", "character" + written, visible(each)),
        element("span", "bar", "", share),
        element("span", written, percent(share)),
      );
    }
    return [element("span", "", "Written: "), element("b", "character", visible(character)), bars];
  },
);

alice.form.elements.another.addEventListener("click", () => {
  alice.form.elements.seed.valueAsNumber += 1;
  alice.form.requestSubmit();
});
alice.form.elements.stop.addEventListener("click", () => alice.stop?.abort());
new MutationObserver(() => {
  alice.form.elements.stop.disabled = alice.section.getAttribute("aria-busy") !== "true";
}).observe(alice.section, { attributeFilter: ["aria-busy"] });

for (const range of document.querySelectorAll("input[type=range]")) {
  const show = () => (range.parentElement.querySelector("output").value = range.valueAsNumber.toFixed(2));
  range.addEventListener("input", show);
  show();
}

// ---------------------------------------------------------------------------------------------------------------------
// Sentiment

const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

const sentiment = new Panel(
  "sentiment",
  ({ label, probability, words, labels }) => {
    sentiment.say(`${label}, with a probability of ${percent(probability)}`);
    const largest = Math.max(1, ...words.map(([, contribution]) => Math.abs(contribution)));
    for (const [word, contribution] of words) {
      const side = contribution > 0 ? "word for" : "word against";
      const item = element("span", side, "", (0.75 * Math.abs(contribution)) / largest);
      item.append(element("span", "", word), element("small", "", signed(contribution)));
      sentiment.add(item, { word, contribution, labels });
    }
  },
  ({ word, contribution, labels }) => {
    const side = labels[contribution > 0 ? 1 : 0];
    const strength = Math.abs(contribution) < 0.05 ? "says nothing either way" : `speaks for ${side}`;
    return [element("b", "", word), ` ${strength}: without it the logit would be ${Math.abs(contribution).toFixed(2)} `,
      contribution > 0 ? "lower." : "higher."];
  },
);

// ---------------------------------------------------------------------------------------------------------------------
// Tags

const GROUPS = [ // the first that fits
  ["determiner", /^(DT|PDT|WDT|PRP\$|WP\$)$/, "determiners"],
  ["pronoun", /^(PRP|WP|EX)$/, "pronouns"],
  ["noun", /^NN/, "nouns"],
  ["verb", /^(VB|MD)/, "verbs"],
  ["adjective", /^JJ/, "adjectives"],
  ["adverb", /^(RB|WRB|RP)/, "adverbs"],
  ["preposition", /^(IN|TO|CC)$/, "prepositions, conjunctions"],
  ["number", /^CD$/, "numbers"],
  ["other", /./, "punctuation and others"],
];

const tags = new Panel(
  "pos_tagging",
  ({ words }) => {
    for (const [word, tag, probability] of words) {
      const group = GROUPS.find(([, fits]) => fits.test(tag))[0];
      const item = element("span", `word ${group}${probability < 0.9 ? " unsure" : ""}`, "", 0.45);
      item.append(element("span", "", word), element("small", "", tag));
      tags.add(item, { word, tag, probability });
    }
  },
  ({ word, tag, probability }) => [element("b", "", word), ` is ${tag} with a probability of ${percent(probability)}.`],
);

const legend = element("p", "legend", "");
for (const [group, , name] of GROUPS) legend.append(element("span", `item ${group}`, name));
tags.section.insertBefore(legend, tags.model);

// ---------------------------------------------------------------------------------------------------------------------
// The toy

const toy = new Panel(
  "toy_sequence",
  ({ target, output }) => {
    const right = target.filter((each, step) => (output[step] > 0.5 ? 1 : 0) === each).length;
    toy.say(`${right} of ${target.length} steps are right`);
    const width = Math.max(12, 700 / target.length);
    const [top, bottom, left] = [14, 106, 26];
    const y = (value) => bottom - value * (bottom - top);
    const svg = drawn("svg", { viewBox: `0 0 ${left + width * target.length} 130`, preserveAspectRatio: "none" });
    svg.style.width = `${left + width * target.length}px`;
    const line = (values, at) => values.map((value, step) => at(left + width * step, y(value))).join(" ");
    const steps = drawn("polyline", { class: "target", points: line(target, (x, at) => `${x},${at} ${x + width},${at}`) });
    const curve = drawn("polyline", { class: "output", points: line(output, (x, at) => `${x + width / 2},${at}`) });
    svg.append(drawn("text", { x: 4, y: y(1) + 4 }, "1"), drawn("text", { x: 4, y: y(0) + 4 }, "0"), steps, curve);
    target.forEach((each, step) => {
      if (step % 10 === 0) svg.append(drawn("text", { x: left + width * step, y: 126 }, step));
      const wrong = (output[step] > 0.5 ? 1 : 0) === each ? "" : "miss";
      const item = drawn("rect", { class: wrong, x: left + width * step, y: 4, width, height: 108 });
      toy.add(item, { step, target: each, output: output[step] }, svg);
    });
    toy.result.append(svg);
  },
  ({ step, target, output }) => [`Step ${step}: the target is ${target}; the network says 1 with ${percent(output)}.`],
);

// ---------------------------------------------------------------------------------------------------------------------
// Which models there are, and trainings

function show(panel, { ready, trained, about, command, training, lines }) {
  panel.model.textContent = ready ? `Model: ${about}` : about;
  panel.form.classList.toggle("unready", !ready);
  if (trained && ready && !training) return panel.training?.replaceChildren();
  if (!panel.training?.hasChildNodes()) {
    panel.training?.remove();
    panel.training = document.getElementById("training").content.firstElementChild.cloneNode(true);
    panel.training.querySelector("code").textContent = command;
    panel.training.querySelector("button").addEventListener("click", () =>
      ask("train/" + panel.task, {}, () => {}).then(watch, (error) => panel.say(error.message, true)));
    panel.section.append(panel.training);
  }
  panel.training.querySelector("button").disabled = training;
  const output = panel.training.querySelector("pre");
  output.hidden = !training && !lines.length;
  output.textContent = lines.join("\n") || "starting ...";
}

async function watch() {
  const response = await fetch("/api/status").catch(() => null);
  if (!response?.ok) return [alice, sentiment, tags, toy].forEach((panel) => panel.say("The server does not answer.", true));
  const status = await response.json();
  for (const panel of [alice, sentiment, tags, toy]) show(panel, status[panel.task]);
  if (Object.values(status).some(({ training }) => training)) setTimeout(watch, 1000);
}

watch();
