"""Reports on a workflow without running it: forecasts, drawings, comparisons, explanations."""
