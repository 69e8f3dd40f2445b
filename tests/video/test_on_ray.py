"""``dfuse video --ray`` on a real cluster of several nodes: the bytes of a local run, also where a node is killed."""

import json
import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from diffuse_fuse.cli import commands
from diffuse_fuse.images.write import write_image
from tests.batch.conftest import contents

pytestmark = pytest.mark.slow
pytest.importorskip("ray")
pytest.importorskip("av", reason="the extra video is not installed")
FRAMES = 90


@pytest.fixture(scope="module")
def cluster():
    """A head without a processor, and two nodes with one each."""
    from ray.cluster_utils import Cluster

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Frames in ir/ (16 bits, whose range and contrast change) and vi/ (whose light changes)."""
    folder, rng = tmp_path_factory.mktemp("frames"), np.random.default_rng(0)
    ground = rng.normal(0, 20, (24, 32, 3))
    for number in range(FRAMES):
        ir = 7000 + 3 * number + (300 + 5 * number) * rng.random((24, 32))
        ir[4:10, number % 24 : number % 24 + 6] += 2000
        vis = 60 + number + ground + rng.normal(0, 2, ground.shape)
        write_image(folder / "ir" / f"{number:03}.png", ir.astype(np.uint16))
        write_image(folder / "vi" / f"{number:03}.png", np.clip(vis, 0, 255).astype(np.uint8))
    return folder


@pytest.fixture
def video(here, tiny_model, capsys):
    def run(out, *arguments):
        call = ["video", here / "ir", here / "vi", "-o", out, "--model", tiny_model, "--threads", 1, "--json"]
        code = commands.main([str(argument) for argument in (*call, *arguments)])
        text, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, told=json.loads(text or "{}"), stderr=err)

    return run


def test_frames_on_a_cluster_give_the_bytes_of_a_local_run(video, tmp_path, cluster):
    local = video(tmp_path / "a.mp4")
    done = video(tmp_path / "b.mp4", "--ray", cluster.address)
    assert local.returncode == done.returncode == 0, done.stderr
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for name in ("frames", "flicker", "warnings", "model"):
        assert done.told[name] == local.told[name]


def test_a_node_that_is_killed_costs_nothing_but_time(video, tmp_path, cluster):
    assert video(tmp_path / "calm").returncode == 0
    doomed = cluster.add_node(num_cpus=1)

    def kill():
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "out").glob("0*.png"))) < 12 and time.monotonic() < deadline:
            time.sleep(0.005)
        cluster.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    done = video(tmp_path / "out", "--ray", cluster.address)
    killer.join()
    assert done.returncode == 0 and done.told["frames"] == FRAMES, done.stderr
    assert "a worker of the Ray cluster died" in done.stderr and "raylet" not in done.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")


def test_what_is_wrong_is_one_sentence(video, tmp_path, cluster):
    (tmp_path / "wrong.safetensors").write_bytes(b"none")
    done = video(tmp_path / "a.mp4", "--ray", cluster.address, "--model", tmp_path / "wrong.safetensors")
    assert (
        done.returncode == 1 and done.stderr.count("is not a safetensors file") == 1 and "Traceback" not in done.stderr
    )
    done = video(tmp_path / "a.mp4", "--ray", cluster.address, "--threads", 64)
    assert done.returncode == 2 and "no room for a worker of 64 CPU" in done.stderr
    assert not list(tmp_path.glob("*.mp4"))
