"""A network as a file that needs no facemend to run: ONNX, or PyTorch's own export."""

from facemend.export.files import ExportFormat, export_graph, export_net
from facemend.export.parity import measure_parity
from facemend.export.tracing import PortableNet

__all__ = ["ExportFormat", "PortableNet", "export_graph", "export_net", "measure_parity"]
