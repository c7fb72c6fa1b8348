"""The study group's exercise: the same Elman network with four activations, one figure.

    python chargen/compare_activations.py                     # about five minutes
    python chargen/compare_activations.py --clip-norm 1e9     # without clipping

Everything but the activation is the same: text, initial weights, order of the text, learning rate, clipping. The
flags are those of elman.py. Look at how fast each learns, how long its gradients get, and which of them diverge.
"""

from dataclasses import replace

from chargen.elman import Hyperparameters, bits_of, draw, train
from chargen.ngram import load_symbols
from common.cli import run_script, start_tensorflow
from common.runs import start_run
from common.saving import write_json
from common.tables import print_table

ACTIVATIONS = ("tanh", "logistic", "relu", "elu")


def main(hyperparameters: Hyperparameters) -> None:
    ids, vocabulary, _ = load_symbols(hyperparameters)
    start_tensorflow(hyperparameters)
    run = start_run("compare_activations", hyperparameters)
    histories, rows = {}, []
    for activation in ACTIVATIONS:
        print(f"\n=== {activation} ===", flush=True)
        model, histories[activation] = train(replace(hyperparameters, activation=activation), ids, vocabulary)
        norms = histories[activation]["gradient_norm"]
        rows.append((activation, 2 ** bits_of(model, ids), max(norms), sum(norms) / len(norms)))
    draw(histories, hyperparameters.level, run / "activations.png")
    header = ("activation", "test perplexity", "longest gradient", "mean gradient")
    finite = [[figure if figure != float("inf") else None for figure in row] for row in rows]
    write_json(run / "metrics.json", [dict(zip(header, row, strict=True)) for row in finite])
    print()
    print_table(header, rows)
    print(f"activations.png and metrics.json are in {run}")


if __name__ == "__main__":
    run_script(main, Hyperparameters)
