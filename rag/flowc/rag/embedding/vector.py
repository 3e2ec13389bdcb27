"""Defines the type of a vector."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    # A row for each vector.
    Vectors = NDArray[np.float32]
else:
    # NumPy takes a tenth of a second, and is loaded where it is first used.
    Vector = Vectors = Any
