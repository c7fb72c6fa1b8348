"""Let a trained model write.

    python chargen/generate.py --prompt "alice was" --length 500 --temperature 0.7 --seed 1
    python chargen/generate.py --prompt "the queen" "the hatter" --top-p 0.9

The next character is drawn from soft-max(logits / temperature): below 1 the likely ones become likelier still, above
1 the text becomes wilder. `--top-k 5` draws among the five most likely only; `--top-p 0.9` among the most likely that
together have 0.9 of the probability (Holtzman et al. 2020, nucleus sampling); `--greedy` takes the most likely.
writer.py has the loop.

As long as nothing has been trained, the model of chargen/pretrained writes.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from common import InputError
from common.cli import Count, Flags, Positive, Seed, run_script, start_tensorflow
from common.saving import load_model

LATEST, PRETRAINED = Path("runs/chargen/latest"), Path(__file__).parent / "pretrained"


@dataclass(frozen=True)
class Options(Flags):
    run: Path = LATEST  # run folder of the model
    prompt: tuple[str, ...] = ("alice was ",)  # texts that the model continues (lower-cased, as in training)
    length: Count = 500  # characters to write
    temperature: Positive = 0.7  # 1: as likely as the model says; below 1: tamer
    top_k: Seed = 0  # draw among the k most likely characters only; 0: among all
    top_p: Positive = 1.0  # draw among the most likely that together have this probability; 1: among all
    greedy: bool = False  # always take the most likely character
    seed: Seed = 1  # same seed, same text

    def __post_init__(self):
        super().__post_init__()
        if self.top_p > 1:
            raise InputError(f"--top-p is {self.top_p}; it must be at most 1")


def main(options: Options) -> None:
    run = options.run
    if run == LATEST and not run.exists():
        run = PRETRAINED
        print(f"nothing is trained yet; this is the model of {run}; make train-chargen trains one", file=sys.stderr)
    start_tensorflow()
    from chargen.model import CharacterModel  # noqa: F401 - registers the layers
    from chargen.writer import Writer

    model, vocabularies = load_model(run / "model.keras", "characters")
    vocabulary, prompts = vocabularies["characters"], [prompt.lower() for prompt in options.prompt]
    unknown = "".join(sorted({character for prompt in prompts for character in prompt if character not in vocabulary}))
    if unknown and vocabulary.unknown is not None:  # otherwise it is an error
        read = vocabulary.tokens[vocabulary.unknown]
        print(f"the model does not know {unknown!r}; it reads {read} instead", file=sys.stderr)
    pieces = Writer(model, vocabulary).pieces(
        prompts, options.length, options.temperature, options.top_k, options.top_p, options.greedy, options.seed
    )
    if len(prompts) == 1:  # as it is written
        print(prompts[0], end="", flush=True)
        for (text,) in pieces:
            print(text, end="", flush=True)
        print()
    else:
        for prompt, texts in zip(prompts, zip(*pieces, strict=True), strict=True):
            print(prompt + "".join(texts) + "\n")


if __name__ == "__main__":
    run_script(main, Options)
