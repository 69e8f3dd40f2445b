"""Pictures in a bucket: what comes out is what local files give, and failures are tried again, then one sentence."""

import csv
import json

import pytest

from diffuse_fuse.errors import ImageReadError, ImageWriteError, UsageError
from diffuse_fuse.remote import store
from diffuse_fuse.remote.store import Store
from tests.batch.conftest import contents

from .conftest import BUCKET

pytestmark = pytest.mark.slow

IR, VIS, OUT = (f"s3://{BUCKET}/{name}" for name in ("ir", "vi", "out"))


def held(s3, prefix="out"):
    """Every object below a prefix, but for what a run notes for others."""
    root = f"{BUCKET}/{prefix}/"
    found = {path[len(root) :]: s3.files.cat_file(path) for path in s3.files.find(root)}
    return {name: data for name, data in found.items() if not name.startswith(".")}


def requests(s3, method, end):
    return sum(seen == method and path.endswith(end) for seen, path in s3.faults.seen)


def test_a_folder_in_a_bucket_is_fused_as_one_here(dfuse, pairs, s3, tiny_model):
    assert dfuse("fuse", "ir", "vi", "-o", "out", "--model", tiny_model).returncode == 0
    done = dfuse("fuse", IR, VIS, "-o", OUT, "--model", tiny_model, "--json")
    assert done.returncode == 0, done.stderr
    assert held(s3) == contents(pairs / "out")  # metrics.csv too
    told = json.loads(done.stdout)
    assert told["ok"] == 5 and told["results"][0]["out"] == f"{OUT}/0.png" and told["results"][0]["ir"] == f"{IR}/0.png"


def test_the_same_command_goes_on_and_makes_again_what_is_out_of_date(dfuse, pairs, s3, tiny_model):
    call = ["fuse", IR, VIS, "-o", OUT, "--model", tiny_model, "--json"]
    assert dfuse(*call).returncode == 0
    before = held(s3)
    s3.files.rm_file(f"{BUCKET}/out/3.png")
    s3.files.put_file(str(pairs / "ir" / "2.png"), f"{BUCKET}/ir/1.png")  # a source has changed
    s3.faults.seen.clear()
    told = json.loads(dfuse(*call).stdout)
    assert [result["status"] for result in told["results"]] == ["skipped", "ok", "skipped", "ok", "skipped"]
    assert told["results"][1]["redone"] == "the inputs changed"
    assert requests(s3, "PUT", ".png") == 2
    after = held(s3)
    assert after["3.png"] == before["3.png"] and after["1.png"] != before["1.png"] and after.keys() == before.keys()


def test_metrics_that_a_killed_run_has_lost_are_measured_again(dfuse, pairs, s3, tiny_model):
    call = ["fuse", IR, VIS, "-o", OUT, "--model", tiny_model, "--quiet"]
    assert dfuse(*call).returncode == 0
    before = held(s3)
    s3.files.rm_file(f"{BUCKET}/out/metrics.csv")
    for path in s3.files.find(f"{BUCKET}/out"):
        if path.endswith(".rows"):
            s3.files.rm_file(path)
    assert dfuse(*call).returncode == 0
    assert held(s3) == before


def test_parts_of_a_run_in_one_bucket_come_together(dfuse, pairs, s3, tiny_model):
    call = ["fuse", IR, VIS, "--model", tiny_model, "--quiet"]
    assert dfuse(*call, "-o", f"s3://{BUCKET}/whole").returncode == 0
    for part in ("2/2", "1/2"):
        assert dfuse(*call, "-o", OUT, "--shard", part).returncode == 0
    assert held(s3) == held(s3, "whole")


