"""Write a trained model into files that run without this project.

    python pos_tagging/export.py                       # the newest run, as a SavedModel
    python pos_tagging/export.py --format onnx         # for ONNX Runtime, also in a browser
    python pos_tagging/export.py --format litert       # for phones and the like

They lie in the run's folder, in `export/<format>/`, with a README.txt that holds the texts below. serving.py has what
is exported.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run

NOTES = """\
Input    sentence       strings (batch,), their words and punctuation marks separated by white space
Outputs  tags           strings (batch, time), empty after the last word
         probabilities  floats (batch, time), those of the tags; 0 after the last word"""

EXAMPLE = """\
sentences = ["The dog barks .", "I ca n't hear the bark of the dog ."]
answers = model.signatures["serving_default"](sentence=tf.constant(sentences))
for sentence, tags in zip(sentences, answers["tags"].numpy()):
    print(" ".join(f"{word}/{tag.decode()}" for word, tag in zip(sentence.split(), tags)))
"""

NETWORK_NOTES = """\
Input    ids            integers (batch, time, features): of each word, what the example's `encode` gives; zeros after
                        the last word
Output   probabilities  floats (batch, time, tags)"""

NETWORK_EXAMPLE = """\
numbers = {name: {token: id for id, token in enumerate(all)} for name, all in about["vocabularies"].items()}
def encode(word):
    lower, letters = word.lower(), word if len(word) <= 16 else word[:8] + word[-8:]
    kinds = ["X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word]
    shape = re.sub(r"(.)\\1+", r"\\1", "".join(kinds))
    seen = [lower, *(lower[-n:] for n in (1, 2, 3, 4)), *(lower[:n] for n in (1, 2, 3)), shape]
    names = [name for name in numbers if name not in ("letters", "tags", "tokenizer")]
    row = [numbers[name].get(value, 1) for name, value in zip(names, seen)]
    return row + [numbers["letters"].get(c, 1) for c in letters if "letters" in numbers]
words = "The dog barks .".split()
ids = np.zeros((1, 64, about["inputs"]["ids"][0][2]), "int32")
for place, word in enumerate(words):
    row = encode(word)
    ids[0, place, : len(row)] = row
best = network(ids=ids)["probabilities"][0].argmax(axis=-1)
print(" ".join(f"{word}/{about['vocabularies']['tags'][tag]}" for word, tag in zip(words, best)))
"""


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/pos_tagging/latest")  # run folder of the model
    format: Literal["saved-model", "onnx", "litert"] = "saved-model"  # what to write; the last two need more packages


def main(options: Options) -> None:
    open_run(options.run)
    start_tensorflow(gpu=False)
    from common.export import export
    from pos_tagging.serving import make_exportable

    texts = (NOTES, EXAMPLE) if options.format == "saved-model" else (NETWORK_NOTES, NETWORK_EXAMPLE)
    print(f"exported to {export(options.run, options.format, make_exportable(options.run), *texts)}")


if __name__ == "__main__":
    run_script(main, Options)
