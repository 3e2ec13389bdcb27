"""What clients do with runs: start, watch, steer and replay them."""