@pytest.mark.parametrize("out", ["here", OUT])
def test_a_table_names_both_kinds(dfuse, pairs, s3, tiny_model, out):
    rows = [["ir", "vis", "out"], [f"{IR}/0.png", f"{VIS}/0.png", "a.png"], ["ir/1.png", f"{VIS}/1.png", "deep/b.png"]]
    rows += [[f"{IR}/none.png", "vi/2.png", "c.png"]]
    with open(pairs / "pairs.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    done = dfuse("fuse", "--manifest", "pairs.csv", "-o", out, "--model", tiny_model, "--quiet")
    assert done.returncode == 1 and done.stderr.count(f"There is no file {IR}/none.png") == 1
    found = held(s3) if out == OUT else contents(pairs / "here")
    assert sorted(found) == ["a.png", "deep/b.png", "metrics.csv"]


def test_a_table_in_a_bucket_is_relative_to_its_folder(dfuse, pairs, s3, tiny_model):
    s3.files.pipe_file(f"{BUCKET}/pairs.csv", b"ir,vis,out\nir/0.png,vi/0.png,fused/0.png\n,,\n,vi/1.png,x.png\n")
    done = dfuse("fuse", "--manifest", f"s3://{BUCKET}/pairs.csv", "--model", tiny_model, "--quiet")
    assert done.returncode == 1
    assert f"s3://{BUCKET}/pairs.csv, line 4: the infrared picture is missing" in done.stderr
    assert list(held(s3, "fused")) == ["0.png"]


def test_one_pair_of_files(dfuse, pairs, s3, tiny_model):
    call = ["fuse", f"{IR}/0.png", f"{VIS}/0.png", "-o", f"{OUT}/one.png", "--model", tiny_model]
    assert dfuse(*call).returncode == 0
    done = dfuse(*call)
    assert done.returncode == 1 and f"{OUT}/one.png exists already" in done.stderr
    assert dfuse(*call, "--overwrite").returncode == 0
    assert dfuse("fuse", "ir/0.png", "vi/0.png", "-o", "one.png", "--model", tiny_model).returncode == 0
    assert held(s3)["one.png"] == (pairs / "one.png").read_bytes()


@pytest.mark.parametrize("fault", ["503", "truncated", "slow"])
def test_what_fails_for_a_while_is_tried_again(dfuse, pairs, s3, tiny_model, fault):
    s3.faults.plan += [("GET", "/ir/1.png", fault)] * 2
    if fault != "truncated":
        s3.faults.plan += [("PUT", "/out/2.png", fault), ("HEAD", "/vi/3.png", fault)]
    done = dfuse("fuse", IR, VIS, "-o", OUT, "--model", tiny_model, "--quiet")
    assert done.returncode == 0, done.stderr
    assert not s3.faults.plan and requests(s3, "GET", "/ir/1.png") >= 3
    assert len(held(s3)) == 6


@pytest.mark.parametrize("fault", ["503", "truncated"])
def test_what_fails_for_good_is_one_sentence_and_one_pair(dfuse, pairs, s3, tiny_model, fault):
    s3.faults.plan += [("GET", "/ir/1.png", fault)] * 100
    done = dfuse("fuse", IR, VIS, "-o", OUT, "--model", tiny_model)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.count(f"{IR}/1.png cannot be read, tried {store.TRIES} times") == 1
    assert "4 fused" in done.stderr and 1 < requests(s3, "GET", "/ir/1.png") <= store.TRIES
    assert sorted(held(s3)) == ["0.png", "2.png", "3.png", "4.png", "metrics.csv"]


def test_a_picture_that_cannot_be_written_leaves_what_was_there(dfuse, pairs, s3, tiny_model):
    s3.files.pipe_file(f"{BUCKET}/out/1.png", b"before")
    s3.faults.plan += [("PUT", "/out/1.png", "503")] * 100
    done = dfuse("fuse", IR, VIS, "-o", OUT, "--model", tiny_model, "--overwrite", "--quiet")
    assert done.returncode == 1 and f"{OUT}/1.png cannot be written, tried {store.TRIES} times" in done.stderr
    assert held(s3)["1.png"] == b"before"
    assert "1.png" not in held(s3)["metrics.csv"].decode()


def test_access_that_is_denied_is_not_tried_again(dfuse, pairs, s3, tiny_model):
    s3.faults.plan += [("GET", "/vi/0.png", "denied")] * 100
    done = dfuse("fuse", IR, VIS, "-o", OUT, "--model", tiny_model, "--quiet")
    assert done.returncode == 1 and f"{VIS}/0.png cannot be read: access is denied" in done.stderr
    assert requests(s3, "GET", "/vi/0.png") == 1


def test_what_is_not_there_is_said_before_anything_is_done(dfuse, pairs, s3, tiny_model):
    done = dfuse("fuse", f"s3://{BUCKET}/none", VIS, "-o", OUT, "--model", tiny_model)
    assert done.returncode == 2 and f"There is no file or folder s3://{BUCKET}/none" in done.stderr
    done = dfuse("fuse", IR, VIS, "-o", "https://example.org/out", "--model", tiny_model)
    assert done.returncode == 2 and "can only be read" in done.stderr
    done = dfuse("fuse", IR, VIS, "-o", "nosuch://bucket/out", "--model", tiny_model)
    assert done.returncode == 2 and "Unknown scheme nosuch://" in done.stderr


def test_a_store_says_what_it_cannot(s3):
    there = Store("s3")
    with pytest.raises(ImageReadError, match=f"There is no file s3://{BUCKET}/none"):
        there.read(f"s3://{BUCKET}/none")
    with pytest.raises(ImageWriteError, match="no such bucket"):
        there.write("s3://no-such-bucket-at-all/a", b"a")
    with pytest.raises(UsageError, match="can only be read"):
        Store("https").require_writable("https://example.org/a")
