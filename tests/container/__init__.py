"""Builds the container image of this checkout, starts it, and looks whether it is healthy: `script/container`.

`engines.py` speaks with podman, docker or buildah; `base_image.py` makes a base where no registry can be reached.
Nothing of the site itself is imported: what is tried is what the image holds.
"""
