"""The one file that goes into every bundle: ``_paasctl_runtime.py``."""
