"""What runs on PythonAnywhere: the WSGI stub."""
