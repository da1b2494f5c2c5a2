"""How a runbook file becomes a `Runbook`: YAML with line marks, the model's shape, then the rules across it.

`cutover_tui.core.loading` is the door; nothing else needs to look in here.
"""
