"""The message board's HTTP API: one application, and one adapter for each cloud that it is deployed on."""
