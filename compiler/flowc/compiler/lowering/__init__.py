"""The only door to LangGraph: from a plan to a graph."""
