"""What a restoration costs: time, memory, start, size; of this network and of others', side by side in one run."""

from facemend.benchmark.contenders import all_contenders, draw_case
from facemend.benchmark.run import Options, Row, run_benchmark

__all__ = ["Options", "Row", "all_contenders", "draw_case", "run_benchmark"]
