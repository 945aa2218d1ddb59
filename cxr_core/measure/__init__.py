"""What a job runs to compare backbones: counting, latency, probe, download of weights.

Pages never import this package; what it finds out is read with `comparison`.
"""
