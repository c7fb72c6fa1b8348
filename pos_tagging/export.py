"""Write a trained model into files that run without this project.

    python pos_tagging/export.py                       # the newest run, as a SavedModel
    python pos_tagging/export.py --run runs/pos_tagging/NAME

They lie in the run's folder, in `export/<format>/`, with a README.txt that says what goes in, what comes out, and how
to use them. serving.py has what is exported.
"""

from dataclasses import dataclass
from pathlib import Path

from common.cli import Flags, run_script, start_tensorflow
from common.runs import open_run


@dataclass(frozen=True)
class Options(Flags):
    run: Path = Path("runs/pos_tagging/latest")  # run folder of the model


def main(options: Options) -> None:
    open_run(options.run)
    start_tensorflow(gpu=False)
    from common.export import export
    from pos_tagging.serving import make_exportable

    print(f"exported to {export(options.run, make_exportable(options.run))}")


if __name__ == "__main__":
    run_script(main, Options)
