"""How a plan's nodes run: the same in LangGraph and in a region."""
