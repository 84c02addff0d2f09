"""Conversations as documents: what leaves a store, and what comes back."""
