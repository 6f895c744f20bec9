"""Your own photograph, made into a picture like those of Fashion-MNIST.

The data set's authors made theirs from a shop's photographs on white in seven steps, see section 2 of Xiao, Rasul and
Vollgraf, 2017 (https://arxiv.org/abs/1708.07747). A photograph taken at home has no white
background, so the second step also evens the light out: what has the colour of the corners becomes white. What cannot
be made into such a picture is refused, in a sentence that says why and what to do.
"""

import io
import os
from pathlib import Path
import warnings

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

SIDE = 28  # pixels, of the result
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")  # not those that start other programs, such as EPS
MOST_BYTES, MOST_PIXELS = 100_000_000, 100_000_000
WORKING_SIDE = 256  # pixels; enough to see where a garment is
DARK = 0.4  # of white; the background of a photograph in daylight is brighter
UNLIKE = 0.35  # of white, between two corners: more than the light of one window makes
ROUGH = 0.15  # of white, within a corner: more than the noise of a camera and a wrinkled sheet make
TRIMMED = 0.05  # of white: what differs less from the background is background, as in the paper
LEAST = 0.002  # of the area: a smaller piece is a speck, not of a garment
ADVICE = "lay the garment on something plain and light, and leave a margin on all four sides"


def prepare(picture: str | os.PathLike | bytes | Image.Image, every_step: bool = False):
    """Return a photograph of one garment as a picture of 28 × 28, uint8 (28, 28): the garment bright, 0 around it.

    Args:
        picture: the path of a file, or its content, or a picture that is open in Pillow; JPEG, PNG, WebP, AVIF, GIF,
            BMP or TIFF, of any size. It is turned as the camera noted, what is transparent becomes white, and of
            several frames the first counts.
        every_step: return a dict of what each of the seven steps makes, by its name: uint8 (height, width, 3), and
            (28, 28) for the last, which is the result.

    Raises ValueError if that cannot be done: no such file, no picture, damaged, too large, no plain light background,
    or nothing on it. Nothing is written or changed.
    """
    image, is_cut_out = _on_white(_opened(picture))
    steps = {"as it came": image}
    if is_cut_out:  # then what lies around it is known, even where it reaches into the corners
        image = ImageOps.expand(image, border=1 + max(image.size) // 10, fill="white")
    image = steps["trimmed"] = _trimmed(image)
    image = steps["shrunk"] = _shrunk(image)
    image = steps["sharpened"] = image.filter(ImageFilter.UnsharpMask(radius=1, percent=100, threshold=0))
    image = steps["extended"] = ImageOps.pad(image, (SIDE, SIDE), color="white")
    image = steps["negated"] = ImageOps.invert(image)
    steps["grey"] = image.convert("L")
    arrays = {name: np.array(image) for name, image in steps.items()}
    return arrays if every_step else arrays["grey"]


def _opened(picture) -> Image.Image:
    """Return a picture with all its pixels read; a JPEG may be smaller than in its file."""
    if isinstance(picture, Image.Image):
        return picture
    name, content = "What was given", picture
    if isinstance(picture, str | os.PathLike):
        path = Path(str(picture).strip().strip("\"'")).expanduser()  # Windows copies paths with quotes
        name = path.name or str(path)
        if not path.is_file():
            raise ValueError(f"There is no file {path}: give the path of a picture, such as ~/Pictures/shirt.jpg.")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(
                f"{name} has {path.stat().st_size / 1e6:,.0f} MB, too much for a picture: give a smaller one."
            )
        content = path.read_bytes()
    elif not isinstance(picture, bytes | bytearray | memoryview):
        raise ValueError(f"A picture is a path, the bytes of a file or a Pillow image, not {type(picture).__name__}.")
    content = bytes(content)
    if not content:
        raise ValueError(f"{name} is empty: give a picture, such as a JPEG or PNG file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a size that is refused below
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            too_large = image.width * image.height > MOST_PIXELS
            if not too_large:
                image.draft("RGB", (4 * WORKING_SIDE, 4 * WORKING_SIDE))  # a JPEG need not be unpacked in full
                image.load()
    except Image.DecompressionBombError:
        too_large = True
    except Image.UnidentifiedImageError:
        kind = "a HEIC picture, which has to be saved as JPEG first" if content[4:12] in HEIC else "no picture"
        raise ValueError(f"{name} is {kind}: JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF can be read.") from None
    except Exception as error:  # each format has errors of its own
        raise ValueError(f"{name} is damaged or incomplete ({error}): save or send it again.") from error
    if too_large:
        raise ValueError(f"{name} has more than {MOST_PIXELS // 1_000_000} million pixels: make it smaller first.")
    return image


HEIC = {b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")}


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return a picture turned upright, in RGB, on white where it is transparent; and whether it was that anywhere."""
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):  # Pillow would cut these off at 255
            values = np.nan_to_num(np.asarray(image, dtype=float))
            white = 65535 if values.max() > 255 else 255
            image = Image.fromarray((values / white * 255).clip(0, 255).astype("uint8"))
        if not image.has_transparency_data:
            return image.convert("RGB"), False
        image = image.convert("RGBA")
        is_cut_out = image.getchannel("A").getextrema()[0] < 255
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"), is_cut_out
    except Exception as error:
        raise ValueError(
            f"The colours of this picture ({image.mode}) cannot be read: save it as JPEG first."
        ) from error


def _trimmed(image: Image.Image) -> Image.Image:
    """Return the part of a picture that differs from the background, which becomes white."""
    small = image.copy()
    small.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=float) / 255
    corners, noise = _corners(pixels)
    tolerance = max(TRIMMED, 1.5 * noise)
    garment = np.abs(pixels / _between(corners, pixels.shape) - 1).max(axis=2) > tolerance
    pieces, _ = ndimage.label(garment, np.ones((3, 3)))
    garment &= (np.bincount(pieces.ravel()) >= LEAST * garment.size)[pieces]
    edges = np.concatenate([garment[0], garment[-1], garment[:, 0], garment[:, -1]])
    if edges.mean() > 0.5:
        raise ValueError(f"There is no plain background all around: {ADVICE}.")
    if not garment.any():
        raise ValueError(f"Nothing stands out from the background; a white garment cannot be seen on white: {ADVICE}.")
    rows, columns = np.flatnonzero(garment.any(axis=1)), np.flatnonzero(garment.any(axis=0))
    # From here on in parts of the whole picture, of which the small one may be a rounded copy.
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / np.tile(small.size, 2)
    part = image.crop(tuple(np.round(box * np.tile(image.size, 2)).astype(int)))
    part.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    evened = np.asarray(part, dtype=float) / 255 / _between(corners, (part.height, part.width), box)
    evened[np.abs(evened - 1).max(axis=2) <= tolerance] = 1
    return Image.fromarray((255 * evened.clip(0, 1)).round().astype("uint8"))


def _corners(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the colours of the four corners, float (2, 2, 3), and how rough they are, if they are a background."""
    height, width = pixels.shape[:2]
    size = max(1, round(0.04 * min(height, width)))
    ends = (slice(size), slice(-size, None))
    patches = [[pixels[y, x].reshape(-1, 3) for x in ends] for y in ends]
    corners = np.array([[np.median(patch, axis=0) for patch in row] for row in patches])
    differences = [np.abs(patches[y][x] - corners[y, x]).max(axis=1) for y in (0, 1) for x in (0, 1)]
    noise = max(np.quantile(difference, 0.95) for difference in differences)
    if noise > ROUGH:
        raise ValueError(f"The background is not plain: {ADVICE}.")
    if np.ptp(corners, axis=(0, 1)).max() > UNLIKE:
        raise ValueError(f"The four corners differ, so there is no plain background: {ADVICE}.")
    if corners.mean() < DARK:
        raise ValueError(
            f"The background is dark, or the picture is negated already, as those of the data set are: {ADVICE}."
        )
    return np.maximum(corners, 0.05), float(noise)


def _between(corners: np.ndarray, shape: tuple[int, ...], box=(0, 0, 1, 1)) -> np.ndarray:
    """Return the colour of the background at each place of a part of a picture, between the colours of the corners."""
    left, top, right, bottom = box
    x = np.linspace(left, right, shape[1])[np.newaxis, :, np.newaxis]
    y = np.linspace(top, bottom, shape[0])[:, np.newaxis, np.newaxis]
    above, below = (corners[row, 0] * (1 - x) + corners[row, 1] * x for row in (0, 1))
    return above * (1 - y) + below * y


def _shrunk(image: Image.Image) -> Image.Image:
    """Return a picture whose longer side is 28, by leaving out rows and columns, as in the paper.

    The shop's pictures had 51 × 73 pixels, so that the authors left out about every second one. A larger picture is
    brought to that size first, each pixel the mean of what it covers; a smaller one is enlarged smoothly.
    """

    def to(longer, how):
        sides = [max(1, round(side * longer / max(image.size))) for side in image.size]
        return image.resize(sides, how)

    if max(image.size) < SIDE:
        return to(SIDE, Image.Resampling.BICUBIC)
    image = to(min(max(image.size), 2 * SIDE), Image.Resampling.BOX)
    return to(SIDE, Image.Resampling.NEAREST)
