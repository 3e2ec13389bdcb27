"""How runs are kept, taken and steered."""
