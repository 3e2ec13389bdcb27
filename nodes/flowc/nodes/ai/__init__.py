"""Node types that call language models, and what they share: messages, memory, tool calls."""
