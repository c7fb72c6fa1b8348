"""Write a trained model into files that run without this project.

    python sentiment/export.py                       # the newest run, as a SavedModel
    python sentiment/export.py --format onnx         # for ONNX Runtime, also in a browser
    python sentiment/export.py --format litert       # for phones and the like

They lie in the run's folder, in `export/<format>/`, with a README.txt that holds the texts below. serving.py has what
is exported.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run

NOTES = """\
Input    sentence       strings (batch,)
Outputs  label          strings (batch,), empty if a sentence has no words
         probability    floats (batch,), that of the label; NaN if a sentence has no words"""

EXAMPLE = """\
answers = model.signatures["serving_default"](sentence=tf.constant(["I loved this film!", "what a boring book"]))
for label, probability in zip(answers["label"].numpy(), answers["probability"].numpy()):
    print(label.decode(), probability)
"""

NETWORK_NOTES = """\
Input    ids            integers (batch, time, 16), the subwords of each word, then zeros; a word without known subwords
                        has a 1; zeros after the last word
Output   probability    floats (batch,), that of the second label in about.json"""

NETWORK_EXAMPLE = """\
numbers = {subword: number for number, subword in enumerate(about["vocabularies"]["subwords"])}
def encode(word):
    whole = f"<{word[:100]}>"
    subwords = [whole] + [whole[start : start + n] for n in (3, 4, 5) for start in range(len(whole) - n + 1)]
    known = [numbers[subword] for subword in dict.fromkeys(subwords) if subword in numbers][:16] or [1]
    return known + [0] * (16 - len(known))
words = re.sub(r"\\W+", " ", "I loved this film!".lower()).split()
ids = np.zeros((1, 64, 16), "int32")
ids[0, : len(words)] = [encode(word) for word in words]
print(about["vocabularies"]["labels"][1], network(ids=ids)["probability"][0])
"""


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/sentiment/latest")  # run folder of the model
    format: Literal["saved-model", "onnx", "litert"] = "saved-model"  # what to write; the last two need more packages


def main(options: Options) -> None:
    hyperparameters, _ = open_run(options.run)
    start_tensorflow(gpu=False)
    from common.export import export
    from sentiment.serving import make_exportable

    notes, example = (NOTES, EXAMPLE) if options.format == "saved-model" else (NETWORK_NOTES, NETWORK_EXAMPLE)
    if hyperparameters.get("tokenizer"):
        notes += f"\nSplit a sentence into words with {hyperparameters['tokenizer']} first, and join them by spaces."
    print(f"exported to {export(options.run, options.format, make_exportable(options.run), notes, example)}")


if __name__ == "__main__":
    run_script(main, Options)
