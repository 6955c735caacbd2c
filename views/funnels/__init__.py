"""Funnels: what is defined, the walks of those who take its steps, and the answer."""
