"""Write a trained model into files that run without this project.

    python chargen/export.py                       # the newest run, as a SavedModel
    python chargen/export.py --format onnx         # for ONNX Runtime, also in a browser
    python chargen/export.py --format litert       # for phones and the like

They lie in the run's folder, in `export/<format>/`, with a README.txt that holds the texts below. serving.py has what
is exported.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run

NOTES = """\
Signature `serving_default`: goes on writing
Inputs   prompt         strings (batch,), none of them empty
         length         number of characters to write, an integer
         temperature    1: as likely as the model says; below 1: tamer; 0: always the most likely character
         seed           same seed, same text; an integer
Output   text           strings (batch,), without the prompts

Signature `next_character`: how likely each character is to come next
Input    prompt         strings (batch,)
Outputs  characters     strings (vocabulary,)
         probabilities  floats (batch, vocabulary)

Prompts are lower-cased. A prompt that is empty, or holds a character that the model does not know, is an error."""

EXAMPLE = """\
prompt = tf.constant(["alice was ", "the "])
settings = {"length": tf.constant(100), "temperature": tf.constant(0.7), "seed": tf.constant(1)}
for text in model.signatures["serving_default"](prompt=prompt, **settings)["text"].numpy():
    print(text.decode())
likely = model.signatures["next_character"](prompt=prompt)
print(likely["characters"].numpy()[likely["probabilities"].numpy().argmax(axis=1)])
"""

NETWORK_NOTES = """\
One step: a character goes in, the logits of the next one come out. The states that come out go in with the next step;
before a text they are zeros. The last of them are the last characters, if the model has n-gram logits.

Inputs   ids            integers (batch,), the places of characters among about.json's
         state_0, ...   shapes and types: about.json
Outputs  logits         floats (batch, vocabulary)
         new_state_0, ..."""

NETWORK_EXAMPLE = """\
characters = about["vocabularies"]["characters"]
inputs = {name: np.zeros((1, *shape[1:]), kind) for name, (shape, kind) in about["inputs"].items()}
states = {name: zeros for name, zeros in inputs.items() if name != "ids"}
def read(character, states):
    answer = network(ids=np.array([characters.index(character)], "int32"), **states)
    return answer["logits"][0], {name: answer["new_" + name] for name in states}
for character in "alice was ":
    logits, states = read(character, states)
noise = np.random.default_rng(1)
for _ in range(100):  # draws from soft-max(logits / 0.7)
    character = characters[(logits / 0.7 + noise.gumbel(size=len(logits))).argmax()]
    print(character, end="")
    logits, states = read(character, states)
"""


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/chargen/latest")  # run folder of the model
    format: Literal["saved-model", "onnx", "litert"] = "saved-model"  # what to write; the last two need more packages


def main(options: Options) -> None:
    open_run(options.run)
    start_tensorflow(gpu=False)
    from chargen.serving import make_exportable
    from common.export import export

    texts = (NOTES, EXAMPLE) if options.format == "saved-model" else (NETWORK_NOTES, NETWORK_EXAMPLE)
    print(f"exported to {export(options.run, options.format, make_exportable(options.run), *texts)}")


if __name__ == "__main__":
    run_script(main, Options)
