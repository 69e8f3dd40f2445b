"""``dfuse fuse --json``: its keys are those that docs/batch.md lists."""

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "batch.md"


def documented():
    """The keys of the object, and those of a result that are always there and those that are sometimes."""
    section = PAGE.read_text(encoding="utf-8").split("## For programs")[1].split("\n## ")[0]
    table, text = section.split("Each result:")
    whole = {key for row in re.findall(r"^\| (`.*?`) \|", table, re.M) for key in re.findall(r"`(\w+)`", row)}
    always, sometimes = text.split("Exit codes")[0].split("where it applies")
    keys = set(re.findall(r"`(\w+)`", always)) - {"ok", "skipped", "failed"}
    return whole, keys, set(re.findall(r"`(\w+)`", sometimes))


def test_the_object_is_as_documented(dfuse, folders, tiny_model):
    found = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model, "--json")
    whole, always, sometimes = documented()
    told = json.loads(found.stdout)
    assert found.returncode == 1 and set(told) == whole
    for result in told["results"]:
        assert always <= set(result) <= always | sometimes
    assert [Path(path).name for path in told["unpaired"]["ir"]] == ["alone.png"] and told["unpaired"]["vis"] == []


def test_warnings_are_in_it(dfuse, tmp_path, pair, tiny_model):
    ir, vis = pair
    told = json.loads(dfuse("fuse", vis, ir, "-o", "x.png", "--model", tiny_model, "--json").stdout)
    assert "give the infrared one first" in told["results"][0]["warnings"][0]
