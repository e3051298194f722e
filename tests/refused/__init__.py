"""What must be refused: the cases, and how their file is made."""
