"""Core files: a process that has secrets writes none, because the secrets would be in it."""

import resource


def write_no_core_file() -> None:
    """Let the process write no core file when it crashes, nor what it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
