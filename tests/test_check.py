"""scripts/check, which has to hold before a change is proposed."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parent.parent / "scripts" / "check"
BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize("there", [(), ("ruff",)])
def test_a_missing_tool_is_named_with_what_to_install(tmp_path, there):
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    for tool in there:
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    run = subprocess.run([BASH, CHECK], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    missing = "mypy" if there else "ruff"
    assert run.returncode == 1 and run.stdout == ""
    assert f"needs {missing}: run pip install -c constraints.txt -e '.[dev]'" in run.stderr
