"""The terminal UI: a list of sessions, a viewer of messages, and a bar that tells how full a context is."""
