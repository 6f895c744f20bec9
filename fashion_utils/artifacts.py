"""Trained models kept in `artifacts/`, each with its provenance, so that a notebook never uses one that does not fit.

`artifacts/<data>/<name>.keras` is the model, `<name>.json` beside it says what it was made from. Both are written to a
temporary name and moved into place, the provenance last: a run that is killed leaves a pair that does not match, which
counts as missing.
"""

from collections.abc import Callable
import hashlib
import json
import os
from pathlib import Path
import tempfile

from fashion_utils import data

ROOT = Path(os.environ.get("FASHION_ARTIFACTS") or Path(__file__).resolve().parents[1] / "artifacts")


def folder() -> Path:
    """Return the folder for what was made from the current data (`artifacts/real`, `artifacts/stand-in`, …)."""
    return ROOT / data.source().slug


def provenance(model, settings: dict) -> dict:
    """Return what a trained model depends on: data, settings, architecture and versions, as plain JSON values.

    Args:
        model: a built Keras model, trained or not.
        settings: everything else that shapes the result (epochs, batch size, seed …); values JSON can hold.
    """
    import keras
    import tensorflow

    # The shape of the input is not part of a Sequential model's layers.
    layers = [[type(layer).__name__, {**layer.get_config(), "name": None}] for layer in model.layers]
    architecture = json.dumps([model.input_shape, layers], sort_keys=True, default=str)
    return {
        "data": data.source().fingerprint,
        "settings": settings,
        "architecture": hashlib.sha256(architecture.encode()).hexdigest()[:16],
        "versions": {"tensorflow": tensorflow.__version__, "keras": keras.__version__},
    }


def save_model(name: str, model, history: dict[str, list[float]], settings: dict) -> None:
    """Keep a trained model, its history and its provenance.

    Args:
        name: file name without ending, such as "mlp".
        model: the trained Keras model.
        history: what `fit(...).history` holds.
        settings: what it was trained with, see `provenance`.

    Raises:
        OSError: if the folder cannot be written to.
    """
    model_file = folder() / f"{name}.keras"
    model_file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model_file.parent, prefix=f".{name}-") as temporary:
        new_model, new_card = Path(temporary, "model.keras"), Path(temporary, "card.json")
        model.save(new_model)
        card = {
            "sha256": hashlib.sha256(new_model.read_bytes()).hexdigest(),
            "provenance": provenance(model, settings),
            "history": {key: [float(value) for value in values] for key, values in history.items()},
        }
        new_card.write_text(json.dumps(card, indent=1))
        os.replace(new_model, model_file)
        os.replace(new_card, model_file.with_suffix(".json"))


def load_model(name: str, like, settings: dict):
    """Load a trained model if there is one that was made as asked.

    Args:
        name: as given to `save_model`.
        like: an untrained model of the architecture wanted.
        settings: the settings wanted.

    Returns:
        `(model, history, "")`, or `(None, None, reason)` with the reason in one clause.
    """
    import keras

    model_file = folder() / f"{name}.keras"
    try:
        card = json.loads(model_file.with_suffix(".json").read_text())
        made, history, digest = dict(card["provenance"]), dict(card["history"]), card["sha256"]
        content = model_file.read_bytes()
    except FileNotFoundError:
        return None, None, "there is none yet"
    except (OSError, ValueError, KeyError, TypeError):
        return None, None, "the saved one cannot be read"
    if hashlib.sha256(content).hexdigest() != digest:
        return None, None, "the saved one is damaged or incomplete"
    wanted = json.loads(json.dumps(provenance(like, settings)))
    if differences := [key for key in wanted if made.get(key) != wanted[key]]:
        return None, None, f"the saved one was made with other {' and '.join(differences)}"
    return keras.models.load_model(model_file), history, ""


def load_or_train(name: str, like, settings: dict, train: Callable):
    """Return a trained model: the saved one if it fits, else a new one, trained now and kept. Says which.

    Args:
        name: see `save_model`.
        like: an untrained, compiled model of the architecture wanted; `train` gets it.
        settings: what shapes the result; part of the provenance.
        train: called as `train(model)` when there is no fitting model; trains it in place and returns its `History`.

    Returns:
        the trained model and its history (dict of lists).
    """
    model, history, reason = load_model(name, like, settings)
    if model is not None:
        print("Loaded the trained model from artifacts/.")
        return model, history
    print(f"No trained model to load ({reason}): training one now.")
    history = train(like).history
    save_model(name, like, history, settings)
    return like, history
