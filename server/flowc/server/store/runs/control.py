"""The values of a run's `control` column."""

from enum import StrEnum


class Control(StrEnum):
    """What is special about an unfinished run; most runs have none of these."""

    # Its worker must pause it: nodes that are running finish, and no other starts.
    PAUSE = "pause"
    # It waits for its turn, because as many runs of its workflow are at work as may be.
    HELD = "held"
