"""One pair at a time: what a worker process does. Imports no networks, so that workers start fast and stay small."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from diffuse_fuse import descriptors, shortage
from diffuse_fuse.errors import DfuseError, ImageReadError, ImageWriteError
from diffuse_fuse.evaluation.baselines import BASELINES
from diffuse_fuse.evaluation.reading import Reading
from diffuse_fuse.files import temporary_path
from diffuse_fuse.images import seam
from diffuse_fuse.images.arrays import is_grey, to_uint8_grey
from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.read import read_image, read_visible, visible_from_file_array
from diffuse_fuse.images.thermal import read_thermal, to_unit

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_VIEW_SIDE = 1280  # pixels; a report is looked at, not measured
_VIEW_QUALITY = 92  # above WebP's point where a slider shows compression instead of fusion
_THUMBNAIL = (144, 108)
_THUMBNAIL_QUALITY = 50


@dataclass(frozen=True)
class Item:
    """One fused picture to score. picture: a file, an array, or the name of a baseline."""

    method: str
    picture: Path | np.ndarray | str
    names: tuple[str, ...]
    views: tuple[Path, Path] | None = None


@dataclass(frozen=True)
class Task:
    """A pair and its fused pictures. hashes: SHA-256 of the files, by which what is found is kept. views: (picture,
    thumbnail) to write of the sources, None if they are there. read_file: what reads the files."""

    case: str
    ir: Path
    vis: Path
    items: tuple[Item, ...]
    convention: str
    hashes: Mapping[Path, str] = field(default_factory=dict)
    ir_views: tuple[Path, Path] | None = None
    vis_views: tuple[Path, Path] | None = None
    reading: Reading | None = None
    read_file: ReadBytes = read_bytes


@dataclass(frozen=True)
class Scores:
    """What came of a task: values by method, and sentences about what failed, by method.

    holes: the share of the pair that is left out, because the infrared camera measured nothing there.
    """

    case: str
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    holes: float = 0.0


def start_worker() -> None:
    """One thread, since processes are parallel already; and Ctrl-C is for the parent, which ends its workers."""
    descriptors.stand_in()
    descriptors.set_error_apart()
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class OneThreadEach:
    """While it is entered, processes that start get one thread each for their numerical libraries."""

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
        os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Known:
    """Reads files whose SHA-256 is known, so that nothing is kept under a name that is another file's.

    Called as ``read_bytes``; raises ImageReadError for a file that has been replaced.
    """

    def __init__(self, hashes: Mapping[Path, str], read_file: ReadBytes = read_bytes) -> None:
        self._hashes, self._read_file = hashes, read_file

    def __call__(self, path: str | os.PathLike[str]) -> bytes:
        data = self._read_file(path)
        if hashlib.sha256(data).hexdigest() != self._hashes.get(Path(path), ""):
            raise ImageReadError(f"{shown(path)} was replaced meanwhile: start the evaluation again.")
        return data


def read_pair(
    ir: Path, vis: Path, reading: Reading | None = None, read_file: ReadBytes = read_bytes
) -> tuple[np.ndarray, np.ndarray]:
    """The two files as metrics take them: uint8 H×W and uint8 H×W×3. Raises ImageReadError."""
    return _read_pair(ir, vis, reading, read_file)[:2]


def _read_pair(
    ir: Path, vis: Path, reading: Reading | None, read_file: ReadBytes
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """``read_pair``, and the holes of the infrared picture, bool H×W, where it has any that can be seen."""
    if reading or ir == vis:  # both pictures are in one file
        pair = (reading or Reading()).pair(ir, vis, read_file)
        return *pair.as_bytes(), pair.holes
    thermal = read_thermal(read_file(ir), ir)
    own, visible = to_uint8_grey(to_unit(thermal)), read_visible(vis, read_file=read_file)
    holes = thermal.wide_holes()
    return own, visible, holes if own.shape == visible.shape[:2] else None


def read_fused(path: Path, read_file: ReadBytes = read_bytes) -> np.ndarray:
    """A result as metrics take it: uint8 H×W for a grey file, else H×W×3. Raises ImageReadError."""
    image = read_image(path, read_file=read_file)
    rgb = visible_from_file_array(image, path)
    return np.ascontiguousarray(rgb[..., 0]) if image.ndim == 2 else rgb


def score(task: Task) -> Scores:
    """Compute what a task asks for and write its views. A metric that fails is a sentence, not an exception."""
    from diffuse_fuse import metrics

    known = Known(task.hashes, task.read_file)
    try:
        ir, vis, holes = _read_pair(task.ir, task.vis, task.reading, known)
    except DfuseError as error:
        return Scores(task.case, errors={item.method: str(error) for item in task.items})
    part = ... if holes is None else seam.measured_part(holes)
    _write_views(task.ir_views, ir)
    _write_views(task.vis_views, vis)
    scores = Scores(task.case, holes=0.0 if holes is None else float(holes.mean()))
    for item in task.items:
        try:
            fused = _fused(item.picture, ir, vis, known)
            _write_views(item.views, fused)
            if item.names:
                cut = part if fused.shape[:2] == ir.shape else ...  # another size is not to be hidden by a cut
                values = metrics.compute(ir[cut], vis[cut], fused[cut], list(item.names), task.convention)
                scores.values[item.method] = {name: float(values[name]) for name in item.names}
        except ImageWriteError:
            raise  # a full disk concerns all that follow
        except DfuseError as error:
            scores.errors[item.method] = str(error)
        except Exception as error:  # one pair that trips over a bug must not cost the other thousand
            bug = f"this is a bug in dfuse: {type(error).__name__}: {error}"
            scores.errors[item.method] = shortage.sentence(error) or bug
    return scores


def _fused(picture: Path | np.ndarray | str, ir: np.ndarray, vis: np.ndarray, read_file: ReadBytes) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return picture
    return read_fused(picture, read_file) if isinstance(picture, Path) else BASELINES[picture](ir, vis)


def _write_views(views: tuple[Path, Path] | None, image: np.ndarray) -> None:
    """A WebP for the report's viewer and a small one for its lists; those that are there are kept."""
    if views is None:
        return
    view, thumbnail = views
    _write(view, image, (_VIEW_SIDE, _VIEW_SIDE), _VIEW_QUALITY)
    _write(thumbnail, image, _THUMBNAIL, _THUMBNAIL_QUALITY)


def _write(path: Path, image: np.ndarray, box: tuple[int, int], quality: int) -> None:
    """Renamed when complete, but not flushed to the disk as results are: thousands of flushes take minutes."""
    if path.exists():
        return
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(_webp(_fit(image, box), quality))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ImageWriteError(f"{path} cannot be written: {error.strerror or error}.") from error


def _fit(image: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(box[0] / width, box[1] / height, 1.0)
    if scale == 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _webp(image: np.ndarray, quality: int) -> bytes:
    if image.ndim == 3 and is_grey(image):
        image = image[..., 0]
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
