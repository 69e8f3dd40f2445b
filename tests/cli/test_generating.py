"""``dfuse sample``, ``interpolate`` and ``translate``, on an untrained model that is quick to run."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from diffuse_fuse.checkpoint import save_weights
from diffuse_fuse.cli import commands
from diffuse_fuse.diffusion.model import DiffusionModel, pack_diffusion
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image
from diffuse_fuse.networks.unet import UNet, UNetConfig

FEW = ("--steps", 3, "--threads", 1)


@pytest.fixture
def dfuse(tmp_path, monkeypatch, capsys):
    """The command in this process, in the temporary folder: two dozen processes would each load PyTorch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFUSE_DEBUG", "")  # main sets it; here it must not outlive the test
    threads = torch.get_num_threads()

    def run(*arguments):
        code = commands.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    yield run
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tiny_diffusion(tmp_path_factory):
    torch.manual_seed(0)
    config = UNetConfig(channels=(8, 8), blocks=(1, 1), time_dim=16)
    model = DiffusionModel(UNet(config), Schedule("linear", 100))
    with torch.no_grad():
        model.unet.out.weight.normal_(std=0.05)  # zero when untrained: the noise would not matter
    path = tmp_path_factory.mktemp("diffusion") / "tiny.safetensors"
    save_weights(path, pack_diffusion(model, model.state_dict(), {"data": "none"}))
    return path


def label(path):
    with Image.open(path) as picture:
        return picture.text


def test_sample_writes_labelled_pairs_their_fusion_and_a_sheet(dfuse, tiny_diffusion, tiny_model, tmp_path):
    arguments = ("sample", "-n", 2, *FEW, "--seed", 7, "--size", "37x21", "--eta", 0.5, "--trajectory")
    models = ("--model", tiny_diffusion, "--fusion-model", tiny_model)
    done = dfuse(*arguments, "-o", "a", *models)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and "generated, not measured" in done.stderr
    names = [f"generated-{i:03}-{part}.png" for i in range(2) for part in ("fused", "ir", "trajectory", "vis")]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [*names, "generated-contact-sheet.png"]
    assert read_image(tmp_path / "a" / names[0]).shape == (21, 37, 3)
    assert read_image(tmp_path / "a" / names[1]).shape == (21, 37)
    assert read_image(tmp_path / "a" / names[2]).shape == (2 * 21 + 2, 3 * 37 + 4, 3)
    for path in (tmp_path / "a").iterdir():
        text = label(path)
        assert text["Description"] == "generated, not measured"
        assert "tiny" in text["Source"] and "seed=7" in text["Source"] and str(tmp_path) not in text["Source"]

    # the same seed gives the same bytes, also of a picture among fewer; another seed does not
    assert dfuse(*arguments, "-n", 1, "-o", "b", *models, "--quiet").stderr == ""
    for name in names[:4]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert dfuse(*arguments, "-n", 1, "--seed", 8, "-o", "c", *models).returncode == 0
    assert (tmp_path / "a" / names[1]).read_bytes() != (tmp_path / "c" / names[1]).read_bytes()

    done = dfuse(*arguments, "-o", "a", *models)
    assert done.returncode == 1 and "--overwrite" in done.stderr
    assert dfuse(*arguments, "-o", "a", *models, "--overwrite").returncode == 0


def test_interpolate_between_pairs_of_other_sizes(dfuse, pair, scene, tiny_diffusion, tiny_model, tmp_path):
    write_image(tmp_path / "ir2.png", np.kron(scene[0], np.ones((2, 3), np.uint8))[::-1].copy())
    write_image(tmp_path / "vis2.png", np.kron(scene[1], np.ones((2, 3, 1), np.uint8)))
    arguments = ("interpolate", *pair, "ir2.png", "vis2.png", "-n", 3, *FEW, "--size", "32x24")
    models = ("--model", tiny_diffusion, "--fusion-model", tiny_model)
    done = dfuse(*arguments, "-o", "strip.png", *models)
    assert done.returncode == 0, done.stderr
    strip = tmp_path / "strip-generated.png"  # the name says it, whatever was asked for
    assert read_image(strip).shape == (3 * 24 + 4, 3 * 32 + 4, 3)
    assert label(strip)["Description"] == "generated, not measured" and strip.name in done.stderr
    assert dfuse(*arguments, "-o", "generated2.png", *models).returncode == 0
    assert (tmp_path / "generated2.png").read_bytes() == strip.read_bytes()


