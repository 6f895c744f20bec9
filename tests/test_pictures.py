"""`pictures.prepare`: a photograph of any common kind becomes a picture of 28 × 28, or is refused with its reason."""

import io
import struct
import tracemalloc
import zlib

from fashion_utils import pictures
import numpy as np
from PIL import Image, ImageDraw
import pytest

STEPS = ["as it came", "trimmed", "shrunk", "sharpened", "extended", "negated", "grey"]


def drawn(size=(300, 400), background=(255, 255, 255), color=(60, 60, 60), mode="RGB"):
    """A garment seen from the front, twice as high as wide, with a notch below and a bright pocket on the left."""
    image = Image.new(mode, size, background)
    width, height = size
    draw = ImageDraw.Draw(image)
    draw.rectangle((width * 0.3, height * 0.2, width * 0.7, height * 0.8), fill=color)
    draw.rectangle((width * 0.34, height * 0.25, width * 0.44, height * 0.55), fill=tuple(c + 120 for c in color[:3]))
    draw.polygon([(width * 0.4, height), (width * 0.5, height * 0.6), (width * 0.6, height)], fill=background)
    return image


def packed(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def expected():
    return pictures.prepare(drawn())


def close(picture, expected, least=0.93):
    """Whether two small pictures are alike but for the noise of a compression and a row more or less."""
    return np.corrcoef(picture.ravel().astype(float), expected.ravel())[0, 1] > least


# --- The steps --------------------------------------------------------------------------------------------------------


def test_the_result_is_like_a_picture_of_the_data_set(expected):
    assert expected.shape == (28, 28) and expected.dtype == np.uint8
    rows, columns = expected.any(axis=1), expected.any(axis=0)
    assert rows.all(), "the longer side fills the picture"
    assert columns.sum() == 14 and columns[7:21].all(), "the shorter side is in the middle"
    assert (expected[:, :7] == 0).all() and (expected[:, 21:] == 0).all()
    assert expected[16, 17] == 255 - 60, "dark cloth is bright"
    assert expected[16, 17] > expected[10, 9] > 0, "a bright pocket is darker"


def test_every_step_can_be_seen(expected):
    steps = pictures.prepare(drawn(), every_step=True)
    assert list(steps) == STEPS
    assert all(step.dtype == np.uint8 for step in steps.values())
    assert steps["as it came"].shape == (400, 300, 3)
    trimmed = steps["trimmed"].shape
    assert abs(trimmed[0] - 241) <= 4 and abs(trimmed[1] - 121) <= 4
    assert max(steps["shrunk"].shape) == 28 and steps["shrunk"].shape[1] < 28
    assert steps["sharpened"].shape == steps["shrunk"].shape
    assert np.ptp(steps["sharpened"]) >= np.ptp(steps["shrunk"])
    assert (steps["sharpened"] != steps["shrunk"]).any()
    assert steps["extended"].shape == (28, 28, 3)
    assert np.array_equal(steps["negated"], 255 - steps["extended"])
    assert np.array_equal(steps["grey"], expected)


def test_an_uneven_light_is_evened_out(expected):
    light = np.linspace(1, 0.8, 400)[:, None, None] * np.linspace(1, 0.9, 300)[None, :, None]
    rng = np.random.default_rng(0)
    photograph = np.asarray(drawn(background=(230, 225, 210))) * light + rng.normal(0, 12, (400, 300, 3))
    steps = pictures.prepare(packed(Image.fromarray(photograph.clip(0, 255).astype("uint8")), "JPEG"), every_step=True)
    picture = steps["grey"]
    assert close(picture, expected)
    assert (picture[:, :5] == 0).all() and (picture[:, -5:] == 0).all(), "what was background is 0"
    assert (steps["trimmed"][-20:, 55:65] == 255).mean() > 0.95, "between the legs, too"
    cloth = picture[3:25, 16:19].astype(float)
    assert abs(cloth[:8].mean() - cloth[-8:].mean()) < 5, "the same cloth is equally bright above and below"


def test_rows_and_columns_are_left_out_as_in_the_paper():
    """In place of averages, which would have numbers that no pixel had."""
    image = np.full((70, 70, 3), 255, "uint8")
    image[7:63, 7:63] = np.where(np.indices((56, 56)).sum(axis=0) % 2, 0, 100)[..., None]
    assert set(np.unique(pictures.prepare(Image.fromarray(image), every_step=True)["shrunk"])) <= {0, 100, 255}


def test_what_is_tiny_is_enlarged_smoothly():
    steps = pictures.prepare(drawn((20, 24)), every_step=True)
    assert max(steps["trimmed"].shape) < 20
    edge = steps["shrunk"].astype(int).mean(axis=2)
    assert len(np.unique(edge)) > 30


def test_specks_do_not_count(expected):
    image = drawn()
    for place in [(10, 10), (150, 390), (290, 200)]:
        image.putpixel(place, (0, 0, 0))
    assert close(pictures.prepare(image), expected)


# --- Kinds of pictures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_any_common_format(form, expected, tmp_path):
    path = tmp_path / f"my shirt é.{form.lower()}"
    path.write_bytes(packed(drawn(), form))
    before = path.read_bytes(), sorted(tmp_path.iterdir())
    assert close(pictures.prepare(path), expected)
    assert close(pictures.prepare(f'"{path}"'), expected), "Windows copies a path with quotes"
    assert close(pictures.prepare(memoryview(path.read_bytes())), expected), "as FileUpload gives it"
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == before


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_a_picture_is_turned_as_the_camera_noted(orientation, expected):
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180}
    undo |= {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = drawn().transpose(undo[orientation])
    content = packed(lying, "JPEG", exif=exif, quality=95)
    assert close(pictures.prepare(content), expected)
    assert not close(pictures.prepare(packed(lying, "PNG")), expected), "without the note it lies"


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "LA", "1"])
def test_any_kind_of_colour(mode, expected):
    image = drawn().convert(mode)
    found = pictures.prepare(packed(image, "TIFF" if mode in ("CMYK", "1") else "PNG"))
    assert close(found > 0, expected > 0)


