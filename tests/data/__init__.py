"""Input of the tests that nobody of this project made up on the spot; README.md has the sources."""
