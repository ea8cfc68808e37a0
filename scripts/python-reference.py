"""Writes docs/reference/python.md from the signatures and docstrings of the Python package.

    python3 scripts/python-reference.py           writes the page
    python3 scripts/python-reference.py --check   only says whether it is as it should be

Nothing is imported: the sources are read, so that no built package is needed.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "crates/cloze-python/python/cloze"
PAGE = ROOT / "docs/reference/python.md"

# Where each public name is defined, in the order of the page.
NAMES = [
    ("cloze.train", "_train.py"),
    ("cloze.Task", "_task.py"),
    ("cloze.Run", "_run.py"),
    ("cloze.Explanation", "_explanation.py"),
    ("cloze.Report", "_run.py"),
    ("cloze.DataError", "_cloze.pyi"),
    ("cloze.sklearn.PetClassifier", "sklearn.py"),
]

HEAD = """\
# The Python package

Every public name of `import cloze`, from its source (`scripts/python-reference.py` writes this page). [cloze in Python](../guides/python.md) shows how they are used.

In the signatures, `Path` is text or an `os.PathLike`; `Using` says which models of a run answer: `"final"`, `"ensemble"`, a pair of a pattern's number and a seed, or None for
what predicts by default; `Callback` is a function that takes an event as a dict; `Verbose` is True, False or `"auto"`.
"""

WIDTH = 118


def signature(name: str, function: ast.FunctionDef, bound: bool) -> str:
    """The call of a function as one would write it, on several lines if it is long."""
    arguments = function.args
    parts = []
    positional = arguments.posonlyargs + arguments.args
    missing = len(positional) - len(arguments.defaults)
    for at, argument in enumerate(positional):
        if bound and at == 0:
            continue
        parts.append(parameter(argument, arguments.defaults[at - missing] if at >= missing else None))
    if arguments.kwonlyargs:
        parts.append("*")
    parts += [parameter(argument, default) for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults)]
    result = f" -> {ast.unparse(function.returns)}" if function.returns and function.name != "__init__" else ""
    line = f"{name}({', '.join(parts)}){result}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){result}"


def parameter(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    value = "" if default is None else f" = {ast.unparse(default)}"
    return f"{argument.arg}{kind}{value}"


def prose(node: ast.ClassDef | ast.FunctionDef) -> str:
    """A docstring as Markdown: examples in blocks, a list of parameters as a list."""
    text = ast.get_docstring(node) or ""
    out: list[str] = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith(">>>"):
            out.append("```pycon\n" + block + "\n```")
        elif len(lines) > 1 and set(lines[1]) == {"-"}:
            out.append(f"**{lines[0]}**\n\n" + items(lines[2:]))
        else:
            out.append(block)
    return "\n\n".join(out)


def items(lines: list[str]) -> str:
    """`name : what` with an indented description below, as numpy writes it."""
    found: list[str] = []
    for line in lines:
        if line.startswith(" "):
            found[-1] += ("" if found[-1].endswith(" ") else " ") + line.strip()
        else:
            name, what = line.split(" : ", 1) if " : " in line else (line, "")
            found.append(f"- `{name}`: {what}." if what and " " not in name else f"- `{line}`")
    # A name whose kind is its whole description needs no full stop after another.
    return "\n".join(re.sub(r"\.\.", ".", item) for item in found)


def is_property(function: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "property" for each in function.decorator_list)


def is_static(function: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id in ("classmethod", "staticmethod") for each in function.decorator_list)


def of_class(name: str, node: ast.ClassDef) -> list[str]:
    short = name.rsplit(".", 1)[1]
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    init = next((each for each in methods if each.name == "__init__"), None)
    out = [f"## `{name}`"]
    if init is not None and short not in ("Report", "Explanation"):
        out.append(f"```py\n{signature(short, init, bound=True)}\n```")
    out.append(prose(node))
    fields = []
    for at, each in enumerate(node.body):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and not each.target.id.startswith("_"):
            after = node.body[at + 1] if at + 1 < len(node.body) else None
            said = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
                said = ": " + " ".join(after.value.value.split())
            fields.append(f"- `{each.target.id}: {ast.unparse(each.annotation)}`{said}")
    for each in methods:
        if is_property(each) and not each.name.startswith("_"):
            fields.append(f"- `{each.name}: {ast.unparse(each.returns)}`: {' '.join(prose(each).split())}")
    if fields:
        out.append("\n".join(fields))
    for each in methods:
        if each.name.startswith("_") or is_property(each):
            continue
        call = f"{short}.{each.name}" if is_static(each) else each.name
        out.append(f"### `{short}.{each.name}`")
        out.append(f"```py\n{signature(call, each, bound=True)}\n```")
        out.append(prose(each))
    return [part for part in out if part]


def page() -> str:
    parts = [HEAD.rstrip("\n")]
    for name, file in NAMES:
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        short = name.rsplit(".", 1)[1]
        node = next(each for each in tree.body if isinstance(each, (ast.ClassDef, ast.FunctionDef)) and each.name == short)
        if isinstance(node, ast.ClassDef):
            parts += of_class(name, node)
        else:
            parts += [f"## `{name}`", f"```py\n{signature(name, node, bound=False)}\n```", prose(node)]
    return textwrap.dedent("\n\n".join(parts)) + "\n"


def main() -> int:
    wanted = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is not what the sources say; `python3 scripts/python-reference.py` writes it")
    return 1


if __name__ == "__main__":
    sys.exit(main())
