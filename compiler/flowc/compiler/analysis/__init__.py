"""Analyses a definition: scopes, configurations, graph, flow, and what readers expect."""
