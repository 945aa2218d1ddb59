"""CXR Workbench's library: reads chest X-rays for pneumonia with transfer learning.

Decision support for research and teaching, not a cleared medical device.
"""

__version__ = "0.1.0"
