"""Defines the type of a vector."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
