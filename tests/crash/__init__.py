"""Crash points: a real server or its database is killed at a named step, comes back, and nothing is half done."""
