"""The referee: methods side by side on the same pixels, and a report nobody can argue with."""
