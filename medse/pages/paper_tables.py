"""Tables for papers: booktabs and GitHub's Markdown, and how names are escaped in both."""

from collections.abc import Sequence

LATEX, MARKDOWN = "table.tex", "table.md"
LONGEST = 40
"""Lines, but for the last, above which a LaTeX table runs over pages."""
_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "±": r"$\pm$", "−": r"$-$",
    "–": "--", "∞": r"$\infty$", "≤": r"$\le$", "→": r"$\to$", **{sign: f"\\{sign}" for sign in "&%$#_{}"},
})  # fmt: skip
_MARKDOWN = str.maketrans(
    {sign: f"\\{sign}" for sign in "\\`*_[]|#~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def typeset(heading: Sequence[str], lines: Sequence[Sequence[str]], caption: str, *, label: str) -> str:
    """Return a LaTeX table of escaped cells; its last line stands below a rule.

    It needs booktabs, and longtable where there are more than :data:`LONGEST` lines above the last.
    """
    caption = f"\\caption{{{caption}}}\\label{{{label}}}"
    head, *body = [" & ".join(line) + r" \\" for line in (heading, *lines)]
    rows = ["\\toprule", head, "\\midrule", *body[:-1], "\\midrule", body[-1], "\\bottomrule"]
    columns = "l" + "r" * (len(heading) - 1)
    if len(lines) - 1 > LONGEST:
        needs, rows[2] = "booktabs,longtable", "\\midrule\n\\endhead"
        wrapped = [f"\\begin{{longtable}}{{{columns}}}", f"{caption}\\\\", *rows, "\\end{longtable}"]
    else:
        needs = "booktabs"
        inner = [f"\\begin{{tabular}}{{{columns}}}", *rows, "\\end{tabular}"]
        wrapped = ["\\begin{table}", "\\centering", caption, "\\small", *inner, "\\end{table}"]
    return "\n".join([f"% \\usepackage{{{needs}}}", *wrapped, ""])


def written(heading: Sequence[str], lines: Sequence[Sequence[str]], caption: str) -> str:
    """Return a Markdown table of escaped cells, its caption below."""
    every = [heading, ["---", *["---:"] * (len(heading) - 1)], *lines]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in every), "", caption, ""])


def latex(text: str) -> str:
    """Escape a text for LaTeX; line breaks become spaces."""
    return " ".join(text.split()).translate(_LATEX)


def markdown(text: str) -> str:
    """Escape a text for Markdown; line breaks become spaces."""
    return " ".join(text.split()).translate(_MARKDOWN)
