"""One file per agent program, and nothing else; each registers itself by being here."""
