// The page: reads the prompt, lets the model write, shades the characters and colours the hidden units.

import { Model, draw, probabilities } from "./model.js";

const LENGTH = 600; // characters written at a press of the button
const COLUMNS = 24; // cells in a row of the picture of the hidden units
const at = (id) => document.getElementById(id);

let model, ids, running = false;

async function load() {
  try {
    const about = await (await fetch("model.json")).json();
    model = new Model(about, await (await fetch("weights.bin")).arrayBuffer());
  } catch {
    at("status").textContent = "The model cannot be loaded. Open the page from a file server, not as a file.";
    return;
  }
  ids = new Map(model.vocabulary.map((character, id) => [character, id]));
  at("status").textContent = `${model.hidden} units, ${model.known.length.toLocaleString("en")} n-grams; ready`;
  at("write").disabled = false;
  colour();
}

// Add a character to the text. `given`: the probabilities of all characters at this place; none in the prompt.
function show(id, given) {
  const span = document.createElement("span");
  span.textContent = model.vocabulary[id];
  if (given) {
    span.style.setProperty("--share", (0.55 * given[id]).toFixed(2));
    const best = given.map((share, other) => [share, other]).sort((a, b) => b[0] - a[0]).slice(0, 5);
    const choices = best.map(([share, other]) => `${JSON.stringify(model.vocabulary[other])} ${(100 * share).toFixed(0)} %`);
    span.dataset.choices = choices.join("   ");
  }
  at("text").append(span);
}

// Draw h as coloured cells.
function colour() {
  const canvas = at("cells");
  const context = canvas.getContext("2d");
  const side = canvas.width / COLUMNS;
  canvas.height = side * Math.ceil(model.hidden / COLUMNS);
  model.h.forEach((value, unit) => {
    const strength = Math.min(1, Math.abs(value) * 1.5);
    context.fillStyle = `rgb(${value > 0 ? "230 120 30" : "40 110 200"} / ${strength})`;
    context.fillRect((unit % COLUMNS) * side, Math.floor(unit / COLUMNS) * side, side - 1, side - 1);
  });
}

const nextFrame = () => new Promise(requestAnimationFrame);

async function write(event) {
  event.preventDefault();
  const prompt = at("prompt").value.toLowerCase();
  const unknown = [...prompt].find((character) => !ids.has(character));
  if (!prompt || unknown) {
    const what = unknown ? `The model does not know ${JSON.stringify(unknown)}; it knows` : "Give at least one of the characters";
    at("status").textContent = `${what} ${model.vocabulary.join("")}`;
    return;
  }
  running = true;
  at("write").disabled = true;
  at("stop").disabled = false;
  at("text").replaceChildren();
  model.forget();
  let logits;
  for (const character of prompt) {
    logits = model.read(ids.get(character));
    show(ids.get(character));
    colour();
    await nextFrame();
  }
  let spent = 0;
  let written = 0;
  while (running && written < LENGTH) {
    const temperature = Number(at("temperature").value);
    const id = draw(probabilities(logits, temperature), Math.random());
    show(id, probabilities(logits));
    const before = performance.now();
    logits = model.read(id);
    spent += performance.now() - before;
    written += 1;
    at("status").textContent = `${written} characters; ${(spent / written).toFixed(1)} ms each`;
    colour();
    await nextFrame();
  }
  running = false;
  at("write").disabled = false;
  at("stop").disabled = true;
}

at("form").addEventListener("submit", write);
at("stop").addEventListener("click", () => (running = false));
at("temperature").addEventListener("input", (event) => (at("shown-temperature").value = event.target.value));
at("text").addEventListener("pointerover", (event) => (at("choices").textContent = event.target.dataset.choices ?? at("choices").textContent));
load();
