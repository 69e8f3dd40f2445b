import numpy as np
import pytest

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.thermal import read_thermal
from diffuse_fuse.images.thermal.flir import FlirError, read_flir
from diffuse_fuse.images.thermal.planck import Planck

from .. import flir_file as make

RAW, VISIBLE, CAMERA, PALETTE, ALIGNMENT, GPS = 0x01, 0x0E, 0x20, 0x22, 0x2A, 0x2B


@pytest.mark.parametrize("kind", ["PNG swapped", "PNG", "plain"])
@pytest.mark.parametrize("order", [">", "<"])
def test_counts_and_temperatures_come_back(celsius, photo, kind, order):
    counts = make.counts_of(celsius)
    records = {RAW: make.raw_record(counts, kind), CAMERA: make.camera_record(order)}
    data = make.r_jpeg(make.encode(".jpg", photo), records, order, piece=700)
    assert np.array_equal(read_flir(data).counts(), counts)
    thermal = read_thermal(data, "a.jpg")
    assert thermal.unit == "°C" and np.abs(thermal.values - celsius).max() < 0.02
    assert read_flir(data).camera == "FLIR T1"


def test_a_range_of_less_than_256_counts_is_not_taken_for_swapped_bytes(photo):
    """The same picture 256 times as strong: only the size of the steps tells."""
    counts = (16700 + np.arange(24 * 32).reshape(24, 32) % 32 * 5).astype(np.uint16)
    for kind in ("PNG swapped", "PNG"):
        data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(counts, kind)})
        assert np.array_equal(read_flir(data).counts(), counts)


def test_a_pixel_stuck_at_the_highest_count_has_no_temperature(photo):
    """By the file's constants it would be 187 °C, and the end of every palette."""
    counts = make.counts_of(15 + np.linspace(0, 20, 60 * 80).reshape(60, 80))
    counts[30, 40] = 65535
    data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(counts), CAMERA: make.camera_record()})
    thermal = read_thermal(data, "a.jpg")
    assert thermal.unit == "°C" and thermal.holes is not None and np.argwhere(thermal.holes).tolist() == [[30, 40]]
    assert thermal.measured.max() < 36 and abs(thermal.values[30, 40] - 25) < 1
    counts[28:33, 38:43] = 65535  # something hot
    data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(counts), CAMERA: make.camera_record()})
    assert read_thermal(data, "a.jpg").holes is None


def test_what_the_air_and_the_surface_add_is_taken_off(celsius):
    """S = ετ S(object) + (1-ε)τ S(reflected) + (1-τ) S(atmosphere), put together here and taken apart there."""
    planck = Planck(
        **{**make.PLANCK, "o": float(make.PLANCK["o"])}, emissivity=0.8, reflected=290.0, atmosphere=280.0,
        distance=30.0, humidity=0.6, alpha=(0.006569, 0.01262), beta=(-0.002276, -0.00667), x=1.9,
    )  # fmt: skip
    tau = planck.air_transmission()
    assert 0.9 < tau < 0.999

    def signal(kelvin):
        return make.PLANCK["r1"] / (make.PLANCK["r2"] * (np.exp(make.PLANCK["b"] / kelvin) - 1)) - make.PLANCK["o"]

    seen = 0.8 * tau * signal(celsius + 273.15) + 0.2 * tau * signal(290.0) + (1 - tau) * signal(280.0)
    assert np.abs(planck.celsius(seen) - celsius).max() < 1e-3


