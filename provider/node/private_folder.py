"""A folder for one user alone, whoever made it."""

import contextlib
import os
import stat

MODE = 0o700


def make_private(folder: str) -> None:
    """Have the folder there, for nobody else: the kubelet makes the place of a mount with mode 0755. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder, MODE)
    if stat.S_IMODE(os.stat(folder).st_mode) != MODE:
        os.chmod(folder, MODE)
