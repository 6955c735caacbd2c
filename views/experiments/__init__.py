"""Experiments from the store: who saw which variant, what they did from then on, and what that amounts to."""
