"""The options of a request, as form fields: those of ``dfuse fuse`` that make sense without files of the server."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diffuse_fuse.images.options import LoadOptions, ThermalRange

_NUMBER = r"-?\d{1,9}(\.\d{1,9})?"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReadOptions(_Form):
    """How a file is read."""

    page: int = Field(1, ge=1, le=1_000_000, description="Page of a multi-page infrared file.")
    nodata: float | None = Field(
        None,
        allow_inf_nan=False,
        description="Infrared value of pixels without a measurement; dfuse detects the usual ones.",
    )


class FuseOptions(ReadOptions):
    """How a pair is read and fused, and what is answered."""

    ir_sha256: Sha256 | None = Field(
        None, description="Instead of the file ir: the hash of a file that the service holds."
    )
    vis_sha256: Sha256 | None = Field(
        None, description="Instead of the file vis: the hash of a file that the service holds."
    )
    ir_name: str | None = Field(None, max_length=500, description="Name of the held file ir.")
    vis_name: str | None = Field(None, max_length=500, description="Name of the held file vis.")
    hold: bool = Field(
        False, description="Hold the files in memory for a while, so that later requests can name them by their hashes."
    )
    picture: Literal["fused", "infrared", "visible"] = Field(
        "fused", description="What to return: the fused picture, or a source as the fusion uses it, at its size."
    )
    model: str = Field("default", max_length=100, description="Name of weights; GET /models lists them.")
    balance: Literal["auto"] | Unit = Field(
        "auto",
        description="How much of the infrared brightness the result takes over: 0 only hot targets, 1 all, or auto.",
    )
    thermal_range: str | None = Field(
        None,
        pattern=f"^(camera|{_NUMBER} {_NUMBER})$",
        description="Infrared values that become black and white, such as '10 40'; °C where the file is radiometric. "
        "camera: the range of the camera's display.",
    )
    polarity: Literal["white-hot", "black-hot", "auto"] = Field(
        "white-hot", description="Whether hot is white or black."
    )
    align: Literal["none", "auto", "shift", "similarity", "affine", "homography"] = Field(
        "none", description="Register the infrared picture to the visible one."
    )
    size: Literal["vis", "ir"] = Field(
        "vis", description="Give the fused picture the size of the visible or the infrared one."
    )
    stretch: bool = Field(
        False, description="Accept different aspect ratios: the pictures show the same field of view."
    )
    format: Literal["png", "jpg", "tif", "webp", "bmp"] = Field("png", description="Format of the answer.")
    depth: Literal["8", "16"] = Field("8", description="Bits per channel; 16 only in png and tif.")
    gps: bool = Field(True, description="Keep the visible picture's location.")
    metrics: bool = Field(True, description="Compute the fidelity metrics of a fused picture.")

    def load_options(self, max_pixels: int) -> LoadOptions:
        """How the pair is read. Raises UsageError for a range that is none."""
        return LoadOptions(
            page=self.page,
            thermal_range=self._range(),
            polarity=self.polarity,
            size=self.size,
            stretch=self.stretch,
            gps=self.gps,
            max_pixels=max_pixels,
            nodata=self.nodata,
        )

    def _range(self) -> ThermalRange | None:
        if self.thermal_range in (None, "camera"):
            return self.thermal_range  # type: ignore[return-value]
        low, high = map(float, self.thermal_range.split())
        return low, high


class Names(_Form):
    """Names of files in a browser, with their folders."""

    names: list[Annotated[str, Field(max_length=1000)]] = Field(max_length=20_000)


def sentence(error: ValidationError) -> str:
    """What is wrong with a form, for people: the first thing, and how many more."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    field = ".".join(str(part) for part in errors[0]["loc"][:1]) or "the form"
    more = f" ({len(errors) - 1} more)" if len({str(each["loc"][:1]) for each in errors}) > 1 else ""
    known = "" if errors[0]["type"] != "extra_forbidden" else ": there is no such option"
    return f"{field}: {errors[0]['msg']}{known}{more}."


def properties(options: type[_Form]) -> dict[str, Any]:
    """The form fields of ``options`` as an OpenAPI schema has them."""
    return options.model_json_schema()["properties"]
