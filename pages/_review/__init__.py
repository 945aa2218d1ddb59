"""The parts of the review page: session, intake, worklist, viewer, findings."""
