"""Refuses sources that break the structure of the project: includes of a module further up, and Kokkos labels that
do not name the program.

    check_sources.py ROOT    prints FILE:LINE: what is wrong for every finding; exit status 1 where there are any
"""

import re
import sys
from pathlib import Path

# From the bottom: each may include itself and those before it.
MODULES = ["runtime", "io", "linalg", "network", "kernels", "gram", "regression", "program", "interpreter", "cli"]
PREFIX = "widelimit::"

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"(?:widelimit/)?(\w+)/', re.MULTILINE)
# What a label is the first argument of. Parallel loops inside a kernel take no label: their policy is spelt out.
LABELLED_CALL = re.compile(
    r"\b(parallel_(?:for|reduce|scan)|view_alloc|fence|pushRegion|ProfilingSection|ScopedRegion)\s*\(\s*")
PASSED_ON = re.compile(r"std::string\(label\)")  # that of a caller
NESTED_POLICY = re.compile(r"(?:Kokkos::)?(?:Team|Thread)\w*Range\s*\(")
# A view made with a label: of the type itself or of an alias of points.hpp, named or not.
VIEW = re.compile(r"(?:\bView<[^;(){}\"]*>|\b(?:Matrix|Vector))\s*(?:\w+\s*)?[({]\s*(?=\")")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def without_comments(text):
    """The text with comments blanked out, so that positions stay."""

    def blank(match):
        token = match.group(0)
        return token if token[0] in "\"'" else re.sub(r"[^\n]", " ", token)

    return re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*.*?\*/', blank, text, flags=re.DOTALL)


def module_of(path, root):
    """The module that a file of include/widelimit/ or src/ belongs to."""
    parts = path.relative_to(root).parts
    return parts[2] if parts[0] == "include" else parts[1]


def include_findings(module, text):
    for match in INCLUDE.finditer(text):
        included = match.group(1)
        if included in MODULES and MODULES.index(included) > MODULES.index(module):
            yield match.start(1), f"{module} must not include {included}, which lies further up"


def label_findings(text):
    for match in LABELLED_CALL.finditer(text):
        rest = text[match.end():]
        literal = LITERAL.match(rest)
        if literal and not literal.group(1).startswith(PREFIX):
            yield match.start(), f'the label "{literal.group(1)}" does not start with {PREFIX}'
        elif not literal and not NESTED_POLICY.match(rest) and not PASSED_ON.match(rest):
            yield match.start(), f"{match.group(1)} has no label that starts with {PREFIX}"
    for match in VIEW.finditer(text):
        label = LITERAL.match(text[match.end():]).group(1)
        if not label.startswith(PREFIX):
            yield match.start(), f'the label "{label}" does not start with {PREFIX}'


def findings(root):
    """All findings below `root`, as texts."""
    found = []
    files = sorted(path for folder in ("include/widelimit", "src") for path in (root / folder).rglob("*.?pp"))
    if not files:
        return [f"{root}: no sources here"]
    for path in files:
        text = without_comments(path.read_text(encoding="utf-8"))
        module = module_of(path, root)
        if module not in MODULES:
            found.append(f"{path.relative_to(root)}:1: {module} is not in the list of modules")
            continue
        for position, what in [*include_findings(module, text), *label_findings(text)]:
            line = text.count("\n", 0, position) + 1
            found.append(f"{path.relative_to(root)}:{line}: {what}")
    return found


if __name__ == "__main__":
    messages = findings(Path(sys.argv[1]))
    print("\n".join(messages))
    sys.exit(1 if messages else 0)
