"""One family of errors: each message names the value that is wrong and what to do about it."""


class FacemendError(Exception):
    """Base of every error a user can cause or mend. The command line prints it as one line, exit code 2."""


class ImageError(FacemendError):
    """The photo cannot be read, or is of a kind or size that cannot be restored."""


class MaskError(FacemendError):
    """The mask cannot be read, does not fit the photo, or asks for nothing or for everything."""


class ConfigError(FacemendError):
    """A configuration holds an unknown key or a value that cannot work."""


class WeightsError(FacemendError):
    """Weights are missing, damaged, or belong to another network."""


class DataError(FacemendError):
    """A data set is missing files, or its index, images and labels do not belong together."""


class OutputError(FacemendError):
    """A result cannot be written where it was asked for."""


class TrainingError(FacemendError):
    """Training cannot start, go on, or resume."""


def how_to_install(extra: str) -> str:
    """Say how an extra is added, as the README says: facemend is on no package index."""
    return f'in the clone of facemend, pip install -c requirements.lock ".[{extra}]"'
