"""Homes full of invented conversations with planted needles, to measure searches on and to test their recall."""
