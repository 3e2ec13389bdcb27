"""Servers, workflows and data that several tests use."""
