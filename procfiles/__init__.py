"""Everything that runs on a target: the runtime, the host agent, templates."""
