"""Many pairs in, many pictures out: what ``dfuse fuse`` does, for Python as well.

    plan = plan_folders("ir", "vis", "fused")
    results = run_folder(plan, Fuser(), "fused")

A bad pair is a result with status "failed"; the rest goes on.

session.py    a call: its options → a plan, a network, a run; network.py: which network
job.py        what is to be done with which pairs, and what became of them
plan.py       files and folders → jobs; manifest.py: a table of pairs → jobs
resume.py     outputs that are there: kept, or made again, by what they say about themselves
preflight.py  what a run will take, before it starts
run.py        all jobs; steps.py: one pair; pipeline.py: steps that overlap
"""

from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Plan, Recipe, Result, Status, format_suffix, mean_metrics
from diffuse_fuse.batch.manifest import plan_manifest
from diffuse_fuse.batch.pipeline import default_workers
from diffuse_fuse.batch.plan import part_of, plan_folders, plan_pair, plan_single_folder, with_own_gifs
from diffuse_fuse.batch.preflight import Preflight, look_ahead
from diffuse_fuse.batch.run import Watch, run, run_folder
from diffuse_fuse.batch.session import FuseOptions, open_session, with_series_range

__all__ = [
    "Existing",
    "FuseOptions",
    "FusesArrays",
    "Job",
    "Plan",
    "Preflight",
    "Recipe",
    "Result",
    "Status",
    "Watch",
    "default_workers",
    "format_suffix",
    "look_ahead",
    "mean_metrics",
    "open_session",
    "part_of",
    "plan_folders",
    "plan_manifest",
    "plan_pair",
    "plan_single_folder",
    "run",
    "run_folder",
    "with_own_gifs",
    "with_series_range",
]
