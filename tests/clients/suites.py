"""The API tests that the makers of the SDKs ship with the sources, as they are, with a gateway where they expect a mock.

    suites.py openai|anthropic

Runs in the directory of the unpacked sources. Two things are put in from outside: the key that the clients are made with,
and a look at what was answered. One JSON object at the end says what came of it; what is right is not said here.
"""

import contextlib
import gc
import json
import os
import re
import sys
from collections import Counter

import httpx2
import pytest

TESTS = "tests/api_resources"
# The tests of what the gateway serves. Here each failure is told; elsewhere "there is no such route" is the answer.
OFFERED = {
    "openai": [
        "beta/test_responses.py", "chat/test_completions.py", "test_embeddings.py", "test_files.py", "test_models.py",
        "test_responses.py",
    ],
    "anthropic": [
        "beta/test_files.py", "beta/test_messages.py", "beta/test_models.py", "test_files.py", "test_messages.py",
        "test_models.py",
    ],
}
# What the gateway says of a route, or of a method of a route, that it does not have.
NO_ROUTE = re.compile(r"there is no route `[^`]+`; this gateway serves |`[^`]+` does not take [A-Z]+$")


class Watch:
    """Puts the token in, and keeps what each test came to."""

    def __init__(self, suite):
        self.suite = suite
        self.answers = []
        self.error = None
        self.passed, self.not_offered = Counter(), Counter()
        self.failures, self.skipped, self.uncollected = [], 0, []

    def pytest_plugin_registered(self, plugin):
        """The clients are made with a key that stands in their `conftest.py`."""
        if getattr(plugin, "__name__", None) == "tests.conftest":
            plugin.api_key = os.environ["TOKEN"]

    def pytest_collectreport(self, report):
        if report.failed:
            self.uncollected.append(f"{report.nodeid}: {report.longrepr}")

    def pytest_collection_finish(self):
        # What is collected stays to the end: there is no need to look through it again and again.
        gc.collect()
        gc.freeze()

    def pytest_runtest_setup(self):
        self.answers.clear()
        self.error = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call):
        if call.excinfo is not None:
            self.error = call.excinfo.value
        return (yield)

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self.skipped += 1
        elif report.failed:
            self.failed(report)
        elif report.when == "call":
            self.passed["answered" if self.answers else "unasked"] += 1

    def failed(self, report):
        """A route that is not there is told by number and method, anything else by the test."""
        name = report.nodeid.removeprefix(TESTS + "/")
        if name.split("::")[0] not in OFFERED[self.suite] and self.is_no_route():
            self.not_offered[str(self.error.status_code)] += 1
            return
        message = str(self.error).strip().split("\n")[0][:400]
        self.failures.append({
            "test": name,
            "answers": [" ".join(map(str, answer)) for answer in self.answers][-3:],
            "error": f"{type(self.error).__name__}: {message}",
        })

    def is_no_route(self):
        """Whether the client was refused once, by the error of its dialect with the right type and code."""
        status, body = getattr(self.error, "status_code", None), getattr(self.error, "body", None)
        if [answer[-1] for answer in self.answers] != [status] or not isinstance(body, dict):
            return False
        if self.suite == "anthropic":
            message = body.get("error", {}).get("message")
            kind = {404: "not_found_error", 405: "invalid_request_error"}.get(status)
            is_right = {key: body[key] for key in body if key != "request_id"} == {
                "type": "error", "error": {"type": kind, "message": message}}
            is_right = is_right and body["request_id"] == self.error.request_id
        else:
            message = body.get("message")
            code = {404: "unknown_url", 405: "method_not_supported"}.get(status)
            is_right = body == {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return is_right and bool(self.error.request_id) and bool(NO_ROUTE.match(message or ""))

    def seen(self):
        return {
            "suite": self.suite,
            "passed": self.passed["answered"],
            "passed_unasked": self.passed["unasked"],
            "skipped": self.skipped,
            "failed": len(self.failures),
            "not_offered": dict(sorted(self.not_offered.items())),
            "uncollected": self.uncollected,
            "failures": self.failures,
        }


def look_at_answers(watch):
    """Notes what comes back through the clients, which all send by these two."""
    whole, awaited = httpx2.Client.send, httpx2.AsyncClient.send

    def note(request, response):
        # An answer that a test made up itself has no name.
        if response.headers.get("request-id", "").startswith("req_"):
            watch.answers.append((request.method, request.url.path, response.status_code))
        return response

    def send(self, request, **options):
        return note(request, whole(self, request, **options))

    async def send_awaited(self, request, **options):
        return note(request, await awaited(self, request, **options))

    httpx2.Client.send, httpx2.AsyncClient.send = send, send_awaited


def main():
    suite = sys.argv[1]
    # The sources lie where nothing else is written, and thousands of tests need not be compiled each time.
    sys.dont_write_bytecode = False
    # The SDK of Anthropic puts `/v1` before its routes itself.
    os.environ["TEST_API_BASE_URL"] = os.environ["BASE_URL"] + ("/v1" if suite == "openai" else "")
    watch = Watch(suite)
    look_at_answers(watch)
    # Theirs want a pool of processes and a long report; what their warnings are is left as it is.
    options = ["--override-ini=addopts=", "--tb=line", "--quiet", "--no-header", "-pno:logging", "-pno:cacheprovider"]
    if suite == "anthropic":
        # Theirs too: it has to come before what mocks `httpx`.
        options.append("-ptests._alias_httpx")
    sys.path.insert(0, os.getcwd())
    with contextlib.redirect_stdout(sys.stderr):
        pytest.main([TESTS, *options, *sys.argv[2:]], plugins=[watch])
    json.dump(watch.seen(), sys.stdout)
    print()


if __name__ == "__main__":
    main()
