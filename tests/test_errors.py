"""Whatever is given to the public Python API: it is taken, or refused by a DfuseError, whose text is a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

import diffuse_fuse
from diffuse_fuse import DfuseError, alignment, evaluate, images, metrics
from diffuse_fuse.images.options import LoadOptions

RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
GREY = RGB[..., 0]

# by what they are called in a failing test; arrays of every wrong kind, and what no array is
NO_PICTURES: dict[str, object] = {
    "a number": 5,
    "a float": 0.5,
    "true": True,
    "an object": object(),
    "bytes": b"bytes",
    "a dict": {"a": 1},
    "a set": {1, 2},
    "an empty list": [],
    "a ragged list": [[1, 2], [3]],
    "a list of texts": [["a"]],
    "a function": len,
    "a class": np.ndarray,
    "no dimensions": np.uint8(3),
    "one dimension": np.zeros(9, np.uint8),
    "nothing in it": np.zeros((0, 32), np.uint8),
    "two channels": np.zeros((24, 32, 2), np.uint8),
    "four channels": np.zeros((24, 32, 4), np.uint8),
    "channels first": np.zeros((3, 24, 32), np.uint8),
    "a batch": np.zeros((1, 24, 32, 3), np.uint8),
    "int64": np.zeros((24, 32), np.int64),
    "bool": np.zeros((24, 32), bool),
    "complex": np.zeros((24, 32), complex),
    "objects": np.full((24, 32), None, object),
    "texts": np.full((24, 32), "a"),
    "dates": np.zeros((24, 32), "datetime64[s]"),
    "records": np.zeros((24, 32), [("a", np.uint8)]),
    "not a number": np.full((24, 32), np.nan),
    "infinite": np.full((24, 32), np.inf),
    "half of it beyond 1": np.linspace(0, 255, 24 * 32).reshape(24, 32),
    "too small": np.zeros((8, 8), np.uint8),
    "another shape": np.zeros((24, 90), np.uint8),
    "a masked array of floats beyond 1": np.ma.masked_all((24, 32)) + 7,
}
NO_PATHS: dict[str, object] = {
    "an empty text": "",
    "a folder": ".",
    "a missing file": "none.png",
    "a NUL in it": "a\0b.png",
    "a text file": __file__,
    "a name that is too long": "a" * 5000 + ".png",
}
NO_NAMES: dict[str, object] = {
    "none": None,
    "a number": 5,
    "an empty text": "",
    "a list": ["fast"],
    "a folder": ".",
    "another name": "nosuch",
    "a NUL in it": "a\0b",
    "bytes": b"fast",
    "a text file": __file__,
    "a name that is too long": "a" * 5000,
}
NO_NUMBERS: dict[str, object] = {
    "none": None,
    "a text": "many",
    "nan": float("nan"),
    "infinite": float("inf"),
    "negative": -1,
    "a list": [1],
    "an object": object(),
    "an array": np.zeros(3),
}

NO_BALANCES = {name: value for name, value in NO_NUMBERS.items() if name != "an array"}


def refused(call: Callable[..., object], *arguments: object, may_take: bool = False, **named: object) -> str | None:
    """What is wrong with how ``call`` takes these arguments: None where it refuses them as it should."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call(*arguments, **named)
        except DfuseError as error:
            text = str(error)
            return None if text.strip() and "\n" not in text else f"a text that is no sentence: {text!r}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None if may_take else "taken"


def walk(call: Callable[[object], object], wrong: dict[str, object], may_take: tuple[str, ...] = ()) -> None:
    """Calls with each of the wrong things; fails with all that are neither taken nor refused as they should be."""
    found = {name: refused(call, value, may_take=name in may_take) for name, value in wrong.items()}
    assert not {name: what for name, what in found.items() if what}


@pytest.fixture(scope="module")
def fuser(tiny_model):
    return diffuse_fuse.Fuser(tiny_model, device="cpu")


@pytest.mark.parametrize("kind", ["pictures", "paths"])
def test_pictures_to_fuse(fuser, kind):
    wrong = NO_PICTURES if kind == "pictures" else NO_PATHS
    walk(lambda ir: fuser.fuse(ir, RGB), wrong | {"none": None})
    walk(lambda vis: fuser.fuse(GREY, vis), wrong | {"none": None})
    walk(lambda both: fuser.fuse(both, both), {name: wrong[name] for name in wrong if name != "another shape"})


