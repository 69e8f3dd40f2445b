"""The trace of one pair counts what is really entered."""

import one_pair


def test_the_way_of_a_pair(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["one_pair.py", "--model", "tiny", "--list"])
    one_pair.main()
    lines = capsys.readouterr().out.splitlines()
    (counted,) = [line for line in lines if line.startswith("files ")]
    files = [line.split()[1] for line in lines if line.endswith(".py")]
    assert counted.startswith(f"files {len(files)}, calls ") and "changes of room" in counted
    assert {"cli/fuse.py", "images/read.py", "fusion/student_rows.py"} <= set(files)
    assert "training/loop.py" not in files and "evaluation/run.py" not in files