def test_records_of_all_kinds(celsius, photo):
    colours = np.stack([np.arange(224), np.arange(224) // 2, 255 - np.arange(224)], -1).astype(np.uint8)
    records = {
        RAW: make.raw_record(make.counts_of(celsius)),
        VISIBLE: make.visible_record(make.encode(".png", photo)),
        PALETTE: make.palette_record(colours),
        ALIGNMENT: make.alignment_record(1.25, 7, -5),
        GPS: make.gps_record(-33.9, 151.2),
    }
    flir = read_flir(make.r_jpeg(make.encode(".jpg", photo), records))
    assert np.abs(flir.palette.astype(int) - colours).max() <= 2 and flir.palette_name == "Mine"
    assert (flir.alignment.scale, flir.alignment.dx, flir.alignment.dy) == (1.25, 7, -5)
    assert flir.gps == (-33.9, 151.2)
    assert flir.planck is None and flir.camera is None  # no camera record: counts, with a warning
    thermal = read_thermal(make.r_jpeg(make.encode(".jpg", photo), records), "a.jpg")
    assert thermal.unit == "counts" and "no constants" in thermal.warnings[0]


def test_a_plain_jpeg_has_no_records(photo):
    assert read_flir(make.encode(".jpg", photo)) is None
    assert read_thermal(make.encode(".jpg", photo), "a.jpg").flir is None


def test_unknown_raw_data_fall_back_to_the_picture_with_a_warning(photo, celsius):
    records = {RAW: make.raw_record(make.counts_of(celsius), "JPEG-LS"), CAMERA: make.camera_record()}
    thermal = read_thermal(make.r_jpeg(make.encode(".jpg", photo), records), "a.jpg")
    assert thermal.unit == "levels" and thermal.values.shape == (48, 64)
    assert "no raw thermal data that dfuse can decode" in thermal.warnings[0]


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda fff: b"BAD" + fff[3:], "no FFF header"),
        (lambda fff: fff[:0x18] + b"\xff\xff\xff\xf0" + fff[0x1C:], "directory"),
        (lambda fff: fff[:0x1C] + b"\x7f\xff\xff\xff" + fff[0x20:], "directory"),
        (lambda fff: fff[:0x30], "no FFF header"),
    ],
)
def test_damaged_directories_are_refused(photo, celsius, monkeypatch, spoil, words):
    whole = make.fff
    monkeypatch.setattr(make, "fff", lambda *args: spoil(whole(*args)))
    data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(make.counts_of(celsius))})
    with pytest.raises(FlirError, match=words):
        read_flir(data)
    with pytest.raises(ImageReadError, match=r"a\.jpg cannot be used: its thermal data"):
        read_thermal(data, "a.jpg")


def test_a_missing_part_is_noticed(photo, celsius):
    data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(make.counts_of(celsius), "plain")}, piece=600)
    last = data.rindex(b"FLIR\0")
    with pytest.raises(FlirError, match="incomplete"):
        read_flir(data[: last - 4] + data[last + 8 :])


def test_raw_data_that_claim_too_many_pixels_are_refused(photo):
    data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(np.zeros((400, 500), np.uint16), "PNG")})
    with pytest.raises(ImageReadError, match="500×400 pixels"):
        read_thermal(data, "a.jpg", max_pixels=100_000)


def one_file(path, ir, vis, alignment=None, visible=None):
    records = {
        RAW: make.raw_record(make.counts_of(ir)),
        CAMERA: make.camera_record(),
        VISIBLE: make.visible_record(visible or make.encode(".png", vis)),
    }
    if alignment:
        records[ALIGNMENT] = make.alignment_record(*alignment)
    path.write_bytes(make.r_jpeg(make.encode(".jpg", vis), records))
    return path


@pytest.mark.parametrize("alignment", [(1.0, 0, 0), (1.6, 0, 0), (1.6, 8, -4), (2.0, 30, 0)])
@pytest.mark.parametrize("size", ["vis", "ir"])
def test_one_file_is_a_pair_laid_together_as_it_says(tmp_path, alignment, size):
    """Both pictures show one warm white disc; after laying together it is at the same place in both."""
    scale, dx, dy = alignment
    y, x = np.mgrid[:120, :160] + 0.5
    disc = (x - 88) ** 2 + (y - 56) ** 2 < 12**2
    vis = np.where(disc[..., None], 240, 40).astype(np.uint8).repeat(3, -1)
    v, u = np.mgrid[:60, :80] + 0.5  # the infrared pixel centres, in visible pixels
    pixel = 2 / scale
    at_x, at_y = 80 + dx + (u - 40) * pixel, 60 + dy + (v - 30) * pixel
    ir = 20 + 15 * ((at_x - 88) ** 2 + (at_y - 56) ** 2 < 12**2)
    path = one_file(tmp_path / "a.jpg", ir, vis, alignment)
    pair = load_pair(path, path, LoadOptions(size=size))
    assert pair.ir.shape == pair.vis.shape[:2] and pair.ir.dtype == np.float32
    full = (120 / scale, 160 / scale) if size == "vis" else (60, 80)
    if not dx or abs(dx) < 30:
        assert abs(pair.ir.shape[0] - full[0]) <= 1 and abs(pair.ir.shape[1] - full[1]) <= 1
    weight = pair.ir - np.median(pair.ir)
    light = pair.vis[..., 0] - 40.0
    for axis in (0, 1):
        places = np.arange(pair.ir.shape[axis])
        centres = [(w.sum(1 - axis) * places).sum() / w.sum() for w in (weight, light)]
        assert abs(centres[0] - centres[1]) < 0.6
    assert "field of view" in pair.warnings[-1]


