"""What the libraries underneath read from the environment. To be said before they are imported."""

import os


def suit_libraries() -> None:
    """Have NumPy and PyTorch work as suits this program, unless the user has asked for something else."""
    # OpenBLAS's threads go on waiting busily after each of NumPy's products. Those are small, and the cores are the network's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A photo of 2048 pixels takes PyTorch some 10 GB of memory, each part of it asked for anew: pages of 2 MB, not of 4 KB.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
