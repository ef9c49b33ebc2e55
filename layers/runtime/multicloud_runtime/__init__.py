"""What the layer builder puts beside an application: how each cloud calls it, and which release it is."""
