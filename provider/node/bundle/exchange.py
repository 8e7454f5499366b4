"""Two folders change places."""

import ctypes
import errno
import os
from collections.abc import Callable

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP)


def exchange_in_one_step(first: str, second: str) -> bool:
    """Let two folders change places, so that who looks never finds none; False where the system cannot do that.

    Raises OSError.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # a C library before 2.28
        return False
    if rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), ctypes.c_uint(_EXCHANGE)) == 0:
        return True
    code = ctypes.get_errno()
    if code not in _CANNOT:
        raise OSError(code, os.strerror(code), second)
    return False


def exchange(
    first: str, second: str, aside: str, in_one_step: Callable[[str, str], bool] = exchange_in_one_step
) -> None:
    """Let two folders of one file system change places; where need be in three steps, through the name `aside`.

    Raises OSError.
    """
    if not in_one_step(first, second):
        os.rename(first, aside)
        os.rename(second, first)
        os.rename(aside, second)
