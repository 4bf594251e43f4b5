"""The C virtual machine: sources of the extension, built at installation or on first use.

:func:`symcodegen.extension.load` gives the module.
"""
