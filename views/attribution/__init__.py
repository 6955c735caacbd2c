"""Who led to conversions: the ways to them from the store, and what each key is given by every model."""
