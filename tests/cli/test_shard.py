"""``--shard I/N`` of fuse and eval: the parts, in any order, twice or at once, are what one run makes."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from diffuse_fuse.cli import commands
from diffuse_fuse.images.write import write_image
from tests.batch.conftest import contents

PAIRS = 9


@pytest.fixture
def dfuse(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        code = commands.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


@pytest.fixture
def folders(tmp_path):
    """ir/ and vi/ with nine pairs, one of which cannot be read."""
    rng = np.random.default_rng(0)
    for number in range(PAIRS):
        noise = rng.integers(0, 256, (24, 32, 4), dtype=np.uint8)
        write_image(tmp_path / "ir" / f"{number}.png", noise[..., 3])
        write_image(tmp_path / "vi" / f"{number}.png", noise[..., :3])
    (tmp_path / "vi" / "4.png").write_bytes(b"damaged")
    return tmp_path


def test_parts_of_fuse_are_the_whole(dfuse, folders, tiny_model):
    call = ["fuse", "ir", "vi", "--model", tiny_model, "--quiet"]
    assert dfuse(*call, "-o", "whole").returncode == 1
    codes, counts = [], []
    for index in (3, 1, 2, 1):  # one of them twice
        done = dfuse(*call, "-o", "parts", "--shard", f"{index}/3", "--json")
        found = json.loads(done.stdout)
        codes.append(done.returncode)
        counts.append((found["ok"], found["skipped"], found["failed"]))
    assert contents(folders / "parts") == contents(folders / "whole")
    assert sum(map(sum, counts[:3])) == PAIRS and sum(codes[:3]) == 1
    assert counts[3][0] == 0 and counts[3][1] == counts[1][0]  # the second time, all is there


def test_a_part_without_pairs_is_no_error(dfuse, folders, tiny_model):
    done = [
        dfuse("fuse", "ir", "vi", "-o", "out", "--model", tiny_model, "--shard", f"{index}/60") for index in (1, 2, 3)
    ]
    assert 0 in [each.returncode for each in done]
    assert any("0 fused" in each.stderr for each in done)


def test_a_table_is_parted_too(dfuse, folders, tiny_model):
    lines = ["ir,vis,out", *(f"ir/{n}.png,vi/{n}.png,deep/{n}.png" for n in range(PAIRS) if n != 4)]
    (folders / "pairs.csv").write_text("\n".join(lines))
    for index in (1, 2):
        done = dfuse(
            *("fuse", "--manifest", "pairs.csv", "-o", "out", "--model", tiny_model), "--shard", f"{index}/2", "-q"
        )
        assert done.returncode == 0, done.stderr
    assert len(list((folders / "out" / "deep").glob("*.png"))) == PAIRS - 1
    assert len((folders / "out" / "metrics.csv").read_text().splitlines()) == PAIRS


def test_two_files_have_no_parts(dfuse, folders):
    done = dfuse("fuse", "ir/0.png", "vi/0.png", "-o", "out.png", "--shard", "1/2")
    assert done.returncode == 2 and "two files are one pair" in done.stderr
    done = dfuse("fuse", "ir", "vi", "-o", "out", "--shard", "3/2")
    assert done.returncode == 2 and "I/N" in done.stderr


def files(out):
    """The output of an evaluation, without what says when, and what is remembered."""
    found = contents(out)
    summary = json.loads(found.pop("summary.json"))
    summary.pop("date")
    report = found.pop("report.html")
    return found.keys() - {"cache.jsonl"}, summary, found["per_image.csv"], len(report) // 100


def test_parts_of_eval_come_together(dfuse, folders, tiny_model):
    (folders / "vi" / "4.png").unlink()
    (folders / "ir" / "4.png").unlink()
    call = ["eval", folders, "--model", tiny_model, "--baselines", "--metrics", "EN,SD,VIF", "--workers", "1"]
    assert dfuse(*call, "-o", "whole").returncode == 0
    for index in (2, 1, 2, 3):
        done = dfuse(*call, "-o", "parts", "--shard", f"{index}/3")
        assert done.returncode == 0, done.stderr
        assert f"Part {index}/3 is done" in done.stderr and not done.stdout
    assert not (folders / "parts" / "summary.json").exists()
    shutil.copytree("parts", "before")
    done = dfuse(*call, "-o", "parts")
    assert done.returncode == 0, done.stderr
    assert files(folders / "parts")[1:] == files(folders / "whole")[1:]


def test_nothing_is_computed_twice_when_parts_come_together(dfuse, folders, monkeypatch):
    from diffuse_fuse import metrics

    (folders / "vi" / "4.png").unlink()
    (folders / "ir" / "4.png").unlink()
    call = [
        "eval",
        folders,
        "--fused",
        f"same={folders / 'vi'}",
        "--metrics",
        "EN",
        "--workers",
        "1",
        "-o",
        "out",
        "-q",
    ]
    for index in (1, 2):
        assert dfuse(*call, "--shard", f"{index}/2").returncode == 0

    def never(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(metrics, "compute", never)
    done = dfuse(*call)
    assert done.returncode == 0, done.stderr
    assert "same" in done.stdout


def test_a_part_of_eval_needs_a_folder(dfuse, folders):
    done = dfuse("eval", folders, "--baselines", "--shard", "1/2")
    assert done.returncode == 2 and "add -o OUT" in done.stderr


def test_parts_of_ended_processes_are_taken_in(tmp_path):
    from diffuse_fuse.evaluation.cache import Cache

    for number in range(2):
        part = Cache(tmp_path, part=True)
        part.add_values(f"key{number}", {"EN": number})
    parts = sorted(tmp_path.glob(".cache.*.jsonl"))
    assert len(parts) == 2 and not (tmp_path / "cache.jsonl").exists()
    ended = parts[0].with_name(f".cache.{2**22 + 1}-abcdef.jsonl")  # no such process
    parts[0].rename(ended)
    whole = Cache(tmp_path)
    assert [whole.values(f"key{number}", ["EN"])["EN"] for number in range(2)] == [0, 1]
    assert not ended.exists() and parts[1].exists()  # this process is still at work
    parts[1].unlink()
    assert len([n for n in range(2) if Cache(tmp_path).values(f"key{n}", ["EN"])]) == 1
