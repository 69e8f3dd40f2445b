"""Reading recipes: tables are dataclasses key by key, stages inherit, and every mistake is one sentence."""

from dataclasses import asdict, fields, make_dataclass, replace
from pathlib import Path

import pytest

from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion.losses import LossWeights
from diffuse_fuse.networks.student import SIZES
from diffuse_fuse.networks.unet import UNetConfig
from diffuse_fuse.training import recipe as recipes
from diffuse_fuse.training.augment import Augment
from diffuse_fuse.training.fusion import FUSION_AUGMENT, RELIT_AUGMENT, RELIT_LOSSES
from diffuse_fuse.training.recipe import Origin, read_recipe
from diffuse_fuse.training.student import STUDENT_AUGMENT, STUDENT_LOSSES

SHIPPED = Path(__file__).resolve().parents[2] / "recipes"
TEXT = """
kind = "diffusion"
[data]
train = ["a", "b"]
val = ["c"]
[unet]
channels = [8, 16]
blocks = [1, 1]
[augment]
crop = 64
zoom = [1, 1.0]
[training]
lr = 1e-3
[[stage]]
name = "one"
steps = 10
[[stage]]
name = "two"
steps = 5
[stage.augment]
crop = 96
width = 128
[stage.training]
lr = 1
"""
STUDENT = (
    TEXT.replace('"diffusion"', '"student"').replace("[unet]", "[student]")
    + """
[teacher]
weights = "base"
[losses]
vif = 1
"""
)


