"""What the end-to-end tests stand on: sample projects, the paasctl runner, clients, and the recorders."""
