"""How the pages are built: ``sphinx-build -W --keep-going -b html .github/docs build/docs``."""

from importlib.metadata import version as installed

project = "medse"
author = "the medse maintainers"
project_copyright = "%Y, the medse maintainers"
version = release = installed("medse")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3  # links such as report.md#comparing-models, which GitHub follows too

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shape", "Reference"]

html_theme = "furo"
html_title = f"medse {release}"
html_show_sourcelink = False
html_copy_source = False
