"""What the machine or its limits lack, told from the errors of many libraries: it is no bug of anybody's."""

from __future__ import annotations

import errno

_MEMORY = (
    "out of memory",
    "not enough memory",
    "insufficient memory",
    "failed to allocate",
    "allocate memory",
    "unable to allocate",
    "bad_alloc",
    "bad allocation",
    "failed to map segment",
    "smaller than requested bytes",
)
NO_THREADS = (
    "the system lets no more threads or processes start: end other programs, raise the limit (ulimit -u), or "
    "start fewer (OMP_NUM_THREADS=1, --workers 1)."
)
_DEEPEST = 10  # errors behind an error
_THREADS = ("start new thread", "pthread_create", "resource temporarily unavailable", "create thread")


def of_memory(error: BaseException) -> bool:
    """PyTorch, OpenCV, onnxruntime and the linker say it with exceptions of their own, which have only texts in
    common."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return any(words in text for words in _MEMORY)


def of_threads(error: BaseException) -> bool:
    """Whether no thread or process more could be started."""
    text = str(error).lower()
    return getattr(error, "errno", None) == errno.EAGAIN or any(words in text for words in _THREADS)


def sentence(error: BaseException) -> str | None:
    """What is lacking and what to do, or None for an error that may be a bug."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        name = error.filename.decode(errors="replace") if isinstance(error.filename, bytes) else error.filename
        other = f"{name}: {error.strerror}."
    else:
        other = None
    at: BaseException | None = error
    for _ in range(_DEEPEST):  # libraries wrap what happened in errors of their own
        if at is None:
            break
        if found := _lacking(at):
            return found
        at = at.__cause__ or at.__context__
    return other


def _lacking(error: BaseException) -> str | None:
    if of_memory(error):
        return "there is not enough memory: end other programs, raise the limit (ulimit -v), or give smaller pictures."
    if of_threads(error):
        return NO_THREADS
    if not isinstance(error, OSError):
        return None
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        where = f" for {error.filename}" if error.filename else ""
        return f"there is no space left on the disk{where}: make room, or set TMPDIR to a folder with more."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many open files: raise the limit (ulimit -n)."
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
        return "no folder for temporary files is writable: set TMPDIR to one that is."
    return None
