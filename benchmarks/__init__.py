"""What the product's speed is measured with: `python -m benchmarks`, or `make bench`."""
