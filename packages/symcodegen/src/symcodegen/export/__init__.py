"""Functions as plain C: deployment without Python."""

from symcodegen.export.library import Library
from symcodegen.export.operands import Exported
from symcodegen.export.write import ExportError, export_c

__all__ = ["ExportError", "Exported", "Library", "export_c"]
