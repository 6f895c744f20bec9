"""`training` against Keras' own `fit`, `evaluate` and `predict`, on small arrays with a short last batch."""

from fashion_utils import training
import keras
import numpy as np
import pytest
import tensorflow as tf

EXAMPLES, BATCH_SIZE, CLASSES = 198, 8, 3  # 24 full batches (some calls train on two, the last on one) and one of 6

rng = np.random.default_rng(0)
LABELS = rng.integers(CLASSES, size=EXAMPLES).astype("uint8")
IMAGES = (rng.random((EXAMPLES, 6, 6, 1)) + np.eye(6)[LABELS][..., None, None]).astype("float32")
VALIDATION = (IMAGES[:50] * 2, LABELS[:50])


def build(make_layers=list, optimizer="adam", loss="sparse_categorical_crossentropy", seed=1):
    """Return a small classifier with the layers in front; the same seed gives the same weights and dropout."""
    keras.utils.set_random_seed(seed)
    output = keras.layers.Dense(CLASSES, activation="softmax")
    model = keras.Sequential([keras.Input((6, 6, 1)), *make_layers(), keras.layers.Flatten(), output])
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def dense():
    l2 = keras.regularizers.L2(0.01)
    return [keras.layers.Flatten(), keras.layers.Dense(5, activation="relu", kernel_regularizer=l2)]


def dense_normalized():
    return [*dense(), keras.layers.BatchNormalization()]


def dropout():
    return [keras.layers.Dropout(0.4)]


def convolution():
    return [keras.layers.Conv2D(4, 3, activation="relu")]


def convolution_normalized():
    return [*convolution(), keras.layers.BatchNormalization(), *dropout()]


def train_both(make_model, labels=LABELS, validation_labels=VALIDATION[1], **arguments):
    """Train two equal models on the examples in their given order, by `training.fit` and by Keras' own."""
    fast, plain = make_model(), make_model()
    arguments |= {"batch_size": BATCH_SIZE, "shuffle": False, "validation_data": (VALIDATION[0], validation_labels)}
    fast_arguments, plain_arguments = (
        {name: value() if callable(value) else value for name, value in arguments.items()} for _ in range(2)
    )
    fast_history = training.fit(fast, IMAGES, labels, **fast_arguments)
    plain_history = plain.fit(IMAGES, labels, verbose=0, **plain_arguments)
    return fast, fast_history.history, plain, plain_history.history


def assert_same_model(fast, plain):
    for ours, theirs in zip(fast.weights, plain.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5, err_msg=ours.path)
    for ours, theirs in zip(fast.optimizer.variables, plain.optimizer.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5, err_msg=ours.path)


def assert_same_history(ours, theirs):
    assert list(ours) == list(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, err_msg=name)


CASES = {
    "dense": lambda: build(dense, keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 40))),
    "batch normalization": lambda: build(dense_normalized, keras.optimizers.SGD(0.05, momentum=0.9)),
    # Dropout only here: compiled by XLA, it draws other masks from the same seed.
    "convolution": lambda: build(convolution_normalized),
}


