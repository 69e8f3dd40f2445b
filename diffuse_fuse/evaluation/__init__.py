"""``dfuse eval``: data set layouts, the evaluation run, statistics, tables and the report.

    evaluation = evaluate("MSRS", {"dfuse": "default", "SeAFusion": "results/SeAFusion"}, baselines=True)
    write_all(evaluation, "out")

layouts.py, tokens.py   data sets as they are downloaded → pairs
methods.py              what is scored: models, folders, baselines, functions
inspection.py           every file is looked at before anything is computed
plan.py, run.py         what will be done, and doing it
fusing.py, score.py     one picture at a time; baselines.py, cache.py
statistics.py           intervals, tests, correlations
result.py               the outcome as numbers
tables.py, output.py    CSV, JSON, Markdown, LaTeX, terminal
report.py, page/        report.html
"""

from diffuse_fuse.evaluation.layouts import Dataset, Layout, find_dataset, register_layout
from diffuse_fuse.evaluation.output import write_all
from diffuse_fuse.evaluation.plan import Plan, Sample, prepare
from diffuse_fuse.evaluation.result import Evaluation
from diffuse_fuse.evaluation.run import evaluate, run

__all__ = [
    "Dataset",
    "Evaluation",
    "Layout",
    "Plan",
    "Sample",
    "evaluate",
    "find_dataset",
    "prepare",
    "register_layout",
    "run",
    "write_all",
]