def test_sixteen_bits(expected):
    image = Image.fromarray(np.asarray(drawn().convert("L")).astype("uint16") * 257)
    assert close(pictures.prepare(packed(image)), expected)


def test_what_is_transparent_is_white_even_where_the_garment_fills_the_picture(expected):
    image = drawn(background=(0, 0, 0, 0), color=(60, 60, 60, 255), mode="RGBA")
    assert close(pictures.prepare(packed(image)), expected)
    assert close(pictures.prepare(packed(image.crop(image.getbbox()))), expected)


@pytest.mark.parametrize("size", [(24, 32), (60, 80), (3000, 4000), (6000, 8000)])
def test_tiny_and_large(size, expected):
    image = drawn().resize(size, Image.Resampling.BOX)
    assert close(pictures.prepare(packed(image, "JPEG", quality=95)), expected, least=0.85)


@pytest.mark.parametrize("size", [(900, 60), (60, 900)])
def test_not_square(size):
    picture = pictures.prepare(drawn(size))
    assert picture.shape == (28, 28)
    assert picture.any(axis=0).all() == (size[0] > size[1]) and picture.any(axis=1).all() == (size[0] < size[1])


def test_the_first_frame_counts(expected):
    frames = packed(drawn(), "GIF", save_all=True, append_images=[Image.new("RGB", (300, 400), "white")])
    assert close(pictures.prepare(frames), expected)


def test_a_picture_open_in_pillow_stays_as_it_is(expected):
    image = drawn()
    before = image.tobytes()
    assert np.array_equal(pictures.prepare(image), expected)
    assert image.tobytes() == before


# --- Refusals ---------------------------------------------------------------------------------------------------------


def refusal(picture):
    with pytest.raises(ValueError) as error:
        pictures.prepare(picture)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


def test_no_plain_background():
    stripes = np.zeros((400, 300), "uint8") + 255
    stripes[:, ::4] = stripes[:, 1::4] = 100
    assert "not plain" in refusal(Image.fromarray(stripes))
    split = Image.new("RGB", (300, 400), "white")
    split.paste((120, 120, 120), (0, 200, 300, 400))
    assert "four corners differ" in refusal(split)
    frame = Image.new("RGB", (300, 400), (90, 60, 30))
    for corner in [(0, 0), (270, 0), (0, 370), (270, 370)]:
        frame.paste("white", (*corner, corner[0] + 30, corner[1] + 30))
    assert "all around" in refusal(frame)
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3)).astype("uint8")
    refusal(Image.fromarray(noise))


def test_a_dark_background_or_one_of_our_own_pictures(expected):
    assert "dark" in refusal(drawn(background=(20, 20, 30), color=(150, 150, 150)))
    assert "negated already" in refusal(Image.fromarray(np.pad(expected, 3)))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (28, 28), (400, 300)])
def test_nothing_found(size):
    assert "Nothing stands out" in refusal(Image.new("RGB", size, (240, 240, 235)))


def test_a_white_garment_is_not_seen():
    assert "white garment" in refusal(drawn(color=(250, 250, 250), background=(255, 255, 255)).convert("L"))


def test_a_speck_is_nothing():
    image = Image.new("RGB", (400, 400), "white")
    for x in range(10, 400, 50):
        image.paste("black", (x, 200, x + 10, 210))
    assert "Nothing stands out" in refusal(image)


@pytest.mark.parametrize(
    "content",
    [b"Dear diary", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ids=["text", "EPS", "SVG"],
)
def test_not_a_picture(content, tmp_path):
    assert "no picture" in refusal(content)
    path = tmp_path / "notes.png"
    path.write_bytes(content)
    assert refusal(path).startswith("notes.png is no picture")


def test_a_picture_of_an_iphone_is_named():
    assert "saved as JPEG first" in refusal(b"\0\0\0\x18ftypheic" + bytes(100))


def test_damaged():
    content = packed(drawn(), "JPEG")
    assert "damaged" in refusal(content[: len(content) // 2])
    content = packed(drawn())
    assert "damaged" in refusal(content[: len(content) // 2])
    assert "empty" in refusal(b"")


def test_no_file(tmp_path):
    assert "There is no file" in refusal(tmp_path / "missing.jpg")
    assert "There is no file" in refusal(tmp_path)
    assert "There is no file" in refusal("")
    assert "not NoneType" in refusal(None)


def png_bomb(side):
    """A small PNG that says it has side × side pixels, all white."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(bytes(1 + side // 8)) for _ in range(side)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_008, 20_000])  # Pillow itself warns of the first and refuses the second
def test_a_bomb_is_not_unpacked(side, recwarn):
    content = png_bomb(side)
    tracemalloc.start()
    assert "100 million pixels" in refusal(content)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert not recwarn.list


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "film.jpg"
    with open(path, "wb") as file:
        file.truncate(pictures.MOST_BYTES + 1)
    assert "too much for a picture" in refusal(path)
