"""The child process: one model on llama.cpp's server, until the parent is gone. Run as a script, never imported.

The first line of standard input is the job, as JSON; end of file there means that the parent has ended, however it did.
The first line of standard output is the server's address. All that llama.cpp prints goes to standard error.
"""

import json
import os
import sys
import threading
import time
from typing import Any


def main() -> None:
    """Serve until the parent ends."""
    job = json.loads(sys.stdin.buffer.readline())
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_until_end_of_input, daemon=True).start()
    server = _serve(job)
    answer.write(f"{server.listening_address}\n")
    answer.close()
    # A process that the parent forked may hold the pipe open after the parent was killed: watch who our parent is, too.
    while os.getppid() == job["parent"]:
        time.sleep(0.25)
    os._exit(0)


def _serve(job: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = job["path"]
    params.model_alias = {job["name"]}
    params.chat_template = job["template"]
    params.use_jinja = True
    params.antiprompt = job["stop"]
    params.n_parallel = job["parallel"]
    params.n_ctx = job["context"] * job["parallel"]
    params.cpuparams.n_threads = job["threads"]
    params.cpuparams.poll = 0  # waiting threads sleep: spinning ones starve each other on a busy machine
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # the system picks a free one
    params.ui = False
    params.sampling.temp = 0.0  # the same answer every time, unless a request says otherwise
    return xllamacpp.Server(params)


def _until_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)  # at once: llama.cpp's own threads would keep the process alive


if __name__ == "__main__":
    main()