def test_without_an_alignment_the_centres_are_laid_together(tmp_path, celsius, photo):
    path = one_file(tmp_path / "a.jpg", celsius, photo)
    pair = load_pair(path, path)
    assert np.array_equal(pair.vis, photo) and "does not say how" in pair.warnings[0]


def test_a_visible_picture_stored_as_ycbcr_is_noticed(tmp_path, celsius, photo):
    import cv2

    noisy = np.clip(photo + np.random.default_rng(0).normal(0, 40, (48, 64, 1)), 0, 255).astype(np.uint8)
    grey = noisy.mean(2, keepdims=True) + 0.2 * (noisy - noisy.mean(2, keepdims=True))
    muted = np.clip(grey, 0, 255).astype(np.uint8)  # colours of a room, not of a rainbow
    stored = cv2.cvtColor(muted, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    path = one_file(tmp_path / "a.jpg", celsius, muted, (1.0, 0, 0), make.encode(".png", stored))
    assert np.abs(load_pair(path, path).vis.astype(int) - muted).max() <= 3


def test_a_file_without_a_visible_picture_says_what_is_needed(tmp_path, celsius, photo):
    data = make.r_jpeg(make.encode(".jpg", photo), {RAW: make.raw_record(make.counts_of(celsius))})
    for name, content in (("flir.jpg", data), ("plain.jpg", make.encode(".jpg", photo))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageReadError, match=f"{name}.*give the visible picture as the second file"):
            load_pair(tmp_path / name, tmp_path / name)


@pytest.mark.parametrize(
    "name, shape, low, high",
    [("FLIR_AX8.jpg", (60, 80), 24.3, 25.5), ("FLIR_E40.jpg", (120, 160), 17.9, 24.7)],
)
def test_real_files_give_the_temperatures_that_the_camera_shows(real, name, shape, low, high):
    """The AX8 wrote min 24.3, max 25.5 over its box, the E40 20.9 at its spot in the centre, into their pictures."""
    thermal = read_thermal((real / name).read_bytes(), name)
    assert thermal.unit == "°C" and thermal.values.shape == shape
    assert abs(thermal.values.min() - low) < 0.06 and abs(thermal.values.max() - high) < 0.06
    if "E40" in name:
        assert abs(thermal.values[60, 80] - 20.9) < 0.05


def test_the_offsets_of_a_real_file_bring_its_pictures_together(real, monkeypatch):
    """The edges of the cup agree better than without offsets, or with them the other way round."""
    import cv2

    from diffuse_fuse.images import embedded
    from diffuse_fuse.images.thermal.flir import Alignment

    def edges(image):
        blurred = cv2.GaussianBlur(np.float32(image), (0, 0), 2)
        return np.log1p(np.hypot(cv2.Sobel(blurred, -1, 1, 0), cv2.Sobel(blurred, -1, 0, 1)))

    data = (real / "FLIR.jpg").read_bytes()
    thermal = read_thermal(data, "FLIR.jpg")
    vis = embedded.visible_of(thermal, data, "FLIR.jpg", 10**8)
    ir = np.clip((thermal.values - 26) / 36, 0, 1)
    agreement = {}
    for sign in (1, 0, -1):
        given = thermal.flir.alignment
        a, b, _ = embedded.lay_on(ir, vis, Alignment(given.scale, sign * given.dx, sign * given.dy), "vis")
        agreement[sign] = np.corrcoef(edges(a * 255).ravel(), edges(b.mean(2)).ravel())[0, 1]
    assert agreement[1] > agreement[0] + 0.1 and agreement[1] > agreement[-1] + 0.1