@pytest.fixture
def read(tmp_path):
    def reading(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return read_recipe(path)

    return reading


def test_a_table_is_a_dataclass_and_a_stage_has_what_it_does_not_say(read):
    found = read(TEXT)
    assert (found.name, found.kind, found.seed, found.start) == ("mine", "diffusion", 0, None)
    assert found.data.train == ("a", "b") and found.data.val == ("c",)
    assert found.model["unet"] == UNetConfig(channels=(8, 16), blocks=(1, 1))
    one, two = found.stages
    assert one.task["augment"] == Augment(crop=64, zoom=(1.0, 1.0))
    assert two.task["augment"] == Augment(crop=96, width=128, zoom=(1.0, 1.0))
    assert (one.settings.lr, two.settings.lr, one.settings.steps) == (1e-3, 1.0, 10)
    assert isinstance(two.settings.lr, float)
    assert one.settings.checkpoint_steps == 1000  # never by the clock


def test_a_new_field_is_a_key(read, monkeypatch):
    """So that what another branch adds to UNetConfig or Augment needs no code here."""
    wider = make_dataclass(
        "Wider", [("attention", tuple[int, ...], (8, 16)), ("whole", float, 0.0)], bases=(Augment,), frozen=True
    )
    monkeypatch.setattr(recipes, "Augment", wider)
    found = read(TEXT.replace("crop = 64", "crop = 64\nattention = [8]\nwhole = 1"))
    assert found.stages[0].task["augment"] == wider(crop=64, zoom=(1.0, 1.0), attention=(8,), whole=1.0)


def test_a_term_that_is_not_named_has_no_weight(read):
    losses = read(STUDENT).stages[0].task["losses"]
    assert losses == LossWeights(**{**dict.fromkeys(asdict(LossWeights()), 0.0), "vif": 1.0})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("crop = 64", "crop = 64\ncorp = 1", r"mine.toml, \[augment\] has no key 'corp': .* Did you mean 'crop'\?"),
        ("crop = 64", 'crop = "64"', r"\[augment\]: crop is \"64\", and should be a whole number, 0 or more"),
        ("crop = 64", "crop = 64.5", r"\[augment\]: crop is 64.5, and should be a whole number"),
        ("crop = 64", "crop = true", r"\[augment\]: crop is true, and should be a whole number"),
        ("crop = 64", "crop = 0", r"\[augment\]: crop is 0, and should be 1 or more"),
        ("crop = 64", "transpose = 1", r"\[augment\]: transpose is 1, and should be true or false"),
        ("crop = 96", "crop = -1", r"\[stage.augment\] of two: crop is -1"),
        ("zoom = [1, 1.0]", "zoom = [1]", r"\[augment\]: zoom is \[1\], and should be a list of 2 numbers"),
        ("channels = [8, 16]", "channels = []", r"\[unet\]: UNet with 0 channel counts"),
        ("channels = [8, 16]", "channels = [8]", r"\[unet\]: UNet with 1 channel counts and 2 block counts"),
        ("lr = 1e-3", "lr = nan", r"\[training\]: lr is nan, and should be a number"),
        ("lr = 1e-3", "minutes = 5.0", r"\[training\] has no key 'minutes'"),
        ("lr = 1e-3", 'optimizer = "adam"', r"\[training\]: Unknown optimizer 'adam': use adamw or muon"),
        ("lr = 1e-3", "[task]\nbatch = 0", r"\[task\]: batch is 0"),
        ("lr = 1e-3", "[task]\ndevice = 'cpu'", r"\[task\] has no key 'device'"),
        ("[augment]", "[agument]", r"there is no \[agument\] for the kind diffusion: .* Did you mean 'augment'\?"),
        ("[augment]", "[losses]", r"there is no \[losses\] for the kind diffusion"),
        ('kind = "diffusion"', 'kind = "diffuse"', "kind is \"diffuse\", and should be one of .* 'diffusion'"),
        ('kind = "diffusion"', "seed = 1", "lacks the key 'kind'"),
        ('val = ["c"]', "", r"\[data\] lacks the key 'val'"),
        ('val = ["c"]', 'val = "c"', r"\[data\]: val is \"c\", and should be a list of texts in quotes"),
        ('val = ["c"]', "val = []", r"\[data\]: val names no data set"),
        ("[data]", "[start]\nweights = 'diffusion'\n[data]", r"the weights of \[start\] have their own \[unet\]"),
        ("channels = [8, 16]", "channels = 8", r"\[unet\]: channels is 8, and should be a list of whole numbers"),
        ('val = ["c"]', 'val = ["b"]', r"\[data\]: b is in train and in val"),
        ('name = "two"', 'name = "one"', "two stages have one name"),
        ('name = "two"', 'name = "../x"', r"\[\[stage\]\]: name is \"../x\""),
        ("steps = 5", "steps = 0", r"\[\[stage\]\]: steps is 0"),
        ("steps = 5", "", r"\[\[stage\]\] lacks the key 'steps'"),
        ("steps = 5", "steps = 5\nfast = true", r"\[\[stage\]\] has no key 'fast'"),
        ("[unet]", "unet = 4\n[x]", r"there is no \[x\]"),
        ("[data]", "[data", "mine.toml is no TOML: .*line 3"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_table_and_key(read, old, new, says):
    assert old in TEXT
    with pytest.raises(UsageError, match=says) as caught:
        read(TEXT.replace(old, new))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TEXT.partition("[[stage]]")[0], r"needs the table \[stage\]"),
        (
            TEXT + "".join(f'[[stage]]\nname = "s{i}"\nsteps = 1\n' for i in "34"),
            "there are 4 stages, and a recipe has 1",
        ),
        (TEXT.partition("[[stage]]")[0] + "[stage]\nname = 'x'\nsteps = 1", r"below \[\[stage\]\], in two brackets"),
        (STUDENT.partition("[teacher]")[0] + "[losses]\nvif = 1", r"of the kind student needs the table \[teacher\]"),
        (STUDENT.partition("[losses]")[0], r"needs the table \[losses\]"),
        (STUDENT.replace('weights = "base"', 'weights = "base"\nrecipe = "x"'), r"\[teacher\]: give either"),
    ],
)
def test_a_table_that_lacks_is_named(read, text, says):
    with pytest.raises(UsageError, match=says):
        read(text)


def test_what_is_no_file_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "nowhere.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        read_recipe(tmp_path / "x.toml")


@pytest.mark.parametrize("name", ["diffusion", "base", "fast", "tiny"])
def test_the_recipes_of_the_shipped_weights_can_be_read(name):
    found = read_recipe(SHIPPED / f"{name}.toml")
    assert found.data.train == ("roadscene/train", "m3svd/train", "msrs/train")
    assert found.data.val == ("roadscene/val",)
    assert len(found.stages) == 1


def test_the_recipes_have_the_settings_of_the_commands():
    base = read_recipe(SHIPPED / "base.toml")
    task = base.stages[0].task
    assert base.start == Origin(recipe="diffusion")
    assert (task["losses"], task["relit_losses"]) == (LossWeights(), RELIT_LOSSES)
    assert task["augment"] == replace(FUSION_AUGMENT, crop=160)
    assert task["relit_augment"] == replace(RELIT_AUGMENT, crop=160)
    for size in ("fast", "tiny"):
        student = read_recipe(SHIPPED / f"{size}.toml")
        task = student.stages[0].task
        assert student.model["student"] == SIZES[size]
        assert (task["losses"], task["augment"]) == (STUDENT_LOSSES, replace(STUDENT_AUGMENT, crop=256))
    assert {field.name for field in fields(LossWeights)} >= set(asdict(task["losses"]))
