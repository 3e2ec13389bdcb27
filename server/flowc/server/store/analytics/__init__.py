"""What is counted of runs that ended: rollups by hour and day, and the figures of them."""
