"""What a long computation says while it runs."""

import time

from IPython import get_ipython
from IPython.display import display
import keras


class LiveText:
    """A piece of text that is rewritten in place: in a notebook only its last state is saved."""

    def __init__(self):
        self._display = None

    def show(self, text: str) -> None:
        """Replace what was shown before. Without a notebook, print it."""
        bundle = {"text/plain": text}
        if get_ipython() is None:
            print(text)
        elif self._display is None:
            self._display = display(bundle, raw=True, display_id=True)
        else:
            self._display.update(bundle, raw=True)


class LiveProgress(keras.callbacks.Callback):
    """Show training live, and leave one line an epoch behind.

    Keras' own progress bar rewrites its line some thousand times, and a saved notebook keeps the control characters and
    the timings of them all. This callback shows the same: within an epoch, how far it is; after it, loss and metrics.
    Use it with `verbose=0`.
    """

    _SECONDS_BETWEEN_UPDATES = 0.3

    def on_train_begin(self, logs=None):
        self._lines, self._live, self._shown = [], LiveText(), 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if get_ipython() is None or now - self._shown < self._SECONDS_BETWEEN_UPDATES:
            return
        self._shown = now
        steps = self.params.get("steps")
        done = f"{100 * (batch + 1) / steps:3.0f} % of the epoch" if steps else f"step {batch + 1}"
        self._live.show("\n".join([*self._lines, self._line(f"{done}  ", logs)]))

    def on_epoch_end(self, epoch, logs=None):
        self._lines.append(self._line("", logs))
        self._live.show(self._lines[-1] if get_ipython() is None else "\n".join(self._lines))

    def _line(self, progress: str, logs) -> str:
        total = self.params.get("epochs", "?")
        numbers = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items() if name != "learning_rate")
        return f"epoch {self._epoch + 1:>{len(str(total))}}/{total}  {progress}{numbers}"
