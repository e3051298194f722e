"""People, opened reports, incidents, decisions. Nothing imports this package."""
