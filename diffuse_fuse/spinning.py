"""How long PyTorch's threads wait busily for one another.

OpenMP's threads spin at the end of each step until all have come: on idle cores that saves a little, and beside other
programs a thread spins on a core on which the one that it waits for could run. The runtimes read their bounds from the
environment once, when PyTorch is loaded.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # see the package
if TYPE_CHECKING:
    from collections.abc import MutableMapping

# whoever sets one of these has decided how threads wait
DECIDED = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")
# rounds of a loop (GNU's runtime, that of PyTorch on Linux): well below a millisecond
BOUND = {"GOMP_SPINCOUNT": "10000"}


def bound(environment: MutableMapping[str, str] = os.environ) -> None:
    """Bounds the spinning of a runtime that is loaded later, unless the user has decided.

    The package calls this when it is imported, before it imports PyTorch. Where a program imports PyTorch before
    dfuse, the runtime has read its bounds already and nothing can be done: such a program sets GOMP_SPINCOUNT itself.
    Processes that are started later inherit the bound.
    """
    if not any(name in environment for name in DECIDED):
        environment.update(BOUND)
