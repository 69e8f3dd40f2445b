"""Damaged files make the libraries print and warn; the exceptions raised here say it once and better.

What is switched off is switched off for the process, and pictures are read by several threads at once: the first
one in switches it off, the last one out switches it on again.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import cv2

from diffuse_fuse import descriptors

_OPENCV = getattr(cv2.utils, "logging", cv2)  # older OpenCV has the two functions at its top level
_SILENT = 0  # LOG_LEVEL_SILENT, which not every version exports

_lock = threading.Lock()
_inside = 0
_undo = ExitStack()


@contextmanager
def quiet() -> Iterator[None]:
    """Without OpenCV's and tifffile's logs, Pillow's warnings, and what libjpeg, libpng, libtiff, FFmpeg and its
    encoders write themselves.

    The last of these in dfuse's own processes only, see ``descriptors``.
    """
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            _switch_off()
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _undo.close()


def _switch_off() -> None:
    if descriptors.apart is not None:
        real, nowhere = descriptors.apart
        _undo.callback(os.dup2, real, descriptors.ERROR)
        os.dup2(nowhere, descriptors.ERROR)
    _undo.callback(_OPENCV.setLogLevel, _OPENCV.getLogLevel())
    _OPENCV.setLogLevel(_SILENT)
    logger = logging.getLogger("tifffile")
    _undo.callback(setattr, logger, "disabled", logger.disabled)
    logger.disabled = True
    _undo.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
