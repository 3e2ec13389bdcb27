"""Chats with workflows."""
