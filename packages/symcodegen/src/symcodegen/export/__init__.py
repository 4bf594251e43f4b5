"""Functions as plain C: deployment without Python."""

from symcodegen.export.write import ExportError, export_c

__all__ = ["ExportError", "export_c"]
