"""Push a Python web app and its environment to Heroku, PythonAnywhere or a Linux host."""

__version__ = "0.1.0"
