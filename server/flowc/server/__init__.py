"""Stores workflows, runs them, and serves them over HTTP and on the command line."""

import os

# Set before anything imports LangGraph: stored bytes never name code to run, and no run is reported
# to another service.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"
