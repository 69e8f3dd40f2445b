"""A network is built no larger than its weights file: a few bytes of a configuration can ask for a billion layers."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from diffuse_fuse.checkpoint import short
from diffuse_fuse.errors import WeightsError

_MORE_TENSORS, _MORE_VALUES = 64, 1_000_000  # that a model has before a part of it that is not needed is taken away


@contextmanager
def building(what: str, tensors: dict[str, torch.Tensor]) -> Iterator[None]:
    """While it lasts, a model is built as the configuration of a file says, and may not be larger than its ``tensors``.

    Raises WeightsError, also in place of whatever a configuration
    that makes no sense raises; ``what`` names the file.
    """
    count, size = len(tensors) + _MORE_TENSORS, 2 * sum(tensor.numel() for tensor in tensors.values()) + _MORE_VALUES
    thread = threading.get_ident()

    def measure(module: nn.Module, name: str, parameter: torch.Tensor | None) -> None:
        nonlocal count, size
        if parameter is not None and threading.get_ident() == thread:
            count, size = count - 1, size - parameter.numel()
            if count < 0 or size < 0:
                raise WeightsError(f"{what} does not fit its configuration, which asks for a larger model.")

    hook = register_module_parameter_registration_hook(measure)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers without channels
            yield
    except WeightsError:
        raise
    except Exception as error:  # PyTorch raises many
        text = short(str(error).partition("\n")[0])
        raise WeightsError(f"{what} has a configuration that this dfuse does not know ({text}).") from None
    finally:
        hook.remove()
