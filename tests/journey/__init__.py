"""Journeys: state is reached only as a user could, through running processes."""
