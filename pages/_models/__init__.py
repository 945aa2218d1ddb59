"""The parts of the models page: the list, one model, several side by side, files in and out."""
