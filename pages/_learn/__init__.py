"""The parts of the lecture page, one file for each of its views."""
