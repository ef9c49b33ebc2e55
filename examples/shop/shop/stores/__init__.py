"""One store for each cloud."""
