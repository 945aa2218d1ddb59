"""The exceptions of the package, all caught by `except CxrError`.

CxrError
├── ImageError          a file is not a film that can be read
│   └── ArchiveError    an archive is unsafe, too large or damaged
├── DataError           a data set, index or score file is not usable
├── ConfigError         settings that contradict each other or are out of range
├── ModelError          a model is missing, damaged or made for something else
└── JobError            a job, its table or its executor cannot do what was asked
    └── ClusterError    a Ray cluster is missing, does not answer or gave up

Cancelled stands apart: it is no error, and `except CxrError` must not swallow it.
Every message says what was expected, what came and what to do next. No message
carries a patient's name, an identifier or a tag's value from a film.
"""


class CxrError(Exception):
    """Base of every error that a person can act on."""


class ImageError(CxrError):
    """A file that is not a film which can be read."""


class ArchiveError(ImageError):
    """An archive that is unsafe, too large or damaged."""


class DataError(CxrError):
    """A data set, an index or a score file that cannot be used."""


class ConfigError(CxrError):
    """Settings that contradict each other or lie out of range."""


class ModelError(CxrError):
    """A model that is missing, damaged or made for something else."""


class JobError(CxrError):
    """A job, its table or its executor that cannot do what was asked."""


class ClusterError(JobError):
    """A Ray cluster that is missing, does not answer or gave up."""


class Cancelled(Exception):  # noqa: N818 (a request that was granted, not an error)
    """A person asked to stop; raised inside what a job runs, which tidies up and lets it pass."""
