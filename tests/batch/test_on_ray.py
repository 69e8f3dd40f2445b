"""``dfuse fuse --ray`` on a real cluster of several nodes: the files of a local run, also where a node is killed."""

import json
import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from diffuse_fuse.cli import commands
from diffuse_fuse.images.write import write_image

from .conftest import contents

pytestmark = pytest.mark.slow
pytest.importorskip("ray")
PAIRS = 120


@pytest.fixture(scope="module")
def cluster():
    """A head without a processor, and two nodes with one each."""
    from ray.cluster_utils import Cluster

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    yield SimpleNamespace(address=made.address, add=made.add_node, remove=made.remove_node, nodes=nodes)
    made.shutdown()


@pytest.fixture(scope="module")
def here(tmp_path_factory, tiny_model):
    """A folder with ir/ and vi/, one pair of which cannot be read, and calm/: what a local run makes of them."""
    folder = tmp_path_factory.mktemp("ray")
    rng = np.random.default_rng(0)
    for number in range(PAIRS):
        noise = rng.integers(0, 256, (24, 32, 4), dtype=np.uint8)
        write_image(folder / "ir" / f"{number:03}.png", noise[..., 3])
        write_image(folder / "vi" / f"{number:03}.png", noise[..., :3])
    (folder / "vi" / "007.png").write_bytes(b"damaged")
    call = ["fuse", folder / "ir", folder / "vi", "-o", folder / "calm", *more(tiny_model)]
    code = commands.main([str(argument) for argument in call])
    assert code == 1
    return folder


def more(model):
    return ["--model", str(model), "--threads", "1"]


@pytest.fixture
def dfuse(here, cluster, tiny_model, tmp_path, capsys):
    def run(*arguments):
        call = ["fuse", here / "ir", here / "vi", "-o", tmp_path / "out", "--ray", cluster.address, *more(tiny_model)]
        code = commands.main([str(argument) for argument in (*call, *arguments)])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


def test_results_are_those_of_a_local_run_in_their_order(dfuse, here, tmp_path):
    done = dfuse("--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["ok"] == PAIRS - 1 and told["failed"] == 1
    names = [result["out"].rsplit("/", 1)[1] for result in told["results"]]
    assert names == sorted(names) and "007.png" in done.stderr
    assert contents(tmp_path / "out") == contents(here / "calm")
    # the same again: nothing is made, a row that is lost is measured again
    table = tmp_path / "out" / "metrics.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:-3]))
    told = json.loads(dfuse("--json").stdout)
    assert told["skipped"] == PAIRS - 1 and told["ok"] == 0
    assert contents(tmp_path / "out") == contents(here / "calm")


def test_a_part_of_a_cluster_run(dfuse, here, tmp_path):
    for part in ("1/2", "2/2"):
        dfuse("--shard", part)
    assert contents(tmp_path / "out") == contents(here / "calm")


def test_wrong_weights_are_one_sentence(dfuse, tmp_path):
    (tmp_path / "wrong.safetensors").write_bytes(b"none")
    done = dfuse("--model", tmp_path / "wrong.safetensors")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.count("is not a safetensors file") == 1


def test_a_cluster_that_is_not_there_and_room_that_is_not(dfuse, cluster):
    done = dfuse("--threads", "64")
    assert done.returncode == 2 and "no room for a worker of 64 CPU" in done.stderr


def test_a_node_that_is_killed_costs_nothing_but_time(dfuse, here, tmp_path, cluster):
    out, doomed = tmp_path / "out", cluster.add(num_cpus=1)

    def kill():
        deadline = time.monotonic() + 60
        while len(list(out.glob("0*.png"))) < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        cluster.remove(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    done = dfuse("--json")
    killer.join()
    told = json.loads(done.stdout)
    assert told["ok"] + told["skipped"] == PAIRS - 1 and told["failed"] == 1, done.stderr
    assert "a worker of the Ray cluster died" in done.stderr and "raylet" not in done.stdout + done.stderr
    assert contents(out) == contents(here / "calm")


def test_an_evaluation_on_a_cluster_has_the_scores_of_a_local_one(here, cluster, tiny_model, tmp_path, capsys):
    for number in range(10):
        for side in ("ir", "vi"):
            target = tmp_path / "set" / side / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((here / side / f"{10 + number:03}.png").read_bytes())
    call = [
        "eval",
        tmp_path / "set",
        "--model",
        tiny_model,
        "--baselines",
        "--metrics",
        "EN,VIF",
        "--workers",
        "1",
        "-q",
    ]
    for more_options in (["-o", tmp_path / "here"], ["-o", tmp_path / "ray", "--ray", cluster.address]):
        assert commands.main([str(word) for word in (*call, *more_options)]) == 0, capsys.readouterr().err
    found = [contents(tmp_path / name) for name in ("here", "ray")]
    summaries = [json.loads(files.pop("summary.json")) for files in found]
    for files, summary in zip(found, summaries, strict=True):
        for name in [name for name in files if "cache" in name or name == "report.html"]:  # which say when
            files.pop(name)
        summary.pop("date")
    assert found[0] == found[1] and summaries[0] == summaries[1]
