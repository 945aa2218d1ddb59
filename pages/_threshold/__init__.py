"""The parts of the threshold page: sources, live panel, curves, films, comparison, locking."""
