"""Words a second of pos_tagging/tag.py on a file, beside NLTK's perceptron on the same words.

    make bench-tagging        # with the newest run of pos_tagging

The text is the test part of the corpus, many times over, one sentence a line, its words separated by spaces.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common.data import load_tagged_sentences, split_sentences
from pos_tagging.baselines import train_perceptron

TIMES = 20


def main():
    sentences, _ = load_tagged_sentences()
    training, _, test = split_sentences(sentences)
    words = [[word for word, _ in sentence] for sentence in test]

    print("training NLTK's perceptron ...", flush=True)
    perceptron = train_perceptron(training)
    started = time.perf_counter()
    for sentence in words:
        perceptron.tag(sentence)
    seconds = time.perf_counter() - started
    print(f"NLTK's perceptron: {sum(map(len, words)) / seconds:,.0f} tokens a second")

    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        text.write_text("\n".join(" ".join(sentence) for sentence in words * TIMES))
        for flags in (["--tokenized"], []):
            command = [sys.executable, "pos_tagging/tag.py", "--timing", "--file", str(text), *flags]
            output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
            said = subprocess.run(command, check=True, text=True, **output).stderr
            print(f"tag.py --file {' '.join(flags) or '(which splits the words)'}: {said.strip()}", flush=True)


if __name__ == "__main__":
    main()
