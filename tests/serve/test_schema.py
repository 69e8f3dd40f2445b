"""The service against its own OpenAPI, by schemathesis: whatever is asked, the answer is one that is documented."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

EXAMPLES = 40
FORMS, FACTS = ("/fuse", "/inspect", "/pairs"), ("/models", "/health", "/metrics")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "mode"),
    [*((path, mode) for path in FORMS for mode in ("positive", "negative")), *((path, "positive") for path in FACTS)],
)
def test_every_answer_is_documented(service, path, mode) -> None:
    import hypothesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    wanted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.response_headers_conformance,
    ]
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{service.port}/openapi.json")
    route = schema[path]["POST" if path in FORMS else "GET"]

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=route.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def ask(case) -> None:
        case.call_and_validate(checks=wanted)

    ask()
