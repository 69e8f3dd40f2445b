"""Runs of recipes: the same bytes however often they are stopped; one from the other; what is refused."""

import itertools
import json

import pytest
import torch

from diffuse_fuse.checkpoint import load_weights
from diffuse_fuse.errors import TrainingError, UsageError
from diffuse_fuse.training import card, diffusion, loop, recipe_run
from diffuse_fuse.training.recipe import read_recipe
from diffuse_fuse.training.recipe_run import Place, run_recipe
from tests.training.conftest import write_pairs

DATA = """
seed = 3
[data]
train = ["one", "two"]
val = ["held"]
"""
UNET = """
[unet]
channels = [8, 16]
blocks = [1, 1]
time_dim = 16
[schedule]
steps = 100
"""
RATE = """
[training]
lr = 1e-2
warmup = 2
checkpoint_steps = 4
"""
STAGES = """
[[stage]]
name = "first"
steps = 10
[[stage]]
name = "second"
steps = 6
[stage.training]
lr = 1e-3
"""
DIFFUSION = f"""kind = "diffusion"
{DATA}{UNET}{RATE}
[diffusion]
refit = true
[augment]
crop = 32
[task]
batch = 2
{STAGES}"""
FUSION = f"""kind = "fusion"
{DATA}{RATE}
[start]
recipe = "noise"
[features]
steps = [5]
[head]
width = 8
blocks = 1
fine = 4
[augment]
crop = 64
[relit_augment]
relit = 1.0
[losses]
vif = 1.0
qabf = 1.0
intensity = 0.5
[relit_losses]
light = 6.0
[task]
batch = 2
relit = 1
[[stage]]
name = "all"
steps = 8
"""
STUDENT = f"""kind = "student"
{DATA}{RATE}
[teacher]
recipe = "both"
[student]
channels = [16, 16]
blocks = [1, 1]
[augment]
crop = 64
[losses]
vif = 1.0
[task]
batch = 2
judged = 1
reuse = 4
{STAGES}"""


class Killed(BaseException):
    """Ends a run as SIGKILL does."""


