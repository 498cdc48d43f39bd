"""The configuration of a run: one YAML file, one frozen object.

``sections`` holds the parts that need no torch, ``run`` the whole; importing this package imports neither.
"""
