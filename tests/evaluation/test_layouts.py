"""Data sets are recognised as they are downloaded, and nothing is dropped in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.evaluation import layouts
from diffuse_fuse.evaluation.given import given_dataset
from diffuse_fuse.evaluation.layouts import Layout, find_dataset, register_layout
from diffuse_fuse.evaluation.plan import prepare
from diffuse_fuse.images.pairing import Rules
from diffuse_fuse.images.write import write_image
from tests.evaluation import tno_archive
from tests.evaluation.conftest import write_pairs

# The pictures are never opened here: empty files will do.


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(root: Path) -> list[str]:
    return [pair.relative.as_posix() for pair in find_dataset(root).pairs]


@pytest.mark.parametrize(
    ("files", "name", "layout"),
    [
        (["cropinfrared/FLIR_00006.jpg", "crop_LR_visible/FLIR_00006.jpg", "crop_HR_visible/FLIR_00006.jpg"],
         "RoadScene", "cropinfrared + crop_LR_visible"),
        (["test/ir/00004N.png", "test/vi/00004N.png", "train/ir/00001D.png", "train/vi/00001D.png",
          "detection/ir/1.png", "detection/vi/1.png"], "MSRS", "test/ir + test/vi"),
        (["M3FD_Fusion/Ir/00000.png", "M3FD_Fusion/Vis/00000.png", "M3FD_Detection/Ir/00000.png",
          "M3FD_Detection/Vis/00000.png"], "M3FD", "M3FD_Fusion/Ir + M3FD_Fusion/Vis"),
        (["Ir/00000.png", "Vis/00000.png"], "M3FD", "Ir + Vis"),
        (["infrared/test/190001.jpg", "visible/test/190001.jpg", "infrared/train/010001.jpg",
          "visible/train/010001.jpg"], "LLVIP", "infrared/test + visible/test"),
        (["input/IR/carLight.jpg", "input/VI/carLight.jpg"], "VIFB", "input/IR + input/VI"),
        (["IR/carLight.jpg", "VI/carLight.jpg"], "VIFB", "IR + VI"),
        (["val/thermal_8_bit/FLIR_08863.jpeg", "val/RGB/FLIR_08863.jpg"], "FLIR ADAS", "val/thermal_8_bit + val/RGB"),
    ],
)  # fmt: skip
def test_known_layouts(tmp_path: Path, files: list[str], name: str, layout: str) -> None:
    touch(tmp_path, *files)
    found = find_dataset(tmp_path)
    assert (found.name, found.layout, len(found.pairs), found.problems) == (name, layout, 1, ())


def test_kaist_keeps_the_way_to_each_frame(tmp_path: Path) -> None:
    for video in ("set06/V000", "set06/V001", "set00/V000"):
        touch(tmp_path, f"{video}/lwir/I00019.jpg", f"{video}/visible/I00019.jpg")
    assert find_dataset(tmp_path).name == "KAIST"
    assert names(tmp_path) == ["set06/V000/I00019", "set06/V001/I00019"]  # set00 is for training


def test_flir_aligned_pairs_by_the_marks_in_the_names(tmp_path: Path) -> None:
    folder = "JPEGImages/FLIR_"
    touch(tmp_path, f"{folder}00002_RGB.jpg", f"{folder}00002_PreviewData.jpeg")
    touch(tmp_path, f"{folder}00005_RGB.jpg", f"{folder}00005_PreviewData.jpeg", f"{folder}00009_RGB.jpg")
    found = find_dataset(tmp_path)
    assert found.name == "FLIR aligned"
    assert names(tmp_path) == ["JPEGImages/FLIR_00002", "JPEGImages/FLIR_00005"]
    assert len(found.problems) == 1 and "FLIR_00009_RGB.jpg" in found.problems[0]


@pytest.mark.parametrize("wrapped", ["", "TNO_Image_Fusion_Dataset/"])
def test_whole_tno_archive(tmp_path: Path, wrapped: str) -> None:
    root = tmp_path / "TNO_Image_Fusion_Dataset"
    touch(root, *(wrapped + name for name in tno_archive.files()), f"{wrapped}README.txt")
    found = find_dataset(root)
    assert (found.name, found.problems) == ("TNO", ())
    assert len(found.pairs) == 235  # 55 scenes and 180 frames of sequences
    stems = {pair.relative.as_posix(): (pair.ir.stem, pair.vis.stem) for pair in found.pairs}
    for folder, (ir, vis, *_) in tno_archive.scenes().items():
        assert stems[wrapped + folder] == (ir, vis)
    for folder, _, _, ir_name, vis_name, first, last in tno_archive.SEQUENCES:
        for frame in (first, last):
            number = ir_name.format(frame).removeprefix("RAD").removesuffix("i")
            assert stems[f"{wrapped}{folder}/{number}"] == (ir_name.format(frame), vis_name.format(frame))
    (note,) = found.notes
    # a near infrared picture of every scene of two cameras, five visible ones beside nothing else, and a composite
    assert note.startswith("43 pictures were left out") and "NIR" in note


def test_incomplete_tno_scenes_are_named(tmp_path: Path) -> None:
    root = tmp_path / "TNO"
    touch(root, *tno_archive.files())
    for name in (
        "Triclobs_images/Reek/Reek_IR",
        "FEL_images/Tree_sequence/visual/4907v",
        "Athena_images/lake/IR_lake_g",
    ):
        (root / f"{name}.bmp").unlink()
    problems = find_dataset(root).problems
    assert sorted(Path(problem.split(":")[0]).name for problem in problems) == [
        "4907i.bmp",
        "Reek_Vis.bmp",
        "VIS_lake_r.bmp",
    ]


def test_one_sequence_of_tno(tmp_path: Path) -> None:
    root = tmp_path / "Duine_sequence"
    touch(root, "thermal/7400i.bmp", "visual/7400v.bmp", "thermal/7401i.bmp", "visual/7401v.bmp")
    assert names(root) == ["7400", "7401"]


def test_one_folder_with_numbered_pairs(tmp_path: Path) -> None:
    touch(tmp_path, "IR1.png", "VIS1.png", "IR2.png", "VIS2.png")
    assert names(tmp_path) == ["1", "2"]


@pytest.mark.parametrize(
    ("ir", "vis"), [("thermal", "rgb"), ("lwir", "visible"), ("Infrared", "Vis"), ("ir", "vi"), ("a_thermal", "rgb_a")]
)
def test_general_layout_with_subfolders(tmp_path: Path, ir: str, vis: str) -> None:
    root = tmp_path / "mine"
    touch(root, f"{ir}/day/1.png", f"{vis}/day/1.jpg", f"{ir}/night/1.png", f"{vis}/night/1.jpg")
    found = find_dataset(root)
    assert found.name == "mine"
    assert names(root) == ["day/1", "night/1"]


def test_archive_inside_a_folder_of_its_own(tmp_path: Path) -> None:
    touch(tmp_path, "download/MSRS-main/test/ir/00004N.png", "download/MSRS-main/test/vi/00004N.png")
    assert find_dataset(tmp_path).name == "MSRS"


def test_file_names_tell_the_data_set_in_a_general_layout(tmp_path: Path) -> None:
    touch(tmp_path, "ir/00004N.png", "vi/00004N.png", "ir/00755D.png", "vi/00755D.png")
    assert find_dataset(tmp_path).name == "MSRS"


def test_pairs_without_a_partner_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "ir/1.png", "vi/1.png", "ir/2.png", "vi/3.png", "vi/Thumbs.db")
    problems = find_dataset(tmp_path).problems
    assert [Path(problem.split(":")[0]).name for problem in problems] == ["2.png", "3.png"]


def test_a_folder_that_is_no_data_set(tmp_path: Path) -> None:
    touch(tmp_path, "pictures/1.png")
    with pytest.raises(DataError, match="no layout that dfuse knows"):
        find_dataset(tmp_path)
    with pytest.raises(DataError, match="There is no folder"):
        find_dataset(tmp_path / "missing")


def test_two_data_sets_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "one/ir/00001D.png", "one/vi/00001D.png", "two/ir/fight.png", "two/vi/fight.png")
    with pytest.raises(DataError, match="more than one data set"):
        find_dataset(tmp_path)


def test_written_pictures(tmp_path: Path) -> None:
    write_pairs(tmp_path / "ir", tmp_path / "vi", ["x"])
    assert names(tmp_path) == ["x"]


# One pair of each kind of name; what else the archive holds is left aside.
TREES = {
    "FLIR ADAS v2": (["video_thermal_test/data/video-a-frame-7-x.jpg", "video_rgb_test/data/video-b-frame-7-y.jpg"], 1),
    "MFNet": (["ir_seg_dataset/images/00001D.png", "ir_seg_dataset/images/00002N.png"], 2),
    "DroneVehicle": (["test/testimg/00001.jpg", "test/testimgr/00001.jpg", "val/valimg/1.jpg", "val/valimgr/1.jpg"], 1),
    "CVC-14": ([f"{time}/{kind}/NewTest/{frames}/2014_{time}.tif" for time in ("Day", "Night")
                for kind in ("FIR", "Visible") for frames in ("FramesPos", "FramesNeg")], 4),
    "CATS": ([f"INDOOR/BOOKS/{scene}/rectified/{side}_{kind}_default.png" for scene in ("scene1", "scene2")
              for side in ("left", "right") for kind in ("color", "thermal")], 4),
    "VEDAI": (["Vehicules512/00000000_co.png", "Vehicules512/00000000_ir.png"], 1),
    "EPFL RGB-NIR": (["nirscene1/field/0000_nir.tiff", "nirscene1/field/0000_rgb.tiff",
                      "nirscene1/street/0000_nir.tiff", "nirscene1/street/0000_rgb.tiff"], 2),
    "GTOT": (["BlackCar/i/00001i.bmp", "BlackCar/v/00001v.bmp", "Otcbvs/i/00001i.bmp", "Otcbvs/v/00001v.bmp"], 2),
    "RGBT234": (["car66/infrared/00000i.jpg", "car66/visible/00000v.jpg", "dog/infrared/00000i.jpg",
                 "dog/visible/00000v.jpg"], 2),
    "LasHeR": (["car66/infrared/i000000.jpg", "car66/visible/v000000.jpg", "dog/infrared/i000000.jpg",
                "dog/visible/v000000.jpg"], 2),
    "VTUAV": (["bike_001/ir/000001.jpg", "bike_001/rgb/000001.jpg", "car_2/ir/000001.jpg", "car_2/rgb/000001.jpg"], 2),
    "Freiburg Thermal": (["train/seq_00_day/00/fl_ir_aligned/fl_ir_aligned_157_1.png",
                          "train/seq_00_day/00/fl_rgb/fl_rgb_157_1.png"], 1),
    "Caltech aerial": (["kern/thermal8/thermal-001.png", "kern/color/color-001.png"], 1),
    "OTCBVS": (["1a/img_00001.bmp", "1b/img_00001.bmp", "4a/img_00001.bmp", "4b/img_00001.bmp"], 2),
    "SMOD": (["day/000001_rgb.jpg", "day/000001_tir.jpg", "night/000002_rgb.jpg", "night/000002_tir.jpg"], 2),
    "VT5000": (["VT5000_clear/Test/RGB/1.jpg", "VT5000_clear/Test/T/1.jpg", "VT5000_clear/Train/RGB/2.jpg",
                "VT5000_clear/Train/T/2.jpg"], 1),
    "Harvard CT-MRI": (["CT-MRI/test/CT/2004.png", "CT-MRI/test/MRI/2004.png", "CT-MRI/train/CT/2005.png",
                        "CT-MRI/train/MRI/2005.png"], 1),
    "Harvard PET-MRI": (["PET-MRI/PET/10001.png", "PET-MRI/MRI/10001.png"], 1),
    "Harvard SPECT-MRI": (["SPECT/1.png", "MRI/1.png"], 1),
    "TNO": (["tno/c01_1.tif", "tno/c01_2.tif", "tno/c02_1.tif", "tno/c02_2.tif"], 2),
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("spelled", [str, str.upper])
def test_the_table_of_data_sets(tmp_path: Path, name: str, spelled) -> None:
    files, count = TREES[name]
    touch(tmp_path, *("/".join(map(spelled, file.split("/")[:-1])) + "/" + file.split("/")[-1] for file in files))
    if name == "FLIR ADAS v2":
        (tmp_path / "rgb_to_thermal_vid_map.json").write_text('{"video-b-frame-7-y.jpg": "video-a-frame-7-x.jpg"}')
    found = find_dataset(tmp_path)
    assert (found.name, len(found.pairs), found.problems) == (name, count, ())
    assert len({pair.relative for pair in found.pairs}) == count


def test_sequences_are_one_data_set_and_splits_have_any_case(tmp_path: Path) -> None:
    for part in ("TEST", "Train"):
        for video in ("a", "b"):
            touch(tmp_path / "mine", f"{part}/{video}/Infrared/1.png", f"{part}/{video}/Visible/1.png")
    found = find_dataset(tmp_path / "mine")
    assert [pair.relative.as_posix() for pair in found.pairs] == ["a/1", "b/1"]
    assert "TEST" in found.layout and "Train" in " ".join(found.notes)
    assert "Train" in find_dataset(tmp_path / "mine", train=True).layout


@pytest.mark.parametrize("inner", ["infrared/TEST/images/1.png", "TEST/infrared/images/1.png", "Test/ir_img/1.png"])
def test_splits_above_and_below(tmp_path: Path, inner: str) -> None:
    touch(tmp_path, inner, inner.replace("infrared", "visible").replace("ir_img", "vis_img"))
    touch(
        tmp_path,
        *(
            x.replace("TEST", "train").replace("Test", "train")
            for x in (inner, inner.replace("infrared", "visible").replace("ir_img", "vis_img"))
        ),
    )
    assert len(find_dataset(tmp_path).pairs) == 1
    assert "train" in find_dataset(tmp_path, train=True).layout


def test_what_is_given_instead_of_found(tmp_path: Path) -> None:
    touch(tmp_path, "a/x_1.png", "a/x_2.png", "b/hot_x.png", "b/hot_y.png", "c/x.png")
    found = given_dataset(ir=tmp_path / "b", vis=tmp_path / "c", rules=Rules("hot_*", "*"))
    assert [pair.relative.as_posix() for pair in found.pairs] == ["x"] and len(found.problems) == 1
    found = given_dataset(tmp_path / "a", rules=Rules("*_1.png", "*_2.png"))
    assert [pair.vis.name for pair in found.pairs] == ["x_2.png"]
    (tmp_path / "pairs.csv").write_text("ir;vis\nb\\hot_x.png;c\\x.png\n")
    found = given_dataset(manifest=tmp_path / "pairs.csv")
    assert (found.name, found.layout, found.pairs[0].relative.name) == ("pairs", "the table pairs.csv", "x")
    with pytest.raises(UsageError, match="Missing pairs"):
        given_dataset()
    with pytest.raises(UsageError, match="more than once"):
        given_dataset(tmp_path, manifest=tmp_path / "pairs.csv")
    with pytest.raises(UsageError, match="belong together"):
        given_dataset(ir=tmp_path / "a")
    with pytest.raises(DataError, match="--ir-pattern"):
        given_dataset(ir=tmp_path / "a", vis=tmp_path / "b")


def test_a_registered_layout_comes_before_those_that_dfuse_knows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(layouts, "_REGISTERED", [])
    touch(tmp_path, "test/ir/00004N.png", "test/vi/00004N.png", "deep/1/t/a.png", "deep/1/v/a.png")
    assert find_dataset(tmp_path).name == "MSRS"
    register_layout(Layout("First", "deep/*/t", "deep/*/v"))
    assert (find_dataset(tmp_path).name, names(tmp_path)) == ("First", ["a"])
    register_layout(Layout("Second", "test/ir", "test/vi", note="read this"))
    found = find_dataset(tmp_path)
    assert found.name == "Second" and "read this" in found.notes


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout("X", "/ir", "vis"), "is not a folder below a data set"),
        (Layout("X", "ir/", "vis"), "is not a folder below a data set"),
        (Layout("X", "ir", "../vis"), "is not a folder below a data set"),
        (Layout("X", "", "vis"), "need as many stars"),
        (Layout("X", "*/ir", "vis"), "need as many stars"),
        (Layout("X", "ir", "vis", "(a"), "is not a regular expression"),
    ],
)
def test_a_layout_that_cannot_fit_is_refused(layout: Layout, words: str, monkeypatch) -> None:
    monkeypatch.setattr(layouts, "_REGISTERED", [])
    with pytest.raises(UsageError, match=words):
        register_layout(layout)
    assert layouts._REGISTERED == []


def test_what_is_in_colour_is_the_visible_picture(tmp_path: Path) -> None:
    touch(tmp_path / "ct", "CT/1.png", "MRI/1.png")
    touch(tmp_path / "pet", "PET/1.png", "MRI/1.png")
    (ct,), (pet,) = (find_dataset(tmp_path / name).pairs for name in ("ct", "pet"))
    assert (ct.ir.parent.name, pet.ir.parent.name) == ("CT", "MRI")


def test_a_white_border_counts_in_no_score(tmp_path: Path) -> None:
    """DroneVehicle's pictures come with one; pictures without it are taken whole."""
    rng, scores = np.random.default_rng(0), {}
    inner = [rng.integers(20, 200, (40, 60, 3)).astype(np.uint8) for _ in range(2)]
    for name, border in (("bordered", 100), ("cut", 0)):
        for folder, picture in zip(("testimgr", "testimg"), inner, strict=True):
            whole = np.pad(picture, ((border, border), (border, border), (0, 0)), constant_values=255)
            write_image(tmp_path / name / "test" / folder / "00001.png", whole)
        plan = prepare(tmp_path / name, {}, "EN", baselines=True)
        assert "left out of all scores" in " ".join(plan.notes)
        reading = plan.cases[0].reading
        pair = reading.pair(plan.cases[0].ir.path, plan.cases[0].vis.path)
        scores[name] = None if pair.holes is None else pair.holes.mean()
    assert scores["cut"] is None and scores["bordered"] == 1 - 40 * 60 / (240 * 260)
