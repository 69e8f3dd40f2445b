"""``dfuse eval`` of a bucket: the scores, tables and pictures of local files."""

import csv
import json

import pytest

from diffuse_fuse.remote import store
from tests.batch.conftest import contents

from .conftest import BUCKET
from .test_s3 import held, requests

pytestmark = pytest.mark.slow
SET = f"s3://{BUCKET}/flight"
TABLES = ("per_image.csv", "summary.csv", "table.md", "table.tex")


@pytest.fixture
def flight(pairs, s3):
    """The five pairs as flight/ir and flight/vi, here and in the bucket, and results of another method in mine/."""
    for side in ("ir", "vi"):
        (pairs / "flight").mkdir(exist_ok=True)
        (pairs / side).rename(pairs / "flight" / side)
        for path in sorted((pairs / "flight" / side).iterdir()):
            s3.files.put_file(str(path), f"{BUCKET}/flight/{side}/{path.name}")
            if side == "vi":
                (pairs / "mine").mkdir(exist_ok=True)
                (pairs / "mine" / f"{path.stem}_mine.png").write_bytes(path.read_bytes())
                s3.files.put_file(str(path), f"{BUCKET}/mine/{path.stem}_mine.png")
    s3.faults.seen.clear()
    return pairs


@pytest.fixture
def scores(dfuse, tiny_model):
    def run(*arguments):
        more = ["--metrics", "EN,SD", "--baselines", "--workers", 1, "--model", tiny_model, "-q"]
        return dfuse("eval", *arguments, *more)

    return run


def compared(files):
    """What two runs have in common: all but dates, and where the files were."""
    summary = json.loads(files["summary.json"])
    summary.pop("date")
    summary["dataset"].pop("folder")
    for method in summary["methods"]:
        method.pop("folder", None)
    kept = {name: data for name, data in files.items() if name in TABLES or name.startswith(("fused/", "report_files"))}
    return kept, summary


def test_a_set_in_a_bucket_has_the_scores_of_one_here(scores, flight, s3):
    assert scores("flight", "--fused", "mine=mine", "-o", "here").returncode == 0
    done = scores(SET, "--fused", f"mine=s3://{BUCKET}/mine", "-o", "there")
    assert done.returncode == 0, done.stderr
    here, there = contents(flight / "here"), contents(flight / "there")
    assert compared(here) == compared(there) and set(TABLES) <= here.keys()
    told = json.loads(there["summary.json"])
    assert told["dataset"]["folder"] == SET and told["methods"][1]["folder"] == f"s3://{BUCKET}/mine"
    assert not any(b"dfuse-afar-" in data for data in there.values())
    # an output folder in the bucket too, and the same once more, of which nothing is computed again
    out = f"s3://{BUCKET}/scores"
    assert scores(SET, "--fused", f"mine=s3://{BUCKET}/mine:*_mine.png", "-o", out).returncode == 0
    far = held(s3, "scores")
    assert compared(far)[0] == compared(here)[0] and "cache.jsonl" in far
    s3.faults.seen.clear()
    assert scores(SET, "--fused", f"mine=s3://{BUCKET}/mine", "-o", out).returncode == 0
    assert requests(s3, "PUT", ".png") == requests(s3, "PUT", ".webp") == 0


def test_folders_and_tables_by_address(scores, flight, s3):
    assert scores("--ir", "flight/ir", "--vis", "flight/vi", "-o", "here").returncode == 0
    here = (flight / "here" / "per_image.csv").read_bytes()
    assert scores("--ir", f"{SET}/ir", "--vis", f"{SET}/vi", "-o", "there").returncode == 0
    assert (flight / "there" / "per_image.csv").read_bytes() == here
    rows = [["ir", "vis"], *([f"{SET}/ir/{n}.png", f"flight/vi/{n}.png"] for n in range(5))]
    with open(flight / "pairs.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    done = scores("--manifest", "pairs.csv", "-o", "table")
    assert done.returncode == 0, done.stderr
    assert (flight / "table" / "per_image.csv").read_bytes() == here
    s3.files.pipe_file(
        f"{BUCKET}/flight/pairs.csv", b"ir,vis\n" + b"".join(b"ir/%d.png,vi/%d.png\n" % (n, n) for n in range(5))
    )
    assert scores("--manifest", f"{SET}/pairs.csv", "-o", "far").returncode == 0
    assert (flight / "far" / "per_image.csv").read_bytes() == here


def test_parts_of_an_evaluation_come_together_in_a_bucket(scores, flight, s3):
    assert scores("flight", "-o", "here").returncode == 0
    out = f"s3://{BUCKET}/scores"
    for part in ("2/2", "1/2"):
        assert scores(SET, "-o", out, "--shard", part).returncode == 0
    assert "summary.csv" not in held(s3, "scores")
    s3.faults.seen.clear()
    assert scores(SET, "-o", out).returncode == 0
    assert compared(held(s3, "scores"))[0] == compared(contents(flight / "here"))[0]
    assert requests(s3, "PUT", ".png") == 0


def test_what_fails_is_one_sentence_and_one_pair(scores, flight, s3):
    s3.faults.plan += [("GET", "/flight/ir/2.png", "503")] * 2
    assert scores(SET, "-o", "calm").returncode == 0
    s3.faults.plan += [("GET", "/flight/ir/2.png", "503")] * 100
    done = scores(SET, "-o", "there")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.count(f"{SET}/ir/2.png cannot be read, tried {store.TRIES} times") == 1
    lines = (flight / "there" / "per_image.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * 4  # four pairs, a model and three baselines
    assert "dfuse-afar-" not in (flight / "there" / "summary.json").read_text()


def test_a_results_folder_that_cannot_be_written_is_said(scores, flight, s3):
    s3.faults.plan += [("PUT", "/summary.csv", "denied")] * 9
    done = scores(SET, "-o", f"s3://{BUCKET}/scores")
    assert (
        done.returncode == 1 and f"s3://{BUCKET}/scores/summary.csv cannot be written: access is denied" in done.stderr
    )
    s3.faults.plan.clear()
    assert scores(SET, "-o", f"s3://{BUCKET}/scores").returncode == 0 and "summary.csv" in held(s3, "scores")


def test_outputs_among_inputs_and_what_is_not_there(scores, flight):
    done = scores(SET, "-o", f"{SET}/ir/scores")
    assert done.returncode == 2 and "a folder of the inputs" in done.stderr
    done = scores(f"s3://{BUCKET}/none", "-o", "out")
    assert done.returncode == 2 and f"There is no file or folder s3://{BUCKET}/none" in done.stderr
    done = scores(SET, "--fused", f"mine=s3://{BUCKET}/none", "-o", "out")
    assert done.returncode == 2 and f"There is no file or folder s3://{BUCKET}/none" in done.stderr
    done = scores(SET, "-o", "https://example.org/scores")
    assert done.returncode == 2 and "can only be read" in done.stderr