@pytest.mark.parametrize("make_model", CASES.values(), ids=CASES)
def test_fit_does_what_plain_fit_does(make_model):
    fast, fast_history, plain, plain_history = train_both(make_model, epochs=2)
    assert_same_model(fast, plain)
    assert_same_history(fast_history, plain_history)
    assert list(fast_history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert int(fast.optimizer.iterations) == 2 * 25


def test_fit_with_one_hot_labels_and_label_smoothing():
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    one_hot = np.eye(CLASSES)
    fast, fast_history, plain, plain_history = train_both(
        lambda: build(loss=loss), labels=one_hot[LABELS], validation_labels=one_hot[VALIDATION[1]]
    )
    assert_same_model(fast, plain)
    assert_same_history(fast_history, plain_history)


def test_fit_builds_a_model_without_an_input_layer():
    def make_model():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax")])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    fast, _, plain, _ = train_both(make_model)
    assert_same_model(fast, plain)


@pytest.mark.parametrize("batch_size", [66, 1000], ids=["no short batch", "only a short batch"])
def test_fit_at_other_batch_sizes(batch_size):
    fast, plain = build(), build()
    training.fit(fast, IMAGES, LABELS, batch_size=batch_size, shuffle=False)
    plain.fit(IMAGES, LABELS, batch_size=batch_size, shuffle=False, verbose=0)
    assert_same_model(fast, plain)


def test_fit_runs_the_readers_own_train_step_on_float32():
    dtypes = []

    class Recorder(keras.Sequential):
        def train_step(self, data):
            dtypes.extend(part.dtype.name for part in data)
            return super().train_step(data)

    model = Recorder([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    model.compile(loss="mse")
    training.fit(model, IMAGES.astype("float64"), np.eye(CLASSES)[LABELS], batch_size=EXAMPLES)
    assert set(dtypes) == {"float32"}


@pytest.mark.parametrize("jit_compile", [True, False])
def test_fit_traces_the_training_step_once(jit_compile):
    """Variables made in the first trace, or a last, shorter batch, would cost another; each takes half a second."""
    traces = []

    class Recorder(keras.Sequential):
        def train_step(self, data):
            traces.append(data)
            return super().train_step(data)

    model = Recorder([keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert EXAMPLES % BATCH_SIZE
    training.fit(model, IMAGES, LABELS, batch_size=BATCH_SIZE, epochs=2, jit_compile=jit_compile)
    assert len(traces) == 1


def test_fit_respects_steps_per_execution():
    model = build()
    model.steps_per_execution = 7
    training.fit(model, IMAGES, LABELS, batch_size=BATCH_SIZE, epochs=2)
    assert int(model.optimizer.iterations) == 2 * 25


# --- Callbacks --------------------------------------------------------------------------------------------------------

CALLBACKS = {
    "early stopping": lambda: [keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)],
    "schedule": lambda: [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / (epoch + 1))],
    "plateau": lambda: [keras.callbacks.ReduceLROnPlateau(patience=1)],
}


@pytest.mark.parametrize("callbacks", CALLBACKS.values(), ids=CALLBACKS)
def test_callbacks_act_as_in_plain_fit(callbacks):
    fast, fast_history, plain, plain_history = train_both(
        lambda: build(optimizer=keras.optimizers.SGD(0.1)),
        validation_labels=(VALIDATION[1] + 1) % CLASSES,  # wrong on purpose: the more is learned, the worse it gets
        epochs=4,
        callbacks=callbacks,
    )
    assert_same_history(fast_history, plain_history)
    assert_same_model(fast, plain)
    rates = fast_history.get("learning_rate", [0.1])
    assert len(fast_history["loss"]) < 4 or min(rates) < 0.1  # the callback had something to do


def test_batch_hooks_run_about_twenty_times_an_epoch():
    calls = []
    recorder = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: calls.append((batch, logs["loss"]))
    )
    history = training.fit(build(), IMAGES, LABELS, batch_size=1, callbacks=[recorder])
    assert [batch for batch, _ in calls] == list(range(20))
    assert calls[-1][1] == pytest.approx(history.history["loss"][0])


def test_checkpoint_holds_the_readers_own_model_and_training_goes_on(tmp_path):
    path = tmp_path / "model.keras"
    fast, plain = build(dense), build(dense)
    training.fit(
        fast,
        IMAGES,
        LABELS,
        shuffle=False,
        validation_data=VALIDATION,
        callbacks=[keras.callbacks.ModelCheckpoint(path)],
    )
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), fast.predict(IMAGES, verbose=0))
    plain.fit(IMAGES, LABELS, shuffle=False, epochs=2, verbose=0)
    for model in (fast, loaded):
        model.fit(IMAGES, LABELS, shuffle=False, verbose=0)
        assert_same_model(model, plain)


# --- Order and randomness ---------------------------------------------------------------------------------------------


