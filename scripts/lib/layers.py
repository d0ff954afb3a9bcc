#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks the layering of the kernel code.

Usage: layers.py [KERNEL_DIRECTORY]

The comment at the top of taskdiag/taskdiag.h lists the layers, from top to
bottom.  A file X.c together with X.h is a module.  It is an error if

- a file is not in the list, or the list contains a file that does not exist;
- a file includes a header of a module that is not in a lower layer;
- a file uses a symbol that is defined in a module that is not in a lower layer;
  each occurrence of the name counts, also the initializer of a table of function
  pointers;
- taskdiag.h, or any file outside of compat/, uses a symbol or header of compat/;
- the files that a module uses differ from those after "Depends on" in the
  comment at the top of its .c file, or include one after "must not depend on".

Prints one line per error, and exits with status 1 if there are any.
"""

import re
import sys
from pathlib import Path

TYPES = "taskdiag"      # taskdiag/taskdiag.h: below all layers
ENTRY = "taskdiag.c"    # the only file outside of the directory

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
LAYER = re.compile(r"^ \*\t([^:\n]+):\s+((?:\w+\.c(?:, )?)+)$", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
DEPENDS = re.compile(r"Depends on (.*?); must not depend on (.*?)\.(?:\s|$)", re.S)
# A definition at the start of a line: the name, its parameters or dimensions,
# and then a body or an initializer.
DEFINITION = re.compile(
    r"^(?:[A-Za-z_][\w \t\*]*[ \t\*\n])?(taskdiag_\w+)(?:\([^;{]*\)\s*\{|\[[^;{]*\]\s*=|\s*=)",
    re.M)

errors = []


def error(where, text):
    errors.append(f"{where}: {text}")


def code_of(text):
    """Returns the text without comments, strings and lines of #include."""
    text = COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    return re.sub(r"^\s*#\s*include[^\n]*", "", text, flags=re.M)


def read_layers(header):
    """Returns the layer of each .c file; 0 is the top."""
    layers = {}
    for number, match in enumerate(LAYER.finditer(header)):
        for name in match.group(2).split(", "):
            if name in layers:
                error("taskdiag.h", f"lists {name} twice")
            layers[name] = number
    if not layers:
        error("taskdiag.h", "lists no layers")
    return layers


def read_modules(kernel):
    """Returns the files of each module, by the name of its .c file."""
    modules = {ENTRY: [kernel / ENTRY]}
    for path in sorted((kernel / "taskdiag").glob("*.[ch]")):
        if path.name != TYPES + ".h":
            modules.setdefault(path.stem + ".c", []).append(path)
    return modules


def find_definitions(modules):
    """Returns the module that defines each symbol; static ones are local."""
    owners = {}
    for module, paths in modules.items():
        for path in paths:
            code = code_of(path.read_text())
            for match in DEFINITION.finditer(code):
                type_name = code[match.start():match.start(1)]
                if path.suffix == ".c" and "static" in type_name.split():
                    continue
                owners.setdefault(match.group(1), module)
    return owners


def header_of(text):
    """Returns the comment at the top of a file as one line."""
    comment = re.search(r"/\*.*?\*/", text, re.S)
    return re.sub(r"\s*\n \*\s*", " ", comment.group()) if comment else ""


def check_header(module, path, used):
    match = DEPENDS.search(header_of(path.read_text()))
    if not match:
        error(path, 'the comment at the top lacks "Depends on ...; must not depend on ..."')
        return
    stated = set(re.findall(r"\w+\.c\b", match.group(1)))
    for name in sorted(used - stated):
        error(path, f'uses {name}, which "Depends on" does not list')
    for name in sorted(stated - used):
        error(path, f'"Depends on" lists {name}, which it does not use')
    for name in sorted(used & set(re.findall(r"\w+\.c\b", match.group(2)))):
        error(path, f"must not depend on {name}")


def check_module(module, paths, layers, owners):
    used = set()
    for path in paths:
        text = path.read_text()
        for include in INCLUDE.findall(text):
            name = Path(include).stem
            if "compat" in include:
                error(path, f"includes {include}")
            elif name != TYPES and name + ".c" != module:
                check_use(module, path, name + ".c", f"includes {include}", layers, used)
        code = code_of(text)
        for symbol in sorted(set(re.findall(r"\btaskdiag_\w+", code))):
            owner = owners.get(symbol, module)
            if owner != module:
                check_use(module, path, owner, f"uses {symbol}() of {owner}", layers, used)
        check_compat(path, code)
    check_header(module, paths[0], used)


def check_compat(path, code):
    for symbol in sorted(set(re.findall(r"\bcompat_\w+", code))):
        error(path, f"uses {symbol} of compat/")


def check_use(module, path, owner, text, layers, used):
    used.add(owner)
    if owner not in layers:
        error(path, f"{text}, which is not in the list of layers")
    elif module in layers and layers[owner] <= layers[module]:
        error(path, f"{text}, which is not in a lower layer")


def check_types(path, owners):
    """taskdiag.h declares symbols, and must not use any in its inline functions."""
    text = path.read_text()
    for include in INCLUDE.findall(text):
        error(path, f"includes {include}")
    check_compat(path, code_of(text))
    for body in re.findall(r"^\{.*?^\}", code_of(text), re.M | re.S):
        for symbol in re.findall(r"\btaskdiag_\w+", body):
            if symbol in owners:
                error(path, f"an inline function uses {symbol} of {owners[symbol]}")


def main():
    kernel = Path(sys.argv[1] if len(sys.argv) > 1
                  else Path(__file__).resolve().parents[2] / "kernel")
    types = kernel / "taskdiag" / (TYPES + ".h")
    layers = read_layers(types.read_text())
    modules = read_modules(kernel)
    for name in sorted(set(layers) - set(modules)):
        error(types, f"lists {name}, which does not exist")
    for name in sorted(set(modules) - set(layers)):
        error(types, f"does not list {name}")
    owners = find_definitions(modules)
    check_types(types, owners)
    for module, paths in modules.items():
        check_module(module, sorted(paths, key=lambda p: p.suffix), layers, owners)
    for line in errors:
        print(line)
    print(f"layers.py: {len(modules)} modules, {len(owners)} symbols, {len(errors)} errors",
          file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