@pytest.fixture(scope="module", autouse=True)
def small_statistics():
    """Of the linear path; and one thread, as all tests here have."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diffusion, "LINEAR_CROPS", 64)
        patch.setattr(diffusion, "SHARE_CROPS", 16)
        patch.setattr(card, "METRICS", ("VIF", "Qabf"))
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for name, count in (("one", 4), ("two", 3), ("held", 2)):
        write_pairs(root / name, count)
    return Place(root, root / "runs")


def written(folder, name, text):
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


@pytest.fixture(scope="module")
def made(place, tmp_path_factory):
    """A diffusion model, a fusion model from it, a student of that: three recipes in one folder of runs."""
    folder = tmp_path_factory.mktemp("recipes")
    recipes = {"noise": DIFFUSION, "both": FUSION, "small": STUDENT}
    return {name: run_recipe(written(folder, name, text), place, quiet=True) for name, text in recipes.items()}


def test_three_recipes_follow_each_other(place, made):
    assert made["small"] == place.runs / "small" / "small.safetensors"
    kinds = {name: load_weights(path) for name, path in made.items()}
    assert [each.kind for each in kinds.values()] == ["diffusion", "fusion", "student"]
    both = kinds["both"].card
    assert both["unet"] == f"finetune from recipe noise {kinds['noise'].sha256}"
    assert both["losses"]["light"] == 0 and both["losses"]["scd"] == 0
    assert kinds["both"].config["head"] == {"width": 8, "blocks": 1, "fine": 4}
    small = kinds["small"].card
    assert small["teacher"] == f"recipe both {kinds['both'].sha256}" and small["start"] == "stage first"
    assert small["stages"] == {"1-first": 10, "2-second": 6}


def test_the_card_says_what_the_weights_are(place, made):
    path = made["small"]
    found, page = load_weights(path).card, path.with_suffix(".md").read_text()
    recipe = found["recipe"]
    assert recipe["name"] == "small" and len(recipe["sha256"]) == 64 and recipe["scale"] == 1
    assert set(found["fingerprints"]) == {"one", "two", "held"}
    assert found["code"][0]["version"] and len(found["code"][0]["checksum"]) == 16
    for setting in found["scores"]["held"].values():
        mean, low, high = setting["Qabf"]
        assert low <= mean <= high
    assert found["log"]["at"] == ["1-first 4", "1-first 8", "1-first 10", "2-second 4", "2-second 6"]
    for text in (recipe["sha256"], found["fingerprints"]["two"], "| Qabf |", "2-second | 6 steps", "machine"):
        assert text in page
    assert len(page.splitlines()) < 90
    log = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if line["stage"] == "2-second"] == [4, 6]
    noise = load_weights(made["noise"]).card["scores"]["held"]["L_simple"]
    assert set(noise) == {"t 0", "t 2", "t 5", "t 10", "t 20", "t 40", "t 60", "t 80"}


def doomed(monkeypatch, where, name, at):
    """Ends the run when ``where.name`` is called for the ``at``-th time."""
    call, count = getattr(where, name), itertools.count(1)

    def counted(*arguments, **options):
        if next(count) == at:
            raise Killed
        return call(*arguments, **options)

    monkeypatch.setattr(where, name, counted)


KILLS = [
    [(recipe_run, "write_atomically", 2)],  # before the first stage
    [(loop, "save_state", 2), (loop, "save_weights", 2)],
    [(loop, "write_image", 3), (recipe_run, "write_atomically", 2)],  # the first stage is done, and not marked
    [(recipe_run, "make_task", 2)],
    [(loop, "save_state", 1), (loop, "write_image", 1)],  # the log has a checkpoint, and there is no state
    [(recipe_run.folder, "clear", 3), (recipe_run, "refitted", 1)],  # between the stages
    [(card, "scores", 1), (card, "written", 1), (recipe_run, "write_atomically", 2)],
    [(recipe_run, "save_weights", 2)],
]


@pytest.mark.parametrize("kills", KILLS, ids=[" ".join(f"{n}{a}" for _, n, a in kill) for kill in KILLS])
def test_a_run_that_was_killed_ends_with_the_same_bytes(place, made, tmp_path, monkeypatch, kills):
    recipe, elsewhere = written(tmp_path, "noise", DIFFUSION), Place(place.data, tmp_path / "runs")
    for number, (where, name, at) in enumerate(kills):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            doomed(patch, where, name, at)
            run_recipe(recipe, elsewhere, resume=number > 0, quiet=True)
    path = run_recipe(recipe, elsewhere, resume=True, quiet=True)
    assert path.read_bytes() == made["noise"].read_bytes()
    logs = [
        [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in x.read_text().splitlines()]
        for x in (path.with_suffix(".jsonl"), made["noise"].with_suffix(".jsonl"))
    ]
    assert logs[0] == logs[1]


def test_a_student_that_was_killed_ends_with_the_same_bytes(place, made, tmp_path, monkeypatch):
    recipe = written(tmp_path, "small", STUDENT)
    before = made["small"].read_bytes()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        doomed(patch, loop, "save_state", 2)
        run_recipe(recipe, place, overwrite=True, quiet=True)
    assert run_recipe(recipe, place, resume=True, quiet=True).read_bytes() == before


def test_a_run_that_was_stopped_ends_with_the_same_bytes(place, made, tmp_path, monkeypatch):
    """Ctrl-C makes a checkpoint where it comes: at a step that has none otherwise."""
    recipe, elsewhere = written(tmp_path, "noise", DIFFUSION), Place(place.data, tmp_path / "runs")
    with monkeypatch.context() as patch, pytest.raises(TrainingError, match="Stopped at step 6; go on with --resume"):
        patch.setattr("tests.training.test_recipe_run.Killed", KeyboardInterrupt)
        doomed(patch, loop.ranks, "mean", 7)
        run_recipe(recipe, elsewhere, quiet=True)
    assert '"step": 6' in (tmp_path / "runs" / "noise" / "1-first" / "log.jsonl").read_text()
    assert run_recipe(recipe, elsewhere, resume=True, quiet=True).read_bytes() == made["noise"].read_bytes()


def test_a_run_that_is_done_is_done(place, made, tmp_path):
    path = made["noise"]
    before = path.stat().st_mtime_ns
    assert run_recipe(written(tmp_path, "noise", DIFFUSION), place, resume=True) == path
    assert path.stat().st_mtime_ns == before


def test_a_run_goes_on_with_what_it_began_with_only(place, made, tmp_path):
    with pytest.raises(TrainingError, match="holds a run already: add --resume"):
        run_recipe(written(tmp_path, "noise", DIFFUSION), place)
    with pytest.raises(TrainingError, match="begun with another recipe"):
        run_recipe(written(tmp_path, "noise", DIFFUSION.replace("seed = 3", "seed = 4")), place, resume=True)
    with pytest.raises(TrainingError, match="begun with another --scale"):
        run_recipe(written(tmp_path, "noise", DIFFUSION), place, resume=True, scale=0.5)
    with pytest.raises(UsageError, match="give one of them"):
        run_recipe(written(tmp_path, "noise", DIFFUSION), place, resume=True, overwrite=True)


def test_files_of_others_stay(place, tmp_path):
    elsewhere = Place(place.data, tmp_path)
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "thesis.txt").write_text("precious")
    with pytest.raises(TrainingError, match="holds files, and no run"):
        run_recipe(written(tmp_path, "noise", DIFFUSION), elsewhere, resume=True)
    (tmp_path / "noise" / "run.json").write_text("{}")
    with pytest.raises(TrainingError, match="no journal"):
        run_recipe(written(tmp_path, "noise", DIFFUSION), elsewhere, resume=True)


def test_other_pairs_are_noticed(place, made, tmp_path):
    """A picture of one more byte, of the same name: not the data that the run began with."""
    root = tmp_path / "sets"
    for name, count in (("one", 4), ("two", 3), ("held", 2)):
        write_pairs(root / name, count)
    pairs = {name: card.fingerprints(recipe_run.pairs_of(read, name, root), names) for read in
             [written(tmp_path, "noise", DIFFUSION)] for name, names in (("train", ["one", "two"]),)}  # fmt: skip
    assert pairs["train"]["one"] == load_weights(made["noise"]).card["fingerprints"]["one"]
    picture = root / "one" / "vi" / "000.png"
    picture.write_bytes(picture.read_bytes() + b"\0")
    with pytest.raises(TrainingError, match="begun with other pairs"):
        run_recipe(written(tmp_path, "noise", DIFFUSION), Place(root, place.runs), resume=True)


def test_what_a_recipe_names_has_to_be_there(place, tmp_path):
    nowhere = written(tmp_path, "noise", DIFFUSION.replace('"two"', '"three"'))
    with pytest.raises(UsageError, match=r"noise.toml, \[data\]: train names three, and there is no .*--data-root"):
        run_recipe(nowhere, place)
    alone = Place(place.data, tmp_path)
    with pytest.raises(UsageError, match=r"both.toml, \[start\]: recipe is \"noise\", and its result .* is not there"):
        run_recipe(written(tmp_path, "both", FUSION), alone)
    unknown = written(tmp_path, "small", STUDENT.replace('recipe = "both"', 'weights = "bass"'))
    with pytest.raises(UsageError, match=r"small.toml, \[teacher\]: There is no model 'bass'.*base"):
        run_recipe(unknown, alone)


def test_a_trial_is_short_and_says_so(place, tmp_path):
    path = run_recipe(
        written(tmp_path, "noise", DIFFUSION), Place(place.data, tmp_path / "runs"), scale=0.3, quiet=True
    )
    assert load_weights(path).card["stages"] == {"1-first": 3, "2-second": 2}
    assert "A trial with 0.3 of the recipe's steps" in path.with_suffix(".md").read_text()
