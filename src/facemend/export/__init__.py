"""A network as a file that needs no facemend to run: ONNX, or PyTorch's own export."""

from facemend.export.files import ExportFormat, PortableNet, export_graph, export_net, measure_parity

__all__ = ["ExportFormat", "PortableNet", "export_graph", "export_net", "measure_parity"]
