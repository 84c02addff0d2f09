"""Making long conversations short: when it is due, what is replaced, and by which words."""
