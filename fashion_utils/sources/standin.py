"""The stand-in: ten classes of drawn clothes in the shape of Fashion-MNIST, for machines with no way to the real data.

Same shapes, dtypes, label order and balance as the data set of Xiao, Rasul and Vollgraf (2017,
https://github.com/zalandoresearch/fashion-mnist), and the same lesson: the nearest class mean gets most garments, a
multilayer perceptron more, a convolutional network more still, and what remains confused is the shirt family. The
overlap is in the drawing (a T-shirt may have long sleeves, a shirt no buttons); every label is the garment meant.

The same seed gives the same bytes everywhere: random numbers come from `random_raw`, whose stream NumPy guarantees, and
become pixels by elementwise + - * /, square roots, floors, minima, maxima and comparisons alone, which IEEE 754 fixes.
"""

from functools import partial
import hashlib
from itertools import pairwise

import numpy as np

VERSION = 1  # changes whenever the pictures do
DIGEST = "80c273e3583f47b687baad4d64d2d49e14512f0b85e47270965683ac2eefef94"  # what `digest(draw())` returns
_BLOCK = 200  # pictures drawn at once: few enough that what is at work on them stays in the processor's cache
_NUMBERS = 80  # that the drawing of one picture may ask for, noise aside


def draw(seed: int = 0):
    """Draw the whole data set; a different seed, from 0, gives different pictures of the same kind.

    Returns two pairs, as Keras' `load_data` does: `uint8` arrays of shape (60000, 28, 28) and (60000,), to train, and
    (10000, 28, 28) and (10000,), to test. Background is 0, and every class has as many pictures, shuffled.
    """
    # Allocated and freed at once, this has glibc keep the memory of temporary arrays, which halves the time.
    np.empty(2**24, np.uint8)
    bits = np.random.PCG64(seed)
    return _draw_split(bits, 6_000), _draw_split(bits, 1_000)


def digest(data) -> str:
    """Return the SHA-256, in hexadecimal, over the bytes of the four arrays that `draw` returns."""
    sha256 = hashlib.sha256()
    for array in (*data[0], *data[1]):
        sha256.update(array.tobytes())
    return sha256.hexdigest()


def _draw_split(bits, per_class):
    order = np.argsort(bits.random_raw(10 * per_class), kind="stable")
    labels = np.repeat(np.arange(10, dtype=np.uint8), per_class)[order]
    images = np.empty((10 * per_class, 28, 28), np.uint8)
    for label in range(10):
        for where in np.flatnonzero(labels == label).reshape(-1, _BLOCK):
            sketch = _Sketch(bits)
            _GARMENTS[label](sketch)
            grain = 1 + sketch.between(0.02, 0.16) * sketch.noise(28)  # as a photograph has
            images[where] = (np.clip(sketch.ink * grain, 0, 1) * 255).astype(np.uint8)
    return images, labels


