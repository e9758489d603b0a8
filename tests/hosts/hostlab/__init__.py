"""Separate Linux hosts on this machine: their own files, network, systemd, sshd, nginx and Supervisor."""
