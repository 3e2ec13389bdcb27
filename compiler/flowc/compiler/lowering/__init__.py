"""Turns a plan into a LangGraph graph; the only folder of the compiler that imports LangGraph."""