def test_translate_both_ways(dfuse, pair, tiny_diffusion, tmp_path):
    ir, vis = pair
    arguments = ("--model", tiny_diffusion, *FEW, "--repeats", 2)
    done = dfuse("translate", vis, "-o", "other/ir.png", *arguments)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "other" / "ir-generated.png"
    assert read_image(made).shape == (37, 45) and str(made.name) in done.stderr
    assert label(made)["Description"] == "generated, not measured"
    done = dfuse("translate", ir, "--to", "vis", "-o", "colour", *arguments)
    assert done.returncode == 0, done.stderr
    assert read_image(tmp_path / "colour-generated.png").shape == (37, 45, 3)
    first = made.read_bytes()
    assert dfuse("translate", vis, "-o", "other/ir.png", *arguments, "--overwrite").returncode == 0
    assert made.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("sample", "-o", "out", "--size", "big"), 2, "'big' is no size"),
        (("sample", "-o", "out", "--size", "8x200"), 2, "at least 16x16"),
        (("sample", "-o", "out", "--steps", 101, "--layout", "none"), 2, "from 1 to 100, not 101"),
        (("sample", "-o", "out", "--eta", 2), 2, "--eta"),
        (("sample", "-o", "out", "-n", 0), 2, "-n"),
        (("interpolate", "ir.png", "vis.png", "ir.png", "none.png", "-o", "s.png"), 1, "none.png does not exist"),
        (("interpolate", "ir.png", "vis.png", "ir.png", "-o", "s.png"), 2, "VIS2"),
        (("interpolate", "ir.png", "vis.png", "ir.png", "vis.png", "-o", "s.jpg"), 2, "use .png"),
        (("translate", "none.png", "-o", "x.png"), 1, "none.png does not exist"),
        (("translate", "text.png", "-o", "x.png"), 1, "text.png is damaged, or not a picture"),
        (("translate", "tiny.png", "-o", "x.png"), 1, "tiny.png has 9×8 pixels"),
        (("translate", "vis.png", "-o", "x.png", "--repeats", 0), 2, "--repeats"),
        (("translate", "vis.png", "-o", "x.tif"), 2, "use .png"),
        (("translate", "vis.png", "-o", "there.png"), 1, "there-generated.png exists already"),
        (("translate", "generated.png", "-o", "generated.png", "--overwrite"), 2, "one of the inputs"),
        (("translate", "vis.png", "-o", "link", "--overwrite"), 2, "one of the inputs"),
        (("interpolate", *("ir.png", "vis.png") * 2, "-o", "link.png", "--overwrite"), 2, "one of the inputs"),
        (("sample", "-o", "full"), 1, "generated-007-ir.png exists already"),
    ],
)
def test_bad_input_is_one_sentence(dfuse, pair, tiny_diffusion, tmp_path, arguments, code, says):
    (tmp_path / "text.png").write_text("a text")
    (tmp_path / "there-generated.png").write_text("precious")
    (tmp_path / "generated.png").write_bytes((tmp_path / "vis.png").read_bytes())
    (tmp_path / "link-generated.png").symlink_to("vis.png")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "generated-007-ir.png").symlink_to("gone.png")
    write_image(tmp_path / "tiny.png", np.zeros((8, 9), np.uint8))
    before = sorted(tmp_path.rglob("*"))
    done = dfuse(*arguments, "--model", tiny_diffusion)
    assert done.returncode == code and says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and sorted(tmp_path.rglob("*")) == before


def test_weights_of_another_kind_are_named(dfuse, tiny_model):
    done = dfuse("sample", "-o", "out", "--model", tiny_model)
    assert done.returncode == 1 and "diffusion weights are needed" in done.stderr
    done = dfuse("sample", "-o", "out", "--model", "nosuch")
    assert done.returncode == 2 and "no model 'nosuch'" in done.stderr
