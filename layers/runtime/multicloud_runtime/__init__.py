"""The runtime package beside an application: the adapter of each cloud, and the release."""
