"""``dfuse video`` of a bucket: a file, a folder of frames, and what is written there whole or not at all."""

import pytest

from diffuse_fuse.remote import stage
from tests.batch.conftest import contents

from .conftest import BUCKET
from .test_s3 import IR, OUT, VIS, held, requests

pytestmark = pytest.mark.slow
pytest.importorskip("av", reason="the extra video is not installed")


@pytest.fixture
def clip(pairs, s3):
    """The five pairs as the videos ir.mkv and vi.mkv too, here and in the bucket."""
    from diffuse_fuse.images.read import read_image
    from tests.video.conftest import write_video

    for side, pixels in (("ir", "gray"), ("vi", "bgr0")):
        frames = [read_image(pairs / side / f"{number}.png") for number in range(5)]
        write_video(pairs / f"{side}.mkv", frames, codec="ffv1", pixels=pixels)
        s3.files.put_file(str(pairs / f"{side}.mkv"), f"{BUCKET}/{side}.mkv")
    s3.faults.seen.clear()
    return pairs


def test_a_video_in_a_bucket_gives_the_bytes_of_one_here(dfuse, clip, s3, tiny_model, monkeypatch):
    more = ["--model", tiny_model, "-q"]
    assert dfuse("video", "ir.mkv", "vi.mkv", "-o", "out.mp4", *more).returncode == 0
    far = [f"s3://{BUCKET}/{name}.mkv" for name in ("ir", "vi")]
    monkeypatch.setattr(stage, "_LARGE", 100)  # so that it goes in parts
    done = dfuse("video", *far, "-o", f"{OUT}/out.mp4", *more)
    assert done.returncode == 0, done.stderr
    assert held(s3)["out.mp4"] == (clip / "out.mp4").read_bytes()
    done = dfuse("video", *far, "-o", f"{OUT}/out.mp4", *more)
    assert done.returncode == 1 and f"{OUT}/out.mp4 exists already" in done.stderr
    # a source that fails for good, and an output that cannot be written
    s3.faults.plan += [("PUT", "/out/out.mp4", "503")] * 100
    done = dfuse("video", *far, "-o", f"{OUT}/out.mp4", "--overwrite", *more)
    assert done.returncode == 1 and f"{OUT}/out.mp4 cannot be written, tried" in done.stderr
    assert held(s3) == {"out.mp4": (clip / "out.mp4").read_bytes()}
    s3.faults.plan += [("GET", "/ir.mkv", "503")] * 100
    done = dfuse("video", *far, "-o", "again.mp4", *more)
    assert done.returncode == 1 and f"{far[0]} cannot be read, tried" in done.stderr
    assert not (clip / "again.mp4").exists()


def test_folders_of_frames_come_and_go_one_by_one(dfuse, clip, s3, tiny_model):
    more = ["--model", tiny_model, "-q"]
    assert dfuse("video", "ir", "vi", "-o", "frames", *more).returncode == 0
    s3.faults.plan += [("GET", "/ir/1.png", "503")]
    done = dfuse("video", IR, VIS, "-o", OUT, *more)
    assert done.returncode == 0, done.stderr
    assert held(s3) == contents(clip / "frames") and requests(s3, "PUT", ".png") == 5
    assert dfuse("video", IR, VIS, "-o", OUT, *more).returncode == 1
    done = dfuse("video", f"s3://{BUCKET}/none", VIS, "-o", OUT, *more)
    assert done.returncode == 2 and f"There is no file or folder s3://{BUCKET}/none" in done.stderr
    done = dfuse("video", IR, VIS, "-o", IR, "--overwrite", *more)
    assert done.returncode == 2 and "one of the inputs" in done.stderr
