"""A graph of an ONNX file, loaded and run by onnxruntime within bounds; whatever is wrong with it is one sentence."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np

from diffuse_fuse import shortage
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.extras import need
from diffuse_fuse.machine import available_cores, available_memory
from diffuse_fuse.onnx.facts import GraphFacts

# Of all graphs of the process together. The largest shipped one takes less than a sixth of it for the largest tile, and
# up to four pictures are fused at once; a damaged graph may ask for any number of gigabytes.
MOST_MEMORY = 16 << 30
_LARGEST_FILE = 2**31 - 1  # bytes; protobuf takes no more
_CHANNELS = {"ir": 1, "vis": 3, "fused": 3}
_FAR = 1e6  # a fused picture is in [0, 1]: beyond this nothing is one

_lock = threading.Lock()
_is_bounded = False


class Session:
    """``path``, loaded; ``threads`` as ``OnnxFuser`` takes them.

    facts: what the file says about itself; sha256: of the bytes that were loaded. Raises WeightsError for a file that
    dfuse did not export or that is damaged.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        self.path = path
        data = _content(path)
        self.sha256 = hashlib.sha256(data).hexdigest()
        ort = need("onnxruntime", "onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.log_severity_level = 4  # what is wrong is raised, and said once
        # Threads that wait for work busily would take the cores from decoding and encoding.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        _bound(ort, options)
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except Exception as error:  # its exceptions have no base of their own
            reason = shortage.sentence(error)
            reason = f": {reason}" if reason else f" ({type(error).__name__})."
            raise WeightsError(f"{path} cannot be loaded by onnxruntime{reason}") from error
        try:
            properties = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError:
            raise WeightsError(f"{path} is damaged: its metadata are not text. Export it again.") from None
        self.facts = GraphFacts.from_properties(properties, str(path))
        self._require_signature()

    def run(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """(1, 1, H, W) and (1, 3, H, W) → (3, H, W), all float32 in [0, 1]. Raises WeightsError."""
        height, width = ir.shape[2:]
        try:
            fused = self._session.run(["fused"], {"ir": ir, "vis": vis})[0]
        except Exception as error:  # as above
            reason = shortage.sentence(error) or (
                f"its values or its metadata, by which sides are multiples of {self.facts.multiple}, are damaged "
                f"({type(error).__name__} of onnxruntime): export it again."
            )
            raise WeightsError(f"{self.path} cannot be computed for {width}×{height} pixels: {reason}") from error
        if fused.shape != (1, 3, height, width):
            raise WeightsError(
                f"{self.path} makes of {width}×{height} pixels an array of the shape {fused.shape}: export it again."
            )
        if not (fused.min() > -_FAR and fused.max() < _FAR):  # NaN is neither
            raise WeightsError(
                f"{self.path} computes values that are not numbers, or far from 0 to 1: its weights are damaged."
            )
        return fused[0]

    def _require_signature(self) -> None:
        found = {**_described(self._session.get_inputs()), **_described(self._session.get_outputs())}
        for name, channels in _CHANNELS.items():
            kind, shape = found.get(name, ("", ()))
            if kind != "tensor(float)" or len(shape) != 4 or tuple(shape[:2]) != (1, channels):
                what = f"{kind} of the shape {list(shape)}" if kind else "missing"
                raise WeightsError(
                    f"{self.path} is damaged or not a fusion model: its array {name} is {what}, and must be "
                    f"tensor(float) of the shape [1, {channels}, H, W]."
                )


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise WeightsError(f"{path} is not a graph: none is larger than 2 GB.")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be opened: {error.strerror or error}.") from None


def _bound(ort: Any, options: Any) -> None:
    """Let all sessions take their memory from one arena that has an end. onnxruntime holds it from 1.27 on."""
    global _is_bounded
    with _lock:
        if not _is_bounded:
            most = min(MOST_MEMORY, available_memory() or MOST_MEMORY)
            memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
            ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"max_mem": most}))
            _is_bounded = True
    options.add_session_config_entry("session.use_env_allocators", "1")


def _described(arrays: Any) -> dict[str, tuple[str, list[Any]]]:
    return {array.name: (array.type, list(array.shape or ())) for array in arrays}
