"""Read the user's project: what it is, how it starts, what it needs."""

from paasctl.project.detect import Choose
from paasctl.project.reading import read

__all__ = ["Choose", "read"]
