"""Who comes back: cohorts and their retention, the lifecycle of visitors, the adoption of a feature."""
