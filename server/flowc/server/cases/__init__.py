"""Tests of workflows: each case gives an input, mocks and answers, and the result it expects."""
