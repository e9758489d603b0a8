"""Hosts with a shell: this machine (``local``) and Linux hosts over ssh (``linux``)."""
