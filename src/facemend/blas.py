"""How many threads NumPy's products run on. To be said before NumPy is imported."""

import os


def use_one_thread() -> None:
    """Have OpenBLAS, which NumPy multiplies with, start no threads, unless the user has asked for some.

    Its threads go on waiting busily after each product. The products here are small, and the cores are the network's.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
