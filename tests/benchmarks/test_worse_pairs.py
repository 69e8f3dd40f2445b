"""On which pairs another method is better: counted from tables of single pictures."""

import typer
import worse_pairs
from typer.testing import CliRunner


def test_pairs_are_counted_and_named_by_the_direction_of_the_metric(tmp_path):
    (tmp_path / "ours.csv").write_text(
        "image,method,convention,VIF,Nabf\na,base,plain,0.9,0.01\nb,base,plain,0.8,0.05\nc,base,plain,0.7,\n"
        "a,max,plain,2,0\nb,max,plain,2,0\nc,max,plain,2,0\n"
    )
    (tmp_path / "theirs.csv").write_text(
        "image,method,convention,VIF,Nabf\na,other,plain,0.8,0.02\nb,other,plain,0.9,0.02\nc,other,plain,0.6,0.02\n"
    )
    app = typer.Typer()
    app.command()(worse_pairs.main)
    arguments = [str(tmp_path / "ours.csv"), str(tmp_path / "theirs.csv"), "--metrics", "VIF,Nabf"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.output.splitlines()]
    assert lines[0] == ["of 3 pairs", "other", "any", "which"]
    assert lines[2:] == [["VIF", "1", "1", "b"], ["Nabf", "1", "1", "b"]]
