"""Contracts: what travels between the parts, as frozen Structs and closed vocabularies."""
