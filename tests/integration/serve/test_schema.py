"""Requests made from the server's own OpenAPI, and from what breaks it: none is answered with a 5xx."""

import subprocess
import sys
import urllib.request
from pathlib import Path

from leeroo.serve.app import Settings
from tests.integration.serve.conftest import router_over, running


def test_no_request_that_schemathesis_makes_is_a_server_error(experts):
    with running(router_over(experts), settings=Settings(per_minute=0)) as url:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
        options = [
            "--checks",
            "not_a_server_error",
            "--max-examples",
            "15",
            "--seed",
            "7",
            "--phases",
            "coverage,fuzzing",
        ]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout[-3000:]
        assert urllib.request.urlopen(f"{url}/healthz").status == 200
    assert experts.requests  # some of them were good ones
