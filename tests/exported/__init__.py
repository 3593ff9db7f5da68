"""The exported page, which restores faces in the visitor's own browser: a real one, with the network off."""
