"""The adapters, one room per platform; found by entry point, never imported by name."""
