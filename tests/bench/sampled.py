"""Runs a server and samples its stacks: `python -m bench.sampled FILE MODULE ARGUMENTS…`.

From SIGUSR1, a timer of the process's CPU time signals the thread that is using the CPU, and Python's
faulthandler writes the stack of that thread to the file at once, without waiting for the lock of the
interpreter. Other samplers in Python see threads only where they wait.
"""

import faulthandler
import runpy
import signal
import sys
from pathlib import Path

# Seconds of CPU between two samples; the kernel may take longer.
INTERVAL = 0.002


def main() -> None:
    _, target, module, *arguments = sys.argv
    with Path(target).open("w") as file:
        faulthandler.register(signal.SIGPROF, file, all_threads=False)
        signal.signal(signal.SIGUSR1, _begin)
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _begin(*_: object) -> None:
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)


if __name__ == "__main__":
    main()
