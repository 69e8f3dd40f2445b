"""The rows of the ablation of terms: each leaves out what its name says, and nothing else."""

from dataclasses import asdict
from pathlib import Path

import terms

from diffuse_fuse.fusion.losses import LossWeights


def test_rows_leave_out_what_they_say_and_together_every_term():
    rows = {row.name: row for row in terms.rows([Path("a/train"), Path("b/train")])}
    every = asdict(LossWeights())
    left_out = set()
    for name, row in rows.items():
        missing = {term for term, weight in asdict(row.losses).items() if weight != every[term]}
        if name.startswith("without "):
            assert missing == set(name.removeprefix("without ").split(", "))
            assert all(asdict(row.losses)[term] == 0 for term in missing)
            left_out |= missing
        elif name != "paper":
            assert not missing
    assert left_out == {term for term, weight in every.items() if weight} - {"range"}
    assert {term for term, weight in asdict(rows["paper"].losses).items() if weight} == set(terms.PAPER)
    assert [rows[f"only {name}/train"].folder for name in "ab"] == [0, 1]
    assert sorted(row.seed for name, row in rows.items() if name.startswith("all")) == list(range(terms.SEEDS))
