"""Runs workflows, from the command line and over HTTP, and keeps what they did."""

import os

# Before LangGraph is imported by anything: stored bytes never name code to run, and no run is
# ever reported to anybody.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"
