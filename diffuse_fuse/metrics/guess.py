"""Which evaluator a paper's row of numbers most likely came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from diffuse_fuse.errors import MetricError
from diffuse_fuse.metrics.registry import CONVENTIONS, REGISTRY

# What each evaluator prints for results on TNO, MSRS and RoadScene: rounded outwards from 36 means of other methods
# in the plain convention, and from twelve results that all four measured. Metrics on which the evaluators agree,
# or overlap wholly, tell nothing and are left out.
_PLAIN: dict[str, tuple[float, float]] = {
    "SD": (20, 70),
    "SF": (5, 25),
    "MI": (1.5, 7.4),
    "MSE": (0.006, 0.13),
    "PSNR": (9, 22),
    "VIF": (0.4, 1.1),
    "SSIM": (0.52, 0.8),
    "Nabf": (0.003, 0.3),
}
_OTHERS: dict[str, dict[str, tuple[float, float]]] = {
    "tang": {"PSNR": (57, 70), "SSIM": (0.35, 0.7), "Nabf": (0.0003, 0.03)},
    "tang-sheets": {
        **{"SD": (6.5, 11), "SF": (0.0195, 0.1), "VIF": (0.5, 1.65)},
        **{"PSNR": (57, 70), "SSIM": (0.35, 0.7), "Nabf": (0.0003, 0.03)},
    },
    "cddfuse": {"MI": (1.04, 5.1), "MSE": (390, 8500), "SSIM": (0.72, 1.45)},
}
_RANGES = {
    name: {convention: _OTHERS.get(convention, {}).get(name, plain) for convention in CONVENTIONS}
    for name, plain in _PLAIN.items()
}
_OUTSIDE = 8.0  # how much credit a value outside its range loses, an octave
_LOWEST = -12.0  # a typing error in one cell must not outvote the rest of the row


@dataclass(frozen=True)
class Guess:
    """Which evaluator a row of a paper most likely came from.

    convention: the likeliest; "plain" where nothing speaks against it. confidence: its share of the likelihood,
    0…1. likelihoods: of every convention, sums to 1. reasons: one sentence a metric that told. used: those
    metrics. decided: False when the row has nothing to tell the evaluators apart.
    """

    convention: str
    confidence: float
    likelihoods: dict[str, float]
    reasons: tuple[str, ...] = ()
    used: tuple[str, ...] = field(default=())

    @property
    def decided(self) -> bool:
        """True when the likeliest evaluator is at least three times as likely as the next one."""
        first, second = sorted(self.likelihoods.values(), reverse=True)[:2]
        return first >= 3 * second


def guess_convention(paper: Mapping[str, float]) -> Guess:
    """The evaluator that a paper's row of means most likely came from, by the ranges that each prints.

    paper: metric name → value as printed, such as {"EN": 6.69, "SD": 8.4}. Raises MetricError for unknown names
    and values that are no numbers.
    """
    if not isinstance(paper, Mapping):
        raise MetricError('A row of a paper is a dictionary of values by metric, such as {"EN": 6.69, "SD": 8.4}.')
    for name, value in paper.items():
        if name not in REGISTRY:
            raise MetricError(f"There is no metric {name!r}: dfuse metrics lists them.")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise MetricError(f"{name}={value!r} is not a finite number.")
    if not paper:
        raise MetricError("A row without values tells nothing: give some, such as EN=6.69 and SD=8.4.")

    score = dict.fromkeys(CONVENTIONS, 0.0)
    reasons, used = [], []
    for name, value in paper.items():
        if name not in _RANGES:
            continue
        credits = {convention: _credit(value, low, high) for convention, (low, high) in _RANGES[name].items()}
        for convention, credit in credits.items():
            score[convention] += credit
        if max(credits.values()) - min(credits.values()) > 1:
            used.append(name)
            reasons.append(_reason(name, value, credits))
    best = max(score.values())
    weights = {convention: math.exp(value - best) for convention, value in score.items()}
    likelihoods = {convention: weight / sum(weights.values()) for convention, weight in weights.items()}
    # dictionaries keep their order: of equal ones the first, plain, is taken
    convention = max(likelihoods, key=lambda each: likelihoods[each])
    return Guess(convention, likelihoods[convention], likelihoods, tuple(reasons), tuple(used))


def _credit(value: float, low: float, high: float) -> float:
    """Log-likelihood of a mean: flat inside its range, falling with the distance outside, in octaves."""
    if value <= 0:
        return _LOWEST
    position = math.log(value / low) / math.log(high / low)
    beyond = max(0.0, -position, position - 1)
    # a value well inside a narrow range says more than the same value inside a wide one
    return max(_LOWEST, -_OUTSIDE * beyond * math.log2(high / low)) - math.log(math.log(high / low))


def _reason(name: str, value: float, credits: Mapping[str, float]) -> str:
    best = max(credits.values())
    fits = [convention for convention, credit in credits.items() if credit >= best - 1]
    low, high = _RANGES[name][fits[0]]
    return f"{name} = {value:g} fits {', '.join(fits)} (usually {low:g} … {high:g})."