class StepNumber(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate of 1, 2, 3 …, so that a weight tells in which steps it was changed."""

    def __call__(self, step):
        return keras.ops.cast(step, "float32") + 1


def mean_output(labels, outputs):
    return keras.ops.mean(outputs)


def batches_visited(examples=100, batch_size=3, epochs=2, jit_compile=False, **arguments):
    """Return (epochs, examples): in which mini-batch of each epoch each example was, counted from 1.

    Example i is the i-th unit vector, so weight i falls by (learning rate / batch size) whenever it is visited.
    """
    model = keras.Sequential(
        [keras.Input((examples,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(optimizer=keras.optimizers.SGD(StepNumber()), loss=mean_output)
    snapshots = [np.zeros(examples)]
    recorder = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: snapshots.append(model.get_weights()[0][:, 0].astype(float))
    )
    images = np.eye(examples, dtype="float32")
    training.fit(
        model,
        images,
        np.zeros(examples),
        batch_size=batch_size,
        epochs=epochs,
        callbacks=[recorder],
        jit_compile=jit_compile,
        **arguments,
    )
    steps = -(-examples // batch_size)
    visited = -np.diff(snapshots, axis=0) * batch_size
    short = examples % batch_size
    for epoch, batches in enumerate(visited):
        in_last = np.isclose(batches, steps * (epoch + 1) * batch_size / short)
        batches[in_last] *= short / batch_size
        batches -= steps * epoch
    return visited


@pytest.mark.parametrize("jit_compile", [True, False])
def test_every_epoch_visits_every_example_once_in_a_new_order(jit_compile):
    visited = batches_visited(jit_compile=jit_compile, seed=1)
    in_order = np.arange(100) // 3 + 1
    for batches in visited:
        np.testing.assert_allclose(np.sort(batches), in_order, atol=1e-3)
        assert not np.allclose(batches, in_order)
    assert not np.allclose(*visited)


def test_order_is_fixed_by_the_seed_and_by_keras_own():
    first = batches_visited(seed=1)
    np.testing.assert_array_equal(batches_visited(seed=1), first)
    assert not np.allclose(batches_visited(seed=2), first)
    orders = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        orders.append(batches_visited())
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.allclose(orders[0], orders[2])


def test_without_shuffling_the_order_is_kept():
    for batches in batches_visited(shuffle=False):
        np.testing.assert_allclose(batches, np.arange(100) // 3 + 1, atol=1e-3)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_dropout_is_drawn_afresh_each_step_and_off_in_validation(jit_compile):
    units, steps = 50, 200
    model = keras.Sequential(
        [
            keras.Input((units,)),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros"),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=mean_output)
    ones = np.ones((steps, units), "float32")
    history = training.fit(
        model, ones, ones[:, 0], batch_size=1, validation_data=(ones, ones[:, 0]), jit_compile=jit_compile
    )
    kept = -model.get_weights()[0] / 2  # each step that keeps a unit lowers its weight by 1 / (1 - 0.5)
    assert np.all((kept > 60) & (kept < 140))
    assert history.history["val_loss"][0] == pytest.approx(-2 * kept.sum())


def test_dropout_names_its_generator_during_fit_only(monkeypatch):
    algorithms = []
    original = tf.nn.experimental.stateless_dropout

    def spy(*args, rng_alg="auto_select", **kwargs):
        algorithms.append(rng_alg)
        return original(*args, rng_alg=rng_alg, **kwargs)

    monkeypatch.setattr(tf.nn.experimental, "stateless_dropout", spy)
    model = build(dropout)
    training.fit(model, IMAGES, LABELS)
    assert set(algorithms) == {"philox"}
    model(IMAGES, training=True)
    assert algorithms[-1] == "auto_select"
    assert tf.nn.experimental.stateless_dropout is spy


def test_keras_builds_its_own_train_function_after_a_failure():
    def fail(batch, logs):
        raise RuntimeError("a callback that fails")

    model = build()
    with pytest.raises(RuntimeError, match="a callback that fails"):
        training.fit(model, IMAGES, LABELS, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=fail)])
    assert model.train_function is None


@pytest.mark.parametrize(
    ("make_layers", "expected"),
    [(dense, True), (convolution, False), (lambda: [keras.Input((6, 6, 1)), *convolution()], False)],
    ids=["dense", "convolution", "convolution, built"],
)
def test_only_models_without_convolutions_are_compiled(make_layers, expected, monkeypatch):
    chosen = []
    training_loop = training._training_loop

    def spy(model, images, labels, jit_compile):
        chosen.append(jit_compile)
        return training_loop(model, images, labels, jit_compile)

    monkeypatch.setattr(training, "_training_loop", spy)
    model = keras.Sequential([*make_layers(), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    model.compile(loss="mse")
    training.fit(model, IMAGES[:8], np.eye(CLASSES)[LABELS[:8]], batch_size=8)
    assert chosen[0] is expected


# --- Augmentation -----------------------------------------------------------------------------------------------------


def test_augmentation_is_drawn_afresh_each_epoch_from_the_original_images():
    images = np.arange(12, dtype="uint8").reshape(3, 2, 2)

    def run(seed):
        seen, drawn = [], []

        def augment(originals, generator):
            seen.append(originals.copy())
            drawn.append(generator.integers(1_000_000))
            return 255 - originals

        model = keras.Sequential([keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss=mean_output)
        training.fit(model, images, np.zeros(3), epochs=3, augment=augment, seed=seed)
        np.testing.assert_array_equal(seen, [images] * 3)
        return drawn

    assert len(set(run(1))) == 3
    assert run(1) == run(1)
    assert run(1) != run(2)


def test_fit_trains_on_the_augmented_images_with_their_own_labels():
    fast, plain = build(), build()
    training.fit(fast, IMAGES, LABELS, shuffle=False, augment=lambda images, rng: images[:, ::-1] * 2)
    plain.fit(IMAGES[:, ::-1] * 2, LABELS, shuffle=False, verbose=0)
    assert_same_model(fast, plain)


@pytest.mark.parametrize("max_shift", [1, 2])
def test_flip_and_shift_only_flips_and_shifts(max_shift):
    images = np.random.default_rng(1).integers(1, 256, (400, 5, 4), dtype="uint8")
    original = images.copy()
    augmented = training.flip_and_shift(images, np.random.default_rng(2), max_shift)
    np.testing.assert_array_equal(images, original)
    assert (augmented.shape, augmented.dtype) == (images.shape, images.dtype)

    shifts = range(2 * max_shift + 1)
    padding = [(0, 0), (max_shift, max_shift), (max_shift, max_shift)]
    variants = np.array(
        [
            np.pad(flipped, padding)[:, down : down + 5, right : right + 4]
            for flipped in (images, images[:, :, ::-1])
            for down in shifts
            for right in shifts
        ]
    )
    matches = (variants == augmented).all(axis=(2, 3))
    assert (matches.sum(axis=0) == 1).all()  # each image is one variant of itself,
    assert (matches.sum(axis=1) > 0).all()  # and every variant is drawn
    assert 150 < matches[: len(variants) // 2].sum() < 250


def test_flip_and_shift_is_seeded_and_takes_channels():
    images = np.random.default_rng(1).random((50, 6, 6, 2)).astype("float32")
    augmented = training.flip_and_shift(images, np.random.default_rng(2))
    np.testing.assert_array_equal(training.flip_and_shift(images, np.random.default_rng(2)), augmented)
    assert not np.array_equal(training.flip_and_shift(images, np.random.default_rng(3)), augmented)
    for channel in range(2):
        alone = training.flip_and_shift(images[..., channel], np.random.default_rng(2))
        np.testing.assert_array_equal(augmented[..., channel], alone)


def test_erase_covers_one_rectangle_of_some_images_with_one_grey():
    images = np.random.default_rng(1).random((600, 16, 14)).astype("float32")
    original = images.copy()
    erased = training.erase(images, np.random.default_rng(2), share=0.5, sides=(3, 6))
    np.testing.assert_array_equal(images, original)
    assert (erased.shape, erased.dtype) == (images.shape, images.dtype)
    changed = erased != images
    covered = np.flatnonzero(changed.any(axis=(1, 2)))
    assert 240 < len(covered) < 360
    heights, widths, tops, lefts, greys = set(), set(), set(), set(), set()
    for i in covered:
        rows, columns = np.flatnonzero(changed[i].any(axis=1)), np.flatnonzero(changed[i].any(axis=0))
        assert changed[i].sum() == len(rows) * len(columns)  # a full rectangle
        (grey,) = np.unique(erased[i][changed[i]])
        greys.add(grey)
        heights.add(len(rows)), widths.add(len(columns)), tops.add(rows[0]), lefts.add(columns[0])
    assert heights == widths == {3, 4, 5, 6}
    assert tops == set(range(14)) and lefts == set(range(12))  # anywhere, and nowhere cut off
    assert len(greys) == len(covered) and 0 <= min(greys) < 0.05 and 0.95 < max(greys) <= 1


def test_erase_is_seeded_and_takes_channels():
    images = np.random.default_rng(1).random((50, 16, 16, 2)).astype("float32")
    erased = training.erase(images, np.random.default_rng(2))
    np.testing.assert_array_equal(training.erase(images, np.random.default_rng(2)), erased)
    for channel in range(2):
        alone = training.erase(images[..., channel], np.random.default_rng(2))
        np.testing.assert_array_equal(erased[..., channel], alone)


def test_flip_shift_erase_is_one_after_the_other():
    images = np.random.default_rng(1).random((50, 28, 28, 1)).astype("float32")
    rng = np.random.default_rng(2)
    expected = training.erase(training.flip_and_shift(images, rng), rng)
    np.testing.assert_array_equal(training.flip_shift_erase(images, np.random.default_rng(2)), expected)


# --- Evaluation, prediction, errors -----------------------------------------------------------------------------------


def test_evaluate_and_predict_equal_keras_own():
    model = build(dropout)
    expected = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    assert training.evaluate(model, IMAGES, LABELS, batch_size=50) == pytest.approx(expected, rel=1e-5)
    probabilities = training.predict(model, IMAGES, batch_size=50)
    assert isinstance(probabilities, np.ndarray)
    np.testing.assert_allclose(probabilities, model.predict(IMAGES, verbose=0), rtol=1e-5)


def test_arguments_that_cannot_work_are_refused():
    model = build()
    with pytest.raises(ValueError, match="198 images and 197 labels"):
        training.fit(model, IMAGES, LABELS[1:])
    with pytest.raises(ValueError, match="0 images and 0 labels"):
        training.fit(model, IMAGES[:0], LABELS[:0])
    with pytest.raises(ValueError, match="at least 1, not 0"):
        training.fit(model, IMAGES, LABELS, batch_size=0)
    with pytest.raises(ValueError, match="augment got 198 images and returned 99"):
        training.fit(model, IMAGES, LABELS, augment=lambda images, rng: images[::2])
    with pytest.raises(ValueError, match="compile"):
        training.fit(keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten()]), IMAGES, LABELS)
