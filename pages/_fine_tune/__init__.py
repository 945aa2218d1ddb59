"""The parts of the fine-tuning page: form, queue, live run, outcome."""