def test_options_of_fusing(fuser, tiny_model):
    walk(lambda depth: fuser.fuse(GREY, RGB, depth=depth), NO_NUMBERS)
    walk(lambda name: diffuse_fuse.Fuser(name), NO_NAMES)
    walk(lambda name: diffuse_fuse.fuse(GREY, RGB, name), NO_NAMES)
    walk(lambda device: diffuse_fuse.Fuser(tiny_model, device=device), NO_NAMES)
    walk(lambda threads: diffuse_fuse.Fuser(tiny_model, threads=threads), NO_NUMBERS | {"half": 1.5}, ("none",))
    walk(lambda balance: diffuse_fuse.Fuser(tiny_model, balance=balance), NO_BALANCES | {"two": 2})


def test_onnx(tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    from diffuse_fuse import backends
    from diffuse_fuse.onnx.fuser import OnnxFuser

    walk(OnnxFuser, NO_NAMES)
    walk(lambda threads: OnnxFuser("tiny", threads=threads), {k: v for k, v in NO_NUMBERS.items() if k != "none"})
    walk(lambda balance: OnnxFuser("tiny", balance=balance), NO_BALANCES)
    walk(lambda name: backends.load_fuser(name), NO_NAMES)
    walk(lambda backend: backends.load_fuser("tiny", backend=backend), NO_NAMES)


@pytest.mark.parametrize("kind", ["pictures", "names"])
def test_metrics(kind):
    if kind == "pictures":
        for call in (metrics.compute, metrics.vif, metrics.delta_e):
            walk(lambda ir, call=call: call(ir, RGB, RGB), NO_PICTURES)
            walk(lambda vis, call=call: call(GREY, vis, RGB), NO_PICTURES)
            walk(lambda fused, call=call: call(GREY, RGB, fused), NO_PICTURES)
        return
    for call in (
        lambda names: metrics.compute(GREY, RGB, RGB, names),
        metrics.select,
    ):
        walk(call, {**NO_NAMES, "of numbers": [1, 2], "of lists": [[1], [2]]}, ("none",))
    walk(lambda convention: metrics.compute(GREY, RGB, RGB, None, convention), NO_NAMES)
    rows = {"none": None, "a number": 5, "a list": [1], "a text": "EN", "of texts": {"EN": "a"}, "of others": {3: 4.0}}
    walk(metrics.guess_convention, rows)


def test_evaluations(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")  # "." is no data set; after README's commands a clone is one
    for folder in ("ir", "vis"):
        images.write_image(tmp_path / folder / "a.png", RGB)
    walk(evaluate, {**NO_NAMES, "a missing folder": tmp_path / "none"})

    def run(**options: object) -> object:
        return evaluate(tmp_path, **{"methods": {"mine": lambda ir, vis: vis}, "metrics": "EN", **options})

    walk(lambda methods: run(methods=methods), {**NO_NAMES, "of numbers": {"a": 5}, "of none": {"a": None}}, ("none",))
    walk(lambda name: run(methods={name: lambda ir, vis: vis}), {"a number": 5, "none": None, "a path": "a/b", "": ""})
    for wrong in (None, *NO_PICTURES.values()):  # one method's failure is no reason to lose the others' numbers
        assert len(run(methods={"mine": lambda ir, vis, wrong=wrong: wrong}).problems) == 1
    walk(lambda names: run(metrics=names), {**NO_NAMES, "of numbers": [1, 2]}, ("none",))
    walk(lambda convention: run(convention=convention), NO_NAMES)
    for option in ("limit", "seed", "workers"):
        walk(lambda number, o=option: run(**{o: number}), {**NO_NUMBERS, "half": 1.5}, ("none",) * (option == "limit"))
    walk(lambda out: run(out=out), {"a number": 5, "a file": __file__, "a NUL in it": "a\0b"})
    walk(lambda device: run(methods={"a": "tiny"}, device=device), NO_NAMES)


def test_the_diffusion_model():
    from diffuse_fuse.diffusion.pictures import PairModel

    walk(PairModel, NO_NAMES)
    walk(lambda device: PairModel("diffusion", device), NO_NAMES)
    model = PairModel()
    walk(lambda ir: model.features(ir, RGB), NO_PICTURES)
    walk(lambda vis: model.features(GREY, vis), NO_PICTURES)
    steps = {"none": None, "a number": 5, "a text": "50", "too large": (1000,), "half": (0.5,), "of texts": ("a",)}
    walk(lambda given: model.features(GREY, RGB, given), steps)


def test_the_samplers():
    import torch

    from diffuse_fuse.diffusion import samplers
    from diffuse_fuse.diffusion.schedule import Schedule

    schedule, x, generator = Schedule(steps=10), torch.zeros(1, 4, 8, 8), torch.Generator()
    walk(lambda kind: Schedule(kind), NO_NAMES)
    walk(lambda steps: Schedule(steps=steps), {**NO_NUMBERS, "half": 2.5})
    walk(lambda count: samplers.time_steps(10, count), {**NO_NUMBERS, "half": 2.5})
    walk(lambda total: samplers.time_steps(total, 2), {**NO_NUMBERS, "half": 2.5})
    walk(lambda spacing: samplers.time_steps(10, 2, spacing), NO_NAMES)

    def ddim(x=x, taus=(0, 9), **options: object) -> object:
        return samplers.ddim_sample(lambda x_t, t: x_t, schedule, x, taus, generator=generator, **options)

    walk(lambda eta: ddim(eta=eta), NO_NUMBERS)
    wrong = {"none": None, "a number": 5, "none at all": (), "too large": (0, 10), "negative": (-1, 3), "half": (0.5,),
             "falling": (9, 0), "of texts": ("a",)}  # fmt: skip
    walk(lambda taus: ddim(taus=taus), wrong)
    walk(lambda taus: samplers.ddim_encode(lambda x_t, t: x_t, schedule, x, taus), wrong)
    walk(lambda name: samplers.ddpm_sample(lambda x_t, t: x_t, schedule, x, generator, name), NO_NAMES)


def test_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG nonsense")
    wrong = {**NO_PATHS, "damaged": tmp_path / "a.png", "none": None, "a number": 12345, "an object": object()}
    for call in (images.read_infrared, images.read_visible, lambda path: images.load_pair(path, path)):
        walk(call, wrong)
    walk(lambda path: images.find_pairs(path, path), NO_NAMES, ("an empty text", "a folder"))
    walk(lambda image: images.write_image(tmp_path / "out.png", image), NO_PICTURES, ("too small", "another shape"))
    walk(lambda path: images.write_image(path, RGB), {**NO_PATHS, "a number": 5, "none": None}, ("a missing file",))
    walk(alignment.load_calibration, wrong)
    assert all(images.read_provenance(path) is None for path in NO_PATHS.values())


def test_alignment():
    big = np.zeros((80, 90, 3), np.uint8)
    wrong = {name: value for name, value in NO_PICTURES.items() if name not in ("too small", "another shape")}
    wrong |= {"another size": np.zeros((81, 90), np.uint8)}
    walk(lambda ir: alignment.estimate(ir, big), wrong)
    walk(lambda vis: alignment.estimate(big[..., 0], vis), wrong)
    walk(lambda kind: alignment.estimate(big[..., 0], big, kind), NO_NAMES)
    walk(lambda given: alignment.combine(given, 0.5), {"empty": []})


def test_options_of_reading(tmp_path):
    images.write_image(tmp_path / "a.png", RGB)
    walk(lambda page: images.read_infrared(tmp_path / "a.png", LoadOptions(page=page)), NO_NUMBERS)
    walk(lambda most: LoadOptions(max_pixels=most), NO_NUMBERS)
    walk(lambda size: LoadOptions(size=size), NO_NAMES)
    walk(lambda polarity: LoadOptions(polarity=polarity), NO_NAMES)
    ranges = {"the higher first": (40, 10), "one": (1,), "three": (1, 2, 3), "of texts": ("a", "b")}
    walk(lambda given: LoadOptions(thermal_range=given), {**NO_NUMBERS, **ranges}, ("none",))
    walk(lambda nodata: LoadOptions(nodata=nodata), {"a text": "0", "a list": [0, 1], "a pair": (0, 1)})


def test_what_names_hold_moves_no_cursor_and_breaks_no_line():
    text = "a\n\x1b[2Jb\u2028\udcff.png × 3 does not exist."
    assert str(DfuseError(text)) == "a\\n\\x1b[2Jb\\u2028\\udcff.png × 3 does not exist."
    assert str(DfuseError(str(DfuseError(text)))) == str(DfuseError(text))
