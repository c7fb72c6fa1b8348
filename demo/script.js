"use strict";

// The four panels of the page, which models answer in them, and trainings.

// Alice goes on

const alice = new Panel(
  "chargen",
  ({ characters }) => {
    const { prompt } = alice.question();
    if (!alice.result.hasChildNodes()) alice.result.append(element("span", "prompt", prompt.toLowerCase()));
    for (const each of characters) alice.add(element("span", "", each.character, 0.75 * each.probability), each);
    alice.say(`${alice.result.querySelectorAll(".item").length} characters`);
  },
  ({ character, probability, likeliest }) => {
    const bars = element("div", "bars");
    const rows = likeliest.some(([each]) => each === character) ? likeliest : [...likeliest, [character, probability]];
    for (const [each, share] of rows) {
      const written = each === character ? "written" : "";
      bars.append(element("span", "character " + written, visible(each)), element("span", "bar", "", share));
      bars.append(element("span", written, percent(share)));
    }
    return ["Written: ", element("b", "character", visible(character)), bars];
  },
);

alice.form.elements.stop.addEventListener("click", () => alice.stop.abort());
alice.form.elements.another.addEventListener("click", () => {
  alice.form.elements.seed.valueAsNumber += 1;
  alice.form.requestSubmit();
});
for (const range of document.querySelectorAll("input[type=range]")) {
  const show = () => (range.parentElement.querySelector(".value").textContent = range.valueAsNumber.toFixed(2));
  range.addEventListener("input", show);
  show();
}

// Positive or negative?

const sentiment = new Panel(
  "sentiment",
  ({ label, probability, words, labels }) => {
    sentiment.say(`${label}, with a probability of ${percent(probability)}`);
    const largest = Math.max(1, ...words.map(([, contribution]) => Math.abs(contribution)));
    for (const [word, contribution] of words) {
      const side = contribution > 0 ? "for" : "against";
      const item = element("span", "word " + side, "", (0.75 * Math.abs(contribution)) / largest);
      item.append(element("span", "", word), element("small", "", signed(contribution)));
      sentiment.add(item, { word, contribution, label: labels[contribution > 0 ? 1 : 0] });
    }
  },
  ({ word, contribution, label }) => {
    const says = Math.abs(contribution) < 0.05 ? "hardly matters" : `speaks for ${label}`;
    return [element("b", "", word), ` ${says}: it changes the logit by ${signed(contribution)}.`];
  },
);

// Parts of speech

const GROUPS = [ // of tags; the first that fits
  ["determiner", /^(DT|PDT|WDT|PRP\$|WP\$)$/],
  ["pronoun", /^(PRP|WP|EX)$/],
  ["noun", /^NN/],
  ["verb", /^(VB|MD)/],
  ["adjective", /^JJ/],
  ["adverb", /^(RB|WRB|RP)/],
  ["preposition or conjunction", /^(IN|TO|CC)$/],
  ["number", /^CD$/],
  ["other", /./],
];

const tags = new Panel(
  "pos_tagging",
  ({ words }) => {
    for (const [word, tag, probability] of words) {
      const [group] = GROUPS.find(([, fits]) => fits.test(tag));
      const item = element("span", `word ${group}${probability < 0.9 ? " unsure" : ""}`, "", 0.45);
      item.append(element("span", "", word), element("small", "", tag));
      tags.add(item, { word, tag, group, probability });
    }
    tags.say(`${words.length} words`);
  },
  ({ word, tag, group, probability }) => {
    const kind = group === "other" ? "" : `, ${/^a/.test(group) ? "an" : "a"} ${group},`;
    return [element("b", "", word), ` is ${tag}${kind} with a probability of ${percent(probability)}.`];
  },
);

const legend = element("p", "legend");
for (const [group] of GROUPS) legend.append(element("span", "item " + group, group, 0.45));
tags.section.insertBefore(legend, tags.model);

// 0 1 0 1 0 1

const toy = new Panel(
  "toy_sequence",
  ({ target, output }) => {
    const right = target.map((each, step) => each === Number(output[step] > 0.5));
    toy.say(`${right.filter(Boolean).length} of ${target.length} steps are right`);
    const left = 20;
    const width = Math.max(14, (toy.form.clientWidth - left) / target.length); // of a step
    const x = (step) => left + width * step;
    const y = (value) => 112 - 92 * value;
    const svg = drawn("svg", { width: x(target.length), height: 140 });
    for (const value of [0, 1]) svg.append(drawn("text", { x: 4, y: y(value) + 4 }, value));
    const corners = target.flatMap((value, step) => [[x(step), y(value)], [x(step + 1), y(value)]]);
    const points = output.map((value, step) => [x(step + 0.5), y(value)]);
    svg.append(drawn("polyline", { class: "target", points: corners.join(" ") }));
    svg.append(drawn("polyline", { class: "output", points: points.join(" ") }));
    for (const step of target.keys()) {
      if (step % 10 === 0) svg.append(drawn("text", { x: x(step + 0.5), y: 136, "text-anchor": "middle" }, step));
      const item = drawn("rect", { class: right[step] ? "" : "miss", x: x(step), y: 8, width, height: 116 });
      toy.add(item, { step, target: target[step], output: output[step] }, svg);
    }
    toy.result.append(svg);
  },
  ({ step, target, output }) => [`Step ${step}: the target is ${target}; the network says 1 with ${percent(output)}.`],
);

// Which models there are, and trainings

const PANELS = [alice, sentiment, tags, toy];

function show(panel, { ready, trained, about, command, training, lines }) {
  if (ready && panel.model.textContent !== "Model: " + about) setTimeout(() => panel.ask()); // an example
  panel.model.textContent = (ready ? "Model: " : "") + about;
  panel.form.hidden = !ready;
  panel.training ??= makeTraining(panel, command);
  panel.training.hidden = trained && ready && !training;
  panel.training.querySelector("button").disabled = training;
  const output = panel.training.querySelector("pre");
  output.hidden = !training && !lines.length;
  output.textContent = lines.join("\n") || "starting ...";
  output.scrollTop = output.scrollHeight;
}

function makeTraining(panel, command) {
  const made = document.getElementById("training").content.firstElementChild.cloneNode(true);
  made.querySelector("code").textContent = command;
  const start = () => ask("train/" + panel.task, {}, () => {}).then(watch, (error) => panel.fail(error));
  made.querySelector("button").addEventListener("click", start);
  return panel.section.appendChild(made);
}

async function watch() {
  try {
    const status = await (await fetch("/api/status")).json();
    for (const panel of PANELS) show(panel, status[panel.task]);
    if (Object.values(status).some(({ training }) => training)) setTimeout(watch, 1000);
  } catch (error) {
    for (const panel of PANELS) panel.fail(error);
  }
}

watch();
