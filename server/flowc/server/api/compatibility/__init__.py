"""The API under the names that clients of other engines use: jobs, executions, runs of workflows.

Each route is a second address of what the API does anyway; its answers have the names that those
clients expect beside our own.
"""

from flowc.server.api.compatibility import (
    executions,
    jobs,
    second_addresses,
    single_dependencies,
)

# What is mounted under the base of the API, and what is mounted without it.
ROUTERS = (
    jobs.router,
    executions.router,
    single_dependencies.router,
    second_addresses.of_caller,
    second_addresses.of_jobs,
    second_addresses.of_steps,
    second_addresses.of_executions,
    second_addresses.of_workflows,
)
PLAIN_ROUTERS = (second_addresses.plain,)

__all__ = ["PLAIN_ROUTERS", "ROUTERS"]
