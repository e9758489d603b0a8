"""Read the user's project: what it is, how it starts, what it needs."""
