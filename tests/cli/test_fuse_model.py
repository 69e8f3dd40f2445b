"""Which network ``dfuse fuse`` takes, and how many pictures it is given at once."""

import time

import cv2
import numpy as np
import pytest

from diffuse_fuse import backends, batch, models
from diffuse_fuse.batch import Job
from diffuse_fuse.batch.network import choose
from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.files import sha256


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(backends, "available_cores", lambda: 4)


def jobs(folder, count, size=(40, 50)):
    for name in map(str, range(count)):
        for side in ("ir", "vi"):
            (folder / side).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / side / f"{name}.png"), np.full((*size, 3), 90, np.uint8))
    return [
        Job(folder / "ir" / f"{n}.png", folder / "vi" / f"{n}.png", folder / "out" / f"{n}.png") for n in range(count)
    ]


def test_a_student_has_several_small_pictures_at_once(tmp_path, four_cores):
    several, one = jobs(tmp_path, 3), jobs(tmp_path, 1)
    for model, pairs, threads, expected in (
        ("fast", several, None, 4),
        ("fast", several, 2, 2),
        ("tiny", several, 1, 1),
        ("fast", one, None, 1),
        ("base", several, None, 1),
    ):
        assert choose(model, "cpu", threads, None, jobs=pairs).fuser.at_once == expected
    assert choose("fast", "cpu", None, "auto", jobs=several).fuser.at_once == 1


@pytest.mark.parametrize("denoise", [None, "5"])
def test_weights_that_are_replaced_before_they_are_loaded_fuse_nothing(tmp_path, tiny_model, monkeypatch, denoise):
    """What the pictures would note is the hash of other weights."""
    given = tmp_path / "w.safetensors"
    given.write_bytes(tiny_model.read_bytes())
    chosen = choose(str(given), "cpu", 1, denoise)
    assert chosen.weights == sha256(tiny_model)
    (small,) = (card for card in models.available() if card.name == "tiny")
    given.write_bytes(small.path.read_bytes())
    with pytest.raises(WeightsError, match=r"w\.safetensors changed while the run started: start it again"):
        chosen.fuser.fuse(np.zeros((20, 20), np.uint8), np.zeros((20, 20, 3), np.uint8))


def test_large_pictures_have_the_network_for_themselves(tmp_path, four_cores):
    large = jobs(tmp_path / "large", 2, (1000, 2001))
    small = jobs(tmp_path / "small", 40)
    for pairs, expected in ((large, 1), (small, 4), ([*small, *large * 4], 1)):
        assert choose("fast", "cpu", None, None, jobs=pairs).fuser.at_once == expected


def test_pictures_of_a_folder_are_those_of_single_pairs(tmp_path, monkeypatch, folders_of_scene):
    """Each by one thread beside another, or one after the other by all threads."""
    monkeypatch.setattr(backends, "available_cores", lambda: 3)
    ir, vis = folders_of_scene
    arguments = ["--model", "fast", "--device", "cpu", "--no-metrics", "-q"]
    assert main(["fuse", str(ir), str(vis), "-o", str(tmp_path / "out"), *arguments]) == 0
    for path in sorted(ir.iterdir()):
        alone = tmp_path / f"alone-{path.name}"
        assert main(["fuse", str(path), str(vis / path.name), "-o", str(alone), *arguments, "--threads", "2"]) == 0
        assert np.array_equal(cv2.imread(str(alone)), cv2.imread(str(tmp_path / "out" / path.name)))


@pytest.fixture
def folders_of_scene(tmp_path):
    rng = np.random.default_rng(0)
    for side in ("ir", "vi"):
        (tmp_path / side).mkdir()
        for number in range(5):
            picture = cv2.GaussianBlur(rng.integers(256, size=(70 + number, 96, 3), dtype=np.uint8), (0, 0), 2)
            cv2.imwrite(str(tmp_path / side / f"{number}.png"), picture)
    return tmp_path / "ir", tmp_path / "vi"


def test_the_network_takes_its_share_of_the_time(tmp_path):
    class Slow:
        at_once = 4

        def fuse(self, ir, vis):
            time.sleep(0.1)
            return vis

    results = batch.run(jobs(tmp_path, 8), Slow(), recipe=batch.Recipe(measure=False), workers=2)
    assert [r.status for r in results] == ["ok"] * 8
    assert all(0.02 < r.network < 0.1 for r in results)
