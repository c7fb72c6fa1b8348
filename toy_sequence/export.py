"""Write a trained model into files that run without this project.

    python toy_sequence/export.py                       # the newest run, as a SavedModel
    python toy_sequence/export.py --format onnx         # for ONNX Runtime, also in a browser
    python toy_sequence/export.py --format litert       # for phones and the like

They lie in the run's folder, in `export/<format>/`, with a README.txt that holds the texts below. serving.py has what
is exported.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run

NOTES = """\
Input    noise          floats (batch, time), from 0 to 1
Outputs  outputs        integers (batch, time): 1, 0, 1, 0, ..., if the model has learned its task
         probabilities  floats (batch, time), that of a 1"""

EXAMPLE = """\
answers = model.signatures["serving_default"](noise=tf.random.uniform((2, 12)))
print(answers["outputs"].numpy())
print(answers["probabilities"].numpy())
"""

NETWORK_NOTES = NOTES

NETWORK_EXAMPLE = """\
answers = network(noise=np.random.default_rng(0).random((1, 64), dtype="float32"))
print(answers["outputs"])
print(answers["probabilities"])
"""


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/toy_sequence/latest")  # run folder of the model
    format: Literal["saved-model", "onnx", "litert"] = "saved-model"  # what to write; the last two need more packages


def main(options: Options) -> None:
    open_run(options.run)
    start_tensorflow(gpu=False)
    from common.export import export
    from toy_sequence.serving import make_exportable

    texts = (NOTES, EXAMPLE) if options.format == "saved-model" else (NETWORK_NOTES, NETWORK_EXAMPLE)
    print(f"exported to {export(options.run, options.format, make_exportable(options.run), *texts)}")


if __name__ == "__main__":
    run_script(main, Options)
