"""Runs, events, interrupts, threads and triggers as plain values."""
