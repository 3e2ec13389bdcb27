"""Servers, workflows and data that several test files share."""
