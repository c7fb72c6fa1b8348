"""Models, vocabularies and JSON in files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import InputError
from common.vocabulary import Vocabulary

MAX_MODEL_SIZE = 1 << 32  # bytes of all that is in a model's file
MAX_VOCABULARIES_SIZE = 1 << 26  # bytes of its vocabularies; they are read into memory


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a file to write, which takes the place of `path` if all goes well: whoever looks at `path` sees
    the old file or the new one, never half of one, even if the process is killed."""
    temporary = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically: a reader sees the old file or the new one, never half of one.

    Raises:
        InputError: a number in it is not finite, which JSON cannot express.
    """
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise InputError(f"{path} is not written: it would hold a number that is not finite") from None
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of a run; InputError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; is {path.parent} the folder of a run?") from None
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); train again") from None


def save_model(model: Any, path: Path, **vocabularies: Vocabulary) -> None:
    """Save a Keras model and its vocabularies in one `.keras` file, atomically.

    A `.keras` file is a zip; the vocabularies are one more member, `vocabularies.json`, which Keras itself ignores.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            tokens = {name: vocabulary.tokens for name, vocabulary in vocabularies.items()}
            archive.writestr("vocabularies.json", json.dumps(tokens, ensure_ascii=False))


def load_model(path: Path, *needed: str) -> tuple[Any, dict[str, Vocabulary]]:
    """Load what `save_model` wrote: the model, not compiled, and its vocabularies by name.

    Args:
        needed: names of vocabularies that a model of this task has.

    Nothing in the file is run: Keras's safe mode refuses Lambda layers, and no class is known here but Keras's, those
    of common/fast_rnn, and those of the `model.py` that the caller has imported.

    Raises:
        InputError: no such file, a damaged one, a model of another task, or one that unpacks to an absurd size.
    """
    if not path.is_file():
        raise InputError(f"there is no model {path}; train one, or name its run folder with --run")
    import keras

    import common.fast_rnn  # noqa: F401 - registers its layers

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_MODEL_SIZE:
                raise ValueError(f"it unpacks to more than {MAX_MODEL_SIZE} bytes")
            if archive.getinfo("vocabularies.json").file_size > MAX_VOCABULARIES_SIZE:
                raise ValueError(f"its vocabularies have more than {MAX_VOCABULARIES_SIZE} bytes")
            tokens = json.loads(archive.read("vocabularies.json"))
        vocabularies = {name: Vocabulary([str(token) for token in known]) for name, known in tokens.items()}
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever zipfile, JSON, HDF5 and Keras may find in a file
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise InputError(f"{path} is damaged or not a model of this task ({reason}); train again") from None
    missing = set(needed) - set(vocabularies)
    if missing:
        raise InputError(f"{path} is not a model of this task: it has no vocabulary of {', '.join(sorted(missing))}")
    return model, vocabularies
