"""Runs the nodes of a plan, in the same way as LangGraph nodes and in a region."""
