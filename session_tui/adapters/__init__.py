"""The contract for a store (`base`) and the tools to meet it."""
