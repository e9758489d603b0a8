"""The program that runs on a host for the time of one paasctl command (Python 3.8+, standard library)."""
