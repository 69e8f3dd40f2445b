"""The service against its own OpenAPI, by schemathesis: whatever is asked, the answer is one that is documented."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

import hypothesis
from schemathesis.checks import not_a_server_error
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EXAMPLES = 40


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "mode"),
    [
        *((path, mode) for path in ("/fuse", "/inspect", "/pairs") for mode in GenerationMode),
        *((path, GenerationMode.POSITIVE) for path in ("/models", "/health", "/metrics")),  # nothing to be wrong
    ],
)
def test_every_answer_is_documented(service, path, mode) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{service.port}/openapi.json")
    method = "GET" if path in ("/models", "/health", "/metrics") else "POST"

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=schema[path][method].as_strategy(generation_mode=mode))
    def ask(case) -> None:
        case.call_and_validate(checks=CHECKS)

    ask()
