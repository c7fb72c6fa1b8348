// The character model of chargen/model.py, one character at a time: an LSTM and the n-gram logits beside it.

const logistic = (x) => 1 / (1 + Math.exp(-x));

export class Model {
  // about: model.json; bytes: weights.bin as an ArrayBuffer (build.py writes both).
  constructor(about, bytes) {
    Object.assign(this, about); // vocabulary, hidden, lengths, parts
    const part = (name, kind) => {
      const { offset, length, step } = about.parts[name];
      const stored = new kind(bytes, offset, length);
      return step ? Float32Array.from(stored, (x) => x * step) : stored;
    };
    this.inputs = part("inputs", Int32Array); // (vocabulary, 4 hidden): embedding times kernel, plus bias
    this.recurrent = part("recurrent", Int16Array); // (hidden, 4 hidden)
    this.dense = part("dense", Int16Array); // (hidden, vocabulary)
    this.bias = part("bias", Int16Array); // (vocabulary)
    this.known = part("known", BigInt64Array); // sorted keys of the n-grams that have logits of their own
    this.table = part("table", Int8Array); // (n-grams, vocabulary)
    this.forget();
  }

  // Before a text begins.
  forget() {
    this.h = new Float32Array(this.hidden);
    this.c = new Float32Array(this.hidden);
    this.last = new Array(Math.max(...this.lengths)).fill(0); // the last characters, ids counted from 1
  }

  // Read the character with this id; returns the logits (vocabulary) of the next one.
  read(id) {
    const n = this.hidden;
    const gates = this.inputs.slice(id * 4 * n, (id + 1) * 4 * n); // i, f, g, o
    for (let j = 0; j < n; j++) {
      const row = j * 4 * n;
      for (let k = 0; k < 4 * n; k++) gates[k] += this.h[j] * this.recurrent[row + k];
    }
    for (let k = 0; k < n; k++) {
      this.c[k] = logistic(gates[n + k]) * this.c[k] + logistic(gates[k]) * Math.tanh(gates[2 * n + k]);
      this.h[k] = logistic(gates[3 * n + k]) * Math.tanh(this.c[k]);
    }
    const logits = Float32Array.from(this.bias);
    const size = logits.length;
    for (let j = 0; j < n; j++) for (let v = 0; v < size; v++) logits[v] += this.h[j] * this.dense[j * size + v];
    this.last = [...this.last.slice(1), id + 1];
    for (const row of this.rows()) for (let v = 0; v < size; v++) logits[v] += this.table[row * size + v];
    return logits;
  }

  // The row of the table for the n-gram of each length that ends the text; see ngram_keys in chargen/ngram_logits.py.
  rows() {
    const base = BigInt((this.vocabulary.length + 1) | 1);
    const longest = this.last.length;
    return this.lengths.map((length, place) => {
      let key = base ** BigInt(longest) * BigInt(length);
      for (let back = 0; back < length; back++) key += base ** BigInt(back) * BigInt(this.last[longest - 1 - back]);
      const row = this.find(BigInt.asIntN(64, key));
      return row >= 0 ? row : this.known.length + place; // the row of all the n-grams that are not known
    });
  }

  // The place of a key among the sorted ones, or -1: binary search.
  find(key) {
    let low = 0;
    let high = this.known.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.known[middle] < key) low = middle + 1;
      else high = middle;
    }
    return this.known[low] === key ? low : -1;
  }
}

// Soft-max of logits divided by the temperature: probabilities (vocabulary).
export function probabilities(logits, temperature = 1) {
  const largest = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

// Draw an id. `uniform` is a random number from 0 up to 1.
export function draw(given, uniform) {
  let sum = 0;
  for (let id = 0; id < given.length; id++) {
    sum += given[id];
    if (uniform < sum) return id;
  }
  return given.length - 1;
}