class _Sketch:
    """A block of pictures drawn together; every quantity is float32 and broadcasts against (_BLOCK, 28, 28).

    `x` and `y` are each pixel's coordinates in the garment's own frame: pixels from the picture's centre, x to the
    right and y down, with a small shift and scale of its own for every picture.
    """

    def __init__(self, bits):
        self.bits = bits
        # All at once: by single calls the random numbers took a fifth of the whole time.
        numbers = (bits.random_raw(_NUMBERS * _BLOCK) >> 40).astype(np.float32) * 2**-24
        self.numbers = iter(numbers.reshape(_NUMBERS, _BLOCK, 1, 1))
        grid = np.arange(28, dtype=np.float32) - 13.5
        self.x = (grid[None, None, :] - self.between(-1.5, 1.5)) * self.between(0.95, 1.08)
        self.y = (grid[None, :, None] - self.between(-0.6, 0.6)) * self.between(0.97, 1.05)
        self.ink = np.zeros((_BLOCK, 28, 28), np.float32)

    def between(self, low, high):
        """Uniform in [low, high): one number a picture."""
        return next(self.numbers) * (high - low) + low

    def chance(self, probability):
        """1 with this probability, else 0: one number a picture."""
        return (self.between(0, 1) < probability).astype(np.float32)

    def choose(self, *odds):
        """One of several, at these odds (whole numbers): for each of them, 1 where it was chosen, else 0."""
        share, ends = self.between(0, sum(odds)), np.cumsum(odds).tolist()
        return [((share >= end - odd) & (share < end)).astype(np.float32) for odd, end in zip(odds, ends, strict=True)]

    def noise(self, cells):
        """A number in [-1, 1] for each cell of a `cells` by `cells` grid over the picture, most often near 0."""
        raw = self.bits.random_raw(_BLOCK * cells * cells // 4).astype("<u8", copy=False).view(np.uint8)
        first, second = raw.reshape(2, _BLOCK, cells, cells)
        return np.add(first, second, dtype=np.float32) / 255 - 1

    def weave(self, plain, striped, checked, printed):
        """The cloth: brightness by pixel around 1. The arguments are the odds of four kinds of pattern."""
        _, stripes, checks, prints = self.choose(plain, striped, checked, printed)
        period, strength = self.between(3, 8), self.between(0.15, 0.55)
        down = (stripes + checks) * _edge(_wave(self.y / period + self.between(0, 1)) * 3)
        across = checks * _edge(_wave(self.x / period + self.between(0, 1)) * 3)
        folds = self.between(-0.12, 0.12) * _wave(self.x / self.between(5, 14) + self.between(0, 1))
        fine, coarse = self.choose(1, 1)
        blots = prints * strength * (fine * self.noise(14) + coarse * _enlarge(self.noise(7)))
        light_from_above = self.between(-0.012, 0.012) * self.y
        return (1 - strength * down + light_from_above) + (folds - strength * across) + _enlarge(blots)

    def paint(self, mask, shade):
        """Lay `shade` over the picture where `mask` is 1, partly where it is between 0 and 1."""
        self.ink += mask * (shade - self.ink)

    def tint(self, mask, change):
        """Make the picture lighter (change > 0) or darker where `mask` is 1."""
        self.ink += self.ink * (mask * change)


def _edge(distance):
    """Coverage of a pixel whose centre lies this far inside (> 0) or outside an edge, in pixels."""
    return np.clip(distance + 0.5, 0, 1)


def _enlarge(cells):
    """Twice as many rows and columns."""
    return cells.repeat(2, axis=1).repeat(2, axis=2)


def _outline(position, *corners):
    """Join corners (position, value), in the order of position, by straight lines; the value at every position."""
    total = corners[0][1]
    for (here, value), (there, goal) in pairwise(corners):
        total = total + (goal - value) * np.clip((position - here) / (there - here), 0, 1)
    return total


def _wave(turns):
    """A triangle wave between -1 and 1 with period 1."""
    return np.abs(turns - np.floor(turns) - 0.5) * 4 - 1


# From here on pairs are ranges in pixels (of brightness for `shade`), lone numbers probabilities, and tuples of whole
# numbers odds. `front` is a line down the middle, `buttons` make it one of dots, `band` sets off hem and cuffs.
_TOP_ODDS = {"front": 0.06, "buttons": 0.5, "band": 0.1, "chest_print": 0.05, "pockets": 0.03, "belt": 0.03}


def _draw_top(cut, sketch, *, neck=(2.2, 4.4), collar=(0.4, 1.5), front_width=(0.3, 0.8), shade=(0.25, 1), **odds):
    """What is worn on the upper body, and dresses.

    The cut: sleeves (none, short, to the elbow, long), half the width at the shoulder, waist and hem, the hem's height,
    and the cloth (plain, striped, checked, printed). `odds` are those that differ from the usual ones.
    """
    sleeves, shoulder, waist, hem, length, cloth = cut
    odds = _TOP_ODDS | odds
    between, chance = sketch.between, sketch.chance
    x, y = sketch.x - between(-0.06, 0.06) * sketch.y, sketch.y
    side = np.abs(x)
    cloth = between(*shade) * sketch.weave(*cloth)
    top, bottom = between(-13.8, -12.2), between(*length)
    neck_half, shoulder_half, waist_half, hem_half = between(*neck), between(*shoulder), between(*waist), between(*hem)
    waist_height = between(-2, 4)

    _, short, elbow, long = sketch.choose(*sleeves)
    reach = short * between(3.5, 8) + elbow * between(8, 15) + long * between(18, 23)
    slope = short * between(0.5, 1.1) + elbow * between(0.25, 0.6) + long * between(0.12, 0.3)
    norm = np.sqrt(1 + slope * slope)
    from_joint, below_joint = (side - (shoulder_half - 1.6)) / norm, (y - (top + 3.6)) / norm
    along, aside = from_joint * slope + below_joint, from_joint - below_joint * slope
    half_width = between(2, 2.9) - along * ((elbow + long) * between(0.02, 0.06))
    arm = _edge(np.minimum(np.minimum(half_width - np.abs(aside), reach - along), along + 3)) * (reach > 0)
    sketch.paint(arm, between(0.85, 1.15) * cloth)
    band_change = chance(odds["band"]) * between(-0.35, 0.25)
    sketch.tint(_edge(along - (reach - 2)), band_change)

    shoulders = (top, neck_half + 0.5), (top + between(1.5, 3), shoulder_half)
    armpits = np.float32(-5), shoulder_half - between(0, 0.9)
    half_width = _outline(y, *shoulders, armpits, (waist_height, waist_half), (bottom, hem_half))
    rounding = chance(0.5) * between(0, 1.5) / hem_half
    inside = np.minimum(half_width - side, np.minimum(y - top, (bottom - y) - rounding * side))
    body = _edge(inside)
    sketch.tint(_edge(inside + 0.8), between(-0.5, 0))  # the seam, seen where the body lies over a sleeve
    sketch.paint(body, cloth)

    # The neckline, round or pointed; in half of the pictures the back of the neck shows in it.
    depth, round_neck = between(0.5, 4.5), chance(0.7)
    fraction = side / neck_half
    curve = fraction * (1 - round_neck) + fraction * fraction * round_neck
    sketch.paint(_edge((depth - (y - top)) - depth * curve) * body, chance(0.5) * between(0.05, 0.6))

    middle = np.abs(x - between(-1.8, 1.8))
    dotted = chance(odds["buttons"])
    dots = 1 - dotted + dotted * _edge(_wave(y / between(3, 5) + between(0, 1)) * 2)
    dots = dots * ((y > top + depth) * chance(odds["front"]) * between(0.3, 0.7) * (1 - 2 * chance(0.6)))
    sketch.tint(_edge(between(*front_width) - middle) * body, dots)
    tip = between(*collar)
    lapel = _edge(between(0.6, 1.6) - np.abs(side - neck_half * (1 - (y - top) / tip))) * body
    sketch.tint(lapel, _edge(top + tip - y) * (chance(0.85) * between(0.15, 0.45) * (1 - 2 * chance(0.5))))
    sketch.tint(body, (y > bottom - between(1.2, 2.6)) * band_change)
    square = _edge(between(2, 4) - np.abs(x - between(-2, 2))) * _edge(between(1.2, 4) - np.abs(y + between(2, 5)))
    letters = between(-0.6, 0.3) + between(0.3, 0.9) * _enlarge(sketch.noise(14))
    sketch.tint(square * chance(odds["chest_print"]), letters)
    flap = _edge(between(0.8, 1.6) - np.abs(side - between(2.8, 4)))
    at_flap = _edge(between(0.3, 1) - np.abs(y - between(2, 8)))
    sketch.tint(flap, at_flap * (chance(odds["pockets"]) * between(-0.5, 0.4)))
    belted = chance(odds["belt"])
    sketch.tint(body, _edge(between(0.2, 0.9) - np.abs(y - waist_height)) * (belted * between(-0.6, 0.3)))
    pleats = _wave(x / half_width * between(1.5, 3))
    sketch.tint(pleats * body, (y > waist_height) * (belted * between(0, 0.25)))


def _draw_trousers(sketch):
    between, chance = sketch.between, sketch.chance
    x, y = sketch.x - between(-0.08, 0.08) * sketch.y, sketch.y
    side = np.abs(x)
    top, bottom, crotch, hip = between(-14, -12.5), between(10, 14), between(-6.5, -2), between(4.2, 6)
    outer = _outline(y, (top, hip - between(0, 1.2)), (crotch, hip), (bottom, between(3, 7)))
    inner = _outline(y, (crotch, np.float32(-14)), (crotch + 0.5, between(-0.6, 0.3)), (bottom, between(0.2, 2.4)))
    legs = _edge(np.minimum(outer - side, side - inner)) * _edge(np.minimum(y - top, bottom - y))
    sketch.paint(legs, between(0.35, 1) * sketch.weave(20, 2, 1, 3))
    sketch.tint(_edge(between(0.2, 1.2) - np.abs(side - (outer + inner) / 2)), between(-0.15, 0.2))
    sketch.tint(legs, (y < top + between(1, 2.2)) * between(-0.3, 0.2))
    sketch.tint(_edge(between(0.2, 0.6) - side), (y < crotch) * between(-0.5, 0))
    pocket = np.abs(side - (hip - between(1, 2) + (y - top) * 0.4))
    sketch.tint(_edge(0.3 - pocket), (y < top + 5) * (chance(0.5) * between(-0.4, 0)))


def _draw_bag(sketch):
    between, chance = sketch.between, sketch.chance
    x, y = sketch.x, sketch.y + between(-0.06, 0.06) * sketch.x
    side = np.abs(x)
    light, handled = between(0.35, 1), chance(0.7)
    top, bottom = between(-9, -4) + handled * between(0, 6), between(6, 13)
    half = _outline(y, (top, between(8, 13.8)), (bottom, between(9.5, 13.8)))
    # The handle is the upper half of an elliptic ring standing on the bag.
    handle_half, handle_height = between(3, 8), np.minimum(between(4, 12), top + 13.5)
    across, up = side / handle_half, (y - top) / handle_height
    from_ring = np.abs(np.sqrt(across * across + up * up) - 1) * np.minimum(handle_half, handle_height)
    sketch.paint(_edge(between(0.5, 1.1) - from_ring) * (y < top), handled * light * between(0.6, 1.2))
    corner = between(0, 4)
    excess = np.maximum(corner - (bottom - y), 0) + np.maximum(corner * chance(0.5) - (y - top), 0)
    bag = _edge(np.minimum(half - excess * excess / (corner + 2) - side, np.minimum(y - top, bottom - y)))
    sketch.paint(bag, light * sketch.weave(6, 1, 1, 2))
    flap = top + (bottom - top) * between(0.15, 0.6)
    from_flap = np.abs(y - flap + side * (chance(0.3) * 0.4))
    sketch.tint(bag * _edge(between(0.3, 0.7) - from_flap), chance(0.7) * between(-0.6, 0.2))
    clasp = _edge(between(0.7, 2) - side) * _edge(between(0.6, 1.6) - np.abs(y - flap))
    sketch.tint(bag * clasp, chance(0.6) * between(-0.7, 0.5))
    sketch.tint(bag * _edge(0.5 - np.abs(side - between(4, 9))), chance(0.3) * between(-0.4, 0.4))


def _draw_shoe(cut, sketch, *, closed, sole=(1.2, 3), shade=(0.35, 1)):
    """Shoes, toe to the left; of those that are not closed only the straps are there.

    The cut: height; heel, toe, instep, ankle and opening as shares of it; how far the ankle lies before the mouth; and
    the mouth, where the foot goes in, from the middle to the right.
    """
    height, heel, toe, instep, ankle, opening, slope, mouth = cut
    between, chance = sketch.between, sketch.chance
    x = sketch.x
    light, tall = between(*shade), between(*height)
    above = np.minimum(tall / 2 + between(-0.5, 1.5), 13.6) - sketch.y  # height above the ground
    front, ball, back, mouth = between(-14, -12.8), between(-7.5, -4.5), between(12.3, 13.8), between(*mouth)
    thickness = between(*sole)
    foot = _outline(x, (ball, np.float32(0)), (back - 3, tall * between(*heel)))  # the arch, from the ball to the heel
    tip = (front, thickness + between(0.5, 2.5)), (front + between(1.5, 4), thickness + tall * between(*toe))
    tongue = (ball, thickness + tall * between(*instep)), (mouth - between(*slope), tall * between(*ankle))
    collar = (mouth, tall * between(0.85, 1)), (mouth + between(1.5, 3.5), tall * between(*opening))
    rear = (back - 1.5, tall * between(*opening)), (back - 0.5, tall * between(0.9, 1))
    rim = _outline(x, *tip, *tongue, *collar, *rear)
    within = np.minimum(x - front, back - x)
    upper = _edge(np.minimum(rim - above, np.minimum(above - foot, within)))
    ribbons = [between(0.5, 1.5) - np.abs(x - above * between(-1, 1) - between(-11, 12)) for _ in range(3)]
    steepness = np.maximum(np.abs(np.diff(rim, axis=2, append=rim[:, :, -1:])), 1)
    ribbons.append(chance(0.75) * 30 - 29 - np.abs(rim - above) / steepness)  # along the rim, on most shoes
    ribbons = _edge(np.maximum(np.maximum(ribbons[0], ribbons[1]), np.maximum(ribbons[2], ribbons[3])))
    is_closed = chance(closed)
    sketch.paint(upper * np.maximum(ribbons, is_closed), light * sketch.weave(20, 1, 1, 4))
    sketch.tint(ribbons, is_closed * chance(0.6) * between(-0.5, 0.3))  # straps seen on a closed shoe
    lining = _edge(above - rim + between(0.5, 2)) * (x > mouth + 1)
    sketch.tint(lining, is_closed * between(-0.8, 0.1))
    sketch.tint(x < front + between(3, 6), is_closed * chance(0.4) * between(-0.3, 0.3))  # the toe cap
    floor = foot * (x < back - between(1.2, 8))  # the ground under the toe and the heel, the arch between them
    lowest = np.minimum(np.minimum(foot + thickness - above, above - floor), within)
    sketch.paint(_edge(lowest), light * between(0.5, 1.3))
    sketch.tint(_edge(0.5 - np.abs(above - foot - thickness)), between(-0.6, 0))


# Cuts of tops (sleeves; shoulder, waist, hem, length; cloth) and of shoes (height; heel, toe, instep, ankle, opening;
# slope, mouth).
_T_SHIRT = ((14, 74, 8, 4), (6.5, 8.5), (6, 7.6), (6.2, 8), (11.5, 13.6), (10, 3, 1, 3))
_PULLOVER = ((1, 3, 8, 88), (6.5, 8.5), (6, 7.8), (5.8, 7.8), (8, 13.2), (10, 4, 1, 2))
_DRESS = ((50, 27, 8, 15), (3.8, 7), (3, 6), (4, 8.5), (12.5, 14), (10, 2, 1, 3))
_COAT = ((1, 1, 3, 95), (6.6, 8.6), (5.9, 8), (6.6, 8.9), (12, 14), (14, 1, 1, 2))
_SHIRT = ((6, 26, 16, 52), (6, 8.1), (5.5, 7.4), (5.7, 7.9), (11, 13.8), (8, 2, 3, 4))
_SANDAL = ((7, 27), (0, 0.5), (0.1, 0.3), (0.2, 0.45), (0.4, 0.7), (0.55, 0.95), (1, 5), (2, 7))
_SNEAKER = ((9, 17), (0, 0.05), (0.18, 0.32), (0.3, 0.5), (0.65, 0.85), (0.78, 1), (2, 5), (1.5, 6))
_ANKLE_BOOT = ((12, 27), (0, 0.3), (0.12, 0.22), (0.22, 0.32), (0.45, 0.6), (0.88, 1), (0.5, 2.5), (-1.5, 3.5))
_COAT_FRONT = {"front": 0.92, "front_width": (0.6, 1.8), "buttons": 0.2, "collar": (4, 10)}
_SHIRT_FRONT = {"front": 0.88, "buttons": 0.9, "collar": (1, 4.5), "chest_print": 0.1}

_GARMENTS = [  # by label
    partial(_draw_top, _T_SHIRT, neck=(2.6, 5), chest_print=0.45, front=0.03),
    _draw_trousers,
    partial(_draw_top, _PULLOVER, collar=(0.4, 2), band=0.7, chest_print=0.2, front=0.03),
    partial(_draw_top, _DRESS, belt=0.5, shade=(0.3, 1)),
    partial(_draw_top, _COAT, **_COAT_FRONT, pockets=0.5, belt=0.15, shade=(0.35, 1)),
    partial(_draw_shoe, _SANDAL, closed=0.15, sole=(1, 3.5), shade=(0.3, 1)),
    partial(_draw_top, _SHIRT, **_SHIRT_FRONT, pockets=0.15, belt=0.08, shade=(0.2, 1)),
    partial(_draw_shoe, _SNEAKER, closed=0.98),
    _draw_bag,
    partial(_draw_shoe, _ANKLE_BOOT, closed=0.98, shade=(0.4, 1)),
]
