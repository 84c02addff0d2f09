"""Measurements: what they generate is invented, what they print are figures; no test depends on a timing."""
