"""What the service's OpenAPI says of bodies and answers that FastAPI cannot tell from a signature."""

from __future__ import annotations

from typing import Any

from diffuse_fuse.serve.asked import FuseOptions, ReadOptions, properties

RESULT = "Dfuse-Result"  # the header that says what a picture is
_PICTURES = ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp")
MEDIA_TYPES = dict(zip(("png", "jpg", "tif", "webp", "bmp"), _PICTURES, strict=True))

_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_WHY = {
    400: "The form cannot be read.",
    403: "The request comes from the page of another site.",
    404: "There is no such model.",
    408: "The upload took too long.",
    410: "The service does not hold the file of this hash: send the file.",
    413: "The body, or a picture, is too large.",
    415: "The body is not a multipart form.",
    422: "An option is wrong, or the pictures cannot be used; the sentence says why.",
    429: "The queue is full; try again after Retry-After seconds.",
    503: "The work took too long, or there is not enough memory.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers that are no pictures, each with one sentence."""
    return {
        status: {"description": _WHY[status], "content": {"application/json": {"schema": _DETAIL}}}
        for status in statuses
    }


def fuse_responses() -> dict[int | str, dict[str, Any]]:
    """Of POST /fuse."""
    picture = {"schema": {"type": "string", "format": "binary"}}
    return {
        200: {
            "description": "The picture.",
            "content": dict.fromkeys(_PICTURES, picture),
            "headers": {
                RESULT: {
                    "description": "JSON: width, height, model, metrics, warnings, ir_sha256, vis_sha256, seconds.",
                    "schema": {"type": "string"},
                }
            },
        },
        **refusals(400, 403, 404, 408, 410, 413, 415, 422, 429, 503),
    }


def fuse_body() -> dict[str, Any]:
    """The form of POST /fuse."""
    files = {
        "ir": _file("The infrared picture, or a radiometric JPEG that holds both."),
        "vis": _file("The visible picture; left out where ir holds both."),
    }
    return _form({**files, **properties(FuseOptions)}, [])


def inspect_body() -> dict[str, Any]:
    """The form of POST /inspect."""
    return _form({"file": _file("A picture."), **properties(ReadOptions)}, ["file"])


def _file(text: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary", "description": text}


def _form(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": fields, "additionalProperties": False}
    if required:
        schema["required"] = required
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
