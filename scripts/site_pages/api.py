"""The Python API: pages whose text mkdocstrings fills in from the docstrings."""

from __future__ import annotations

from functools import cache

# page → title, what it is for, the objects shown, in order
ROOMS = {
    "fusing": (
        "Fusing a pair",
        "A pair of arrays or paths in, a picture out. `Fuser`, `fuse`, `evaluate` and `DfuseError` can be imported "
        "from `diffuse_fuse` itself.",
        ["diffuse_fuse.fusion.fuser.Fuser", "diffuse_fuse.fusion.fuser.fuse", "diffuse_fuse.onnx.fuser.OnnxFuser"],
    ),
    "images": (
        "Pictures",
        "Reading, writing and pairing of files.",
        [
            *(f"diffuse_fuse.images.load.{name}" for name in ("load_pair", "LoadedPair")),
            "diffuse_fuse.images.options.LoadOptions",
            *(f"diffuse_fuse.images.read.{name}" for name in ("read_infrared", "read_visible")),
            "diffuse_fuse.images.write.write_image",
            *(f"diffuse_fuse.images.pairs.{name}" for name in ("find_pairs", "find_pair_folders", "Pair", "Pairing")),
            *(f"diffuse_fuse.images.metadata.{name}" for name in ("SourceMetadata", "OutputMetadata")),
            *(f"diffuse_fuse.images.provenance.{name}" for name in ("Provenance", "read_provenance")),
            "diffuse_fuse.images.overlay",
        ],
    ),
    "folders": (
        "Folders of pairs",
        "What `dfuse fuse` does with folders: plan, then run.",
        [
            *(f"diffuse_fuse.batch.plan.{name}" for name in ("plan_pair", "plan_folders", "plan_single_folder")),
            "diffuse_fuse.batch.manifest.plan_manifest",
            *(f"diffuse_fuse.batch.run.{name}" for name in ("run_folder", "run")),
            *(f"diffuse_fuse.batch.job.{name}" for name in ("Plan", "Job", "Result", "Existing")),
            "diffuse_fuse.batch.job.Recipe",
        ],
    ),
    "alignment": (
        "Alignment",
        "How the infrared picture must be moved to lie on the visible one, with a confidence.",
        [
            *(f"diffuse_fuse.alignment.estimate.{name}" for name in ("estimate", "Estimate")),
            *(f"diffuse_fuse.alignment.step.{name}" for name in ("Aligner", "Aligned")),
            *(f"diffuse_fuse.alignment.series.{name}" for name in ("combine", "Calibration")),
            *(f"diffuse_fuse.alignment.field.{name}" for name in ("find_field", "FoundField")),
            *(f"diffuse_fuse.alignment.file.{name}" for name in ("load_calibration", "save_calibration")),
            "diffuse_fuse.alignment.transform.Transform",
            "diffuse_fuse.alignment.warp.warp_infrared",
        ],
    ),
    "evaluation": (
        "Evaluation",
        "Scores of methods on a data set, with intervals.",
        [
            *(f"diffuse_fuse.evaluation.run.{name}" for name in ("evaluate", "run")),
            "diffuse_fuse.evaluation.plan.prepare",
            "diffuse_fuse.evaluation.result.Evaluation",
            "diffuse_fuse.evaluation.output.write_all",
            *(
                f"diffuse_fuse.evaluation.layouts.{name}"
                for name in ("find_dataset", "Dataset", "Layout", "register_layout")
            ),
        ],
    ),
    "metrics": (
        "Metrics",
        "`REGISTRY` holds each metric by name; [the table of metrics](../tables/metrics.md) lists them. Each is also a "
        "function of `diffuse_fuse.metrics` in lower case, such as `metrics.vif(ir, vis, fused)`.",
        [
            *(f"diffuse_fuse.metrics.registry.{name}" for name in ("compute", "select", "register")),
            "diffuse_fuse.metrics.metric.Metric",
            "diffuse_fuse.metrics.context.Triple",
            *(f"diffuse_fuse.metrics.guess.{name}" for name in ("guess_convention", "Guess")),
        ],
    ),
    "diffusion": (
        "Diffusion",
        "Schedules, samplers and features. The samplers take any function `eps_theta(x_t, t)`, whatever its channels.",
        [
            "diffuse_fuse.diffusion.schedule",
            "diffuse_fuse.diffusion.samplers",
            "diffuse_fuse.diffusion.pictures.PairModel",
            "diffuse_fuse.diffusion.features",
            "diffuse_fuse.diffusion.model",
            "diffuse_fuse.diffusion.objective",
        ],
    ),
    "networks": (
        "Networks",
        "Each network once; a forward pass takes an executor that works on the whole picture or row by row.",
        [
            *(f"diffuse_fuse.networks.unet.{name}" for name in ("UNet", "UNetConfig")),
            *(f"diffuse_fuse.networks.head.{name}" for name in ("FusionHead", "HeadConfig")),
            "diffuse_fuse.networks.student",
            "diffuse_fuse.networks.colour",
        ],
    ),
    "weights": (
        "Weights files",
        "The names of shipped weights, and the file: safetensors with configuration and card in the header.",
        ["diffuse_fuse.models", "diffuse_fuse.checkpoint"],
    ),
    "errors": (
        "Errors",
        "Every error that dfuse raises on purpose is a `DfuseError`.",
        ["diffuse_fuse.errors"],
    ),
}

INDEX = """# Python API

Generated from the docstrings. [Python](../python.md) shows how the parts go together, and
[Research as a library](../research.md) what can be built on them.

| page | |
|---|---|
"""


@cache
def pages() -> dict[str, tuple[str, str]]:
    """Address → title and text."""
    made, index = {}, INDEX
    for name, (title, about, shown) in ROOMS.items():
        text = f"# {title}\n\n{about}\n\n" + "\n".join(_shown(path) for path in shown)
        made[f"api/{name}.md"] = (title, text)
        index += f"| [{title}]({name}.md) | {about.split('. ')[0].rstrip('.')} |\n"
    return {"api/index.md": ("Python API", index), **made}


def _shown(path: str) -> str:
    module = (path.rpartition(".")[2].islower() and path.count(".") == 2) or path.endswith(("overlay", "models"))
    return f"::: {path}\n" + ("" if not module else "    options:\n      show_root_full_path: true\n")
