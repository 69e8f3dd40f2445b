"""A bucket and a cluster: workers read and write the bucket themselves, and the files are those of one process."""

import json

import pytest

from tests.batch.conftest import contents

from .conftest import BUCKET
from .test_s3 import held

pytestmark = pytest.mark.slow


def test_workers_fuse_a_bucket(dfuse, pairs, s3, server, tiny_model, monkeypatch):
    pytest.importorskip("ray")
    given = {"endpoint_url": server.url, "key": "k", "secret": "s"}
    monkeypatch.setenv("FSSPEC_S3", json.dumps(given))  # for the workers
    call = ["fuse", f"s3://{BUCKET}/ir", f"s3://{BUCKET}/vi", "--model", tiny_model, "--threads", 1]
    assert dfuse(*call, "-o", f"s3://{BUCKET}/one", "--quiet").returncode == 0
    s3.files.pipe_file(f"{BUCKET}/ir/5.png", b"damaged")
    s3.files.pipe_file(f"{BUCKET}/vi/5.png", b"damaged")
    done = dfuse(*call, "-o", f"s3://{BUCKET}/many", "--json", "--ray", "local")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["ok"] == 5 and told["failed"] == 1, done.stderr
    assert told["results"][0]["out"] == f"s3://{BUCKET}/many/0.png" and f"s3://{BUCKET}/ir/5.png" in done.stderr
    one, many = (
        {path.rpartition("/")[2]: s3.files.cat_file(path) for path in s3.files.find(f"{BUCKET}/{name}")}
        for name in ("one", "many")
    )
    assert {name: data for name, data in one.items() if not name.startswith(".")} == {
        name: data for name, data in many.items() if not name.startswith(".")
    }


def test_workers_score_a_bucket_into_a_bucket(dfuse, pairs, s3, server, tiny_model, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("FSSPEC_S3", json.dumps({"endpoint_url": server.url, "key": "k", "secret": "s"}))
    more = ["--metrics", "EN,SD", "--baselines", "--workers", 1, "--model", tiny_model, "-q"]
    assert dfuse("eval", "--ir", "ir", "--vis", "vi", "-o", "here", *more).returncode == 0
    far = ["--ir", f"s3://{BUCKET}/ir", "--vis", f"s3://{BUCKET}/vi", "-o", f"s3://{BUCKET}/scores"]
    done = dfuse("eval", *far, *more, "--ray", "local")
    assert done.returncode == 0, done.stderr
    here, there = contents(pairs / "here"), held(s3, "scores")
    same = ["per_image.csv", "summary.csv", *(name for name in here if name.startswith("fused/"))]
    assert len(same) == 7 and {name: there[name] for name in same} == {name: here[name] for name in same}
    assert not any(b"dfuse-afar-" in data for data in there.values())
