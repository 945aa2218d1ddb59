"""The parts of the compare page: why, table, convolutions, scaling, measure, films, choice."""
