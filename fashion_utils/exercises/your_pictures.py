"""The exercises of "What about your own pictures?"."""

from itertools import product
import math

from fashion_utils.exercises.compare import alike, demand, exercise, numbers
import numpy as np

SIDE, WHITE = 28, 255
GREY, EQUAL = (0.299, 0.587, 0.114), (1 / 3, 1 / 3, 1 / 3)


@exercise("negated after it was extended with white, or before, and extended with black: it is the same.")
def by_hand(answer, sharpened):
    sharpened = np.asarray(sharpened, dtype=float)
    height, width, _ = sharpened.shape
    found = numbers(answer)
    demand(found.shape != (SIDE, SIDE, 3), "it still has three colours: weigh them, and add up")
    demand(found.shape != (height, width), f"it is not extended yet: both sides have to have {SIDE} pixels")
    demand(found.shape == (SIDE, SIDE), f"wrong shape: {found.shape}; asked for is {(SIDE, SIDE)}")
    rooms = SIDE - height, SIDE - width
    near_middle = [range(max(0, room // 2 - 1), min(room, room // 2 + 1) + 1) for room in rooms]

    def is_like(places, margin=WHITE, weights=GREY, negated=True, unit=1.0):
        for top, left in product(*places):
            page = np.full((SIDE, SIDE, 3), float(margin))
            page[top : top + height, left : left + width] = sharpened
            picture = (WHITE - page if negated else page) @ weights
            if np.abs(found / unit - picture).max() <= 1.5:  # steps of 256 are rounded
                return True
        return False

    if is_like(near_middle):
        return
    demand(not is_like(near_middle, negated=False), "it is not negated yet: bright on black is asked for")
    demand(not is_like(near_middle, margin=0), "the negation made its margin white: extend with white, or after it")
    demand(not is_like(near_middle, weights=EQUAL), "the three colours count the same in it; weigh them")
    demand(not is_like([(0, room) for room in rooms]), "the picture belongs in the middle")
    demand(not is_like(near_middle, unit=1 / WHITE), f"it is off by a factor of {WHITE}: mind the unit")
    demand(False, "it has the right shape, but not the right values")


@exercise("what points one way loses most, and what looks the same from both sides next to nothing.", alike)
def mirror(as_is, in_mirror, labels):
    as_is, in_mirror, labels = np.array([as_is, in_mirror, labels], dtype=int)
    own = [labels == label for label in range(10)]
    if not all(mine.any() for mine in own):
        raise ValueError("labels of every class are needed")
    before, after = (np.array([(answers == labels)[mine].mean() for mine in own]) for answers in (as_is, in_mirror))
    yield before - after
    yield after - before, "the other way round: a fall counts as positive here"
    yield before, "that is the recall of the pictures as they are; how far does it fall?"
    yield after, "that is the recall in the mirror; how far has it fallen?"
    yield (before - after) / before, "that is the fall as a share of what it was; the difference is asked for"
    changed = [(as_is != in_mirror)[mine].mean() for mine in own]
    yield changed, "that is how many answers change, be they right or wrong"


@exercise("to halve the interval takes four times as many.", alike)
def enough():
    share, half_width = 4 / 5, 5 / 100

    def exactly(spread=share * (1 - share), errors=1.96, half_width=half_width):
        return spread * (errors / half_width) ** 2

    yield math.ceil(exactly())
    yield exactly(), "there are no parts of pictures: round up"
    yield math.floor(exactly()), "with so few it is a little wider: round up"
    for mistake, hint in (
        (exactly(errors=1), "that is for one standard error on either side; 95 % take 1.96"),
        (exactly(half_width=half_width / 2), "that is for 5 points in all; 5 on either side are asked for"),
        (exactly(spread=1 / 4), "that is for an accuracy of a half, where the interval is widest"),
    ):
        yield mistake, hint
        yield math.ceil(mistake), hint
