#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks the layering of the kernel code.

Usage: layers.py [KERNEL_DIRECTORY]

The comment at the top of taskdiag/taskdiag.h lists the layers, from top to
bottom.  A file X.c together with X.h is a module, and so is X.h without X.c.  Every
name in a header, be it a function, variable, type or macro, has an owner:

- in X.h: the module X.c, or X.h if there is no X.c;
- in a section of taskdiag.h, which begins with a heading "/* --- X.c --- */": the
  module X.c, or the layer if the heading is the name of a layer.  Names in the
  section "shared by all layers" have no owner.

A module may use its own names, those of lower layers, and those that its own
layer owns.  It is an error if

- a file is not in the list, or the list contains a file that does not exist;
- a heading in taskdiag.h is neither a file nor a layer nor "shared by all layers";
- a file includes a header of a module that is not in a lower layer, or a header of
  this directory in angle brackets;
- a file, or a section of taskdiag.h, uses a name whose owner is not in a lower
  layer; each occurrence of the name counts, also the initializer of a table of
  function pointers;
- a function or variable is declared in the section of another module;
- a global function or variable, or a name in a header, does not begin with
  "taskdiag_" or "TASKDIAG_": such a name has no owner;
- taskdiag.h, or any file outside of compat/, uses a symbol or header of compat/;
- the files whose functions, variables and headers a module uses differ from those
  after "Depends on" in the comment at the top of its .c file, or include one after
  "must not depend on".  Types and macros do not count here: a type in the signature
  of a function is no dependency on the file that works with it.

Prints one line per error, and exits with status 1 if there are any.
"""

import re
import sys
from pathlib import Path

TYPES = "taskdiag"      # taskdiag/taskdiag.h, whose sections belong to modules
ENTRY = "taskdiag.c"    # the only file outside of the directory
SHARED = "shared by all layers"

COMMENT_OR_STRING = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.S)
LAYER = re.compile(r"^ \*\t([^:\n]+):\s+((?:\w+\.[ch](?:, |,\n \*\t+)?)+)$", re.M)
FILE = re.compile(r"\w+\.[ch]")
HEADING = re.compile(r"^/\* --- (.+?) -+ \*/$", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<][^">]+)[">]', re.M)
DEPENDS = re.compile(r"Depends on (.*?); must not depend on (.*?)\.(?:\s|$)", re.S)
DIRECTIVE = re.compile(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", re.M)
MACRO = re.compile(r"^\s*#\s*define\s+(\w+)", re.M)
NAME = re.compile(r"\b(?:taskdiag|TASKDIAG)_\w+")
TYPE = re.compile(r"^(?:(?:static|const|extern) )*(?:struct|union|enum) (\w+) ?(\{|$)")
ENUM = re.compile(r"\benum\b[^;{()]*\{([^}]*)\}")
MACRO_CALL = re.compile(r"^(?:static )?([A-Z]\w*) ?\((\w*)[^{]*$")
DEFINES = re.compile(r"(?:DEFINE|DECLARE)_\w+|LIST_HEAD")
FUNCTION_POINTER = re.compile(r"[^(]*\(\s*\*\s*(\w+)")
FUNCTION = re.compile(r"\b(?!__)(\w+)\s*\(")
VARIABLE = re.compile(r"(\w+)(?: __\w+)*$")

errors = []


def error(where, text):
    errors.append(f"{where}: {text}")


def code_of(text):
    """Returns the text without comments, strings and lines of #include."""
    text = COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    return re.sub(r"^\s*#\s*include[^\n]*", "", text, flags=re.M)


def read_layers(header):
    """Returns the layer of each module and of each name of a layer; 0 is the top."""
    layers = {}
    for number, match in enumerate(LAYER.finditer(header)):
        for name in [match.group(1), *FILE.findall(match.group(2))]:
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
            name = path.stem + ".c"
            if not path.with_suffix(".c").exists():
                name = path.name
            modules.setdefault(name, []).append(path)
    return modules


def read_sections(text):
    """Returns (heading, text) of each section of taskdiag.h."""
    parts = HEADING.split(text)
    return list(zip([SHARED, *parts[1::2]], parts[::2]))


def top_level(path, code):
    """Returns (text, is_function) of each declaration, with bodies as "{}"."""
    items = []
    item, depth, parentheses, is_function = "", 0, 0, False
    for char in DIRECTIVE.sub("", code):
        if char == "{":
            if not depth:
                is_function = item.rstrip().endswith(")")
            depth += 1
        elif char == "}":
            depth -= 1
            if not depth:
                item += "{}"
                if is_function:
                    items.append((" ".join(item.split()), True))
                    item = ""
        elif not depth:
            item += char
            parentheses += (char == "(") - (char == ")")
            if char == ";" and not parentheses:
                items.append((" ".join(item[:-1].split()), False))
                item = ""
    if item.strip() or depth or parentheses:
        error(path, "cannot be parsed: braces or parentheses do not match")
    return items


class Declaration:
    """A name at the top level of a file."""

    def __init__(self, name, is_symbol, is_static=False, is_definition=True):
        self.name = name
        self.is_symbol = is_symbol      # a function or variable
        self.is_static = is_static
        self.is_definition = is_definition


def declarations(path, text):
    """Returns the declarations of a file or section, except its include guard."""
    code = code_of(text)
    found = [Declaration(name, False) for name in MACRO.findall(code)
             if not name.startswith("_KERNEL_")]
    for body in ENUM.findall(code):
        found += [Declaration(name, False) for name in re.findall(r"(?:^|,)\s*(\w+)", body)]
    for item, is_function in top_level(path, code):
        found += parse(item, is_function)
    return found


def parse(item, is_function):
    """Returns the declarations of one item of the top level."""
    call = MACRO_CALL.match(item)
    if call:
        return ([Declaration(call.group(2), True, item.startswith("static "))]
                if DEFINES.fullmatch(call.group(1)) else [])
    found = []
    tag = TYPE.match(item)
    if tag:
        found.append(Declaration(tag.group(1), False, False, bool(tag.group(2))))
        item = item[tag.end():].removeprefix("}")
    item = re.sub(r"\[[^\]]*\]|__attribute__\s*\(\(.*?\)\)", "", item).strip()
    words = re.findall(r"\w+", item.split("(")[0].split("=")[0])
    is_static = "static" in words
    is_definition = "extern" not in words
    pointer = FUNCTION_POINTER.match(item.split("=")[0])
    function = FUNCTION.search(item.split("=")[0])
    if words[:1] == ["typedef"]:
        found.append(Declaration((pointer or VARIABLE.search(item)).group(1), False))
    elif pointer:
        found.append(Declaration(pointer.group(1), True, is_static, is_definition))
    elif function:
        found.append(Declaration(function.group(1), True, is_static, is_function))
    else:
        for part in re.sub(r"=[^,]*", "", item).split(","):
            name = VARIABLE.search(part.strip())
            if name:
                found.append(Declaration(name.group(1), True, is_static, is_definition))
    return found


class Owners:
    """The owner of each name: a module or a layer."""

    def __init__(self):
        self.of = {}
        self.symbols = set()

    def add(self, declaration, owner, where):
        name = declaration.name
        # A type can be declared anywhere; its definition determines the owner.
        if not declaration.is_symbol and not declaration.is_definition:
            return
        if not NAME.fullmatch(name):
            error(where, f"{name} does not begin with taskdiag_ or TASKDIAG_")
            return
        if self.of.setdefault(name, owner) != owner:
            error(where, f"{name} of {self.of[name]} is in the section of {owner}")
        if declaration.is_symbol:
            self.symbols.add(name)


def find_owners(modules, sections, types):
    """Returns the owners of all names; those that are local to a .c file have none."""
    owners = Owners()
    opaque = []
    for module, paths in modules.items():
        for path in paths:
            for declaration in declarations(path, path.read_text()):
                is_global = (declaration.is_symbol and declaration.is_definition and
                             not declaration.is_static)
                if path.suffix == ".h" or is_global:
                    owners.add(declaration, module, path)
    for heading, text in sections:
        for declaration in declarations(types, text):
            owners.add(declaration, heading, types)
            if not declaration.is_definition and not declaration.is_symbol:
                opaque.append((declaration.name, heading))
    for name, heading in opaque:
        if NAME.fullmatch(name):
            owners.of.setdefault(name, heading)
    return owners


def header_of(text):
    """Returns the comment at the top of a file, below the licence, as one line."""
    text = re.sub(r"\A/\* SPDX[^\n]*\*/\n", "", text)
    comment = re.search(r"/\*.*?\*/", text, re.S)
    return re.sub(r"\s*\n \*\s*", " ", comment.group()) if comment else ""


def check_header(module, path, used):
    match = DEPENDS.search(header_of(path.read_text()))
    if not match:
        error(path, 'the comment at the top lacks "Depends on ...; must not depend on ..."')
        return
    stated = set(re.findall(r"\w+\.[ch]\b", match.group(1)))
    for name in sorted(used - stated):
        error(path, f'uses {name}, which "Depends on" does not list')
    for name in sorted(stated - used):
        error(path, f'"Depends on" lists {name}, which it does not use')
    for name in sorted(used & set(re.findall(r"\w+\.[ch]\b", match.group(2)))):
        error(path, f"must not depend on {name}")


def check_includes(module, path, layers, used):
    for include in INCLUDE.findall(path.read_text()):
        bracket, include = include[0], include[1:]
        name = Path(include).stem
        if bracket == "<":
            parts = Path(include).parts
            if ".." in parts or "taskdiag" in parts or parts[0] in ("kernel", "compat"):
                error(path, f"includes {include} in angle brackets")
        elif "compat" in include:
            error(path, f"includes {include}")
        elif name != TYPES and module not in (name + ".c", name + ".h"):
            owner = name + ".h" if name + ".h" in layers else name + ".c"
            check_use(module, path, owner, f"includes {include}", layers)
            used.add(owner)


def check_names(module, path, code, layers, owners):
    """Checks each name in the code.  Returns the modules whose symbols it uses."""
    used = set()
    for name in sorted(set(NAME.findall(code))):
        owner = owners.of.get(name, SHARED)
        if owner in (SHARED, module):
            continue
        check_use(module, path, owner, f"uses {name} of {owner}", layers)
        if name in owners.symbols:
            used.add(owner)
    check_compat(path, code)
    return used


def check_module(module, paths, layers, owners, used):
    for path in paths:
        check_includes(module, path, layers, used)
        used |= check_names(module, path, code_of(path.read_text()), layers, owners)
    check_header(module, paths[0], used)


def check_compat(path, code):
    for symbol in sorted(set(re.findall(r"\bcompat_\w+", code))):
        error(path, f"uses {symbol} of compat/")


def check_use(module, path, owner, text, layers):
    if owner not in layers:
        error(path, f"{text}, which is not in the list of layers")
    elif module == SHARED:
        error(path, f"the section {SHARED!r} {text}")
    elif module in layers:
        is_layer = not owner.endswith((".c", ".h"))
        if layers[owner] < layers[module] or layers[owner] == layers[module] and not is_layer:
            error(path, f"{text}, which is not in a lower layer")


def check_types(path, sections, layers, owners):
    """Checks taskdiag.h.  Returns the modules whose symbols each section uses."""
    used = {}
    for include in INCLUDE.findall(path.read_text()):
        if include[0] != "<" or ".." in include:
            error(path, f"includes {include[1:]}")
    for heading, text in sections:
        if heading != SHARED and heading not in layers:
            error(path, f"the heading {heading!r} is neither a file nor a layer")
        used.setdefault(heading, set()).update(
            check_names(heading, path, code_of(text), layers, owners))
    return used


def main():
    kernel = Path(sys.argv[1] if len(sys.argv) > 1
                  else Path(__file__).resolve().parents[2] / "kernel")
    types = kernel / "taskdiag" / (TYPES + ".h")
    layers = read_layers(types.read_text())
    modules = read_modules(kernel)
    for name in sorted(layers):
        if name.endswith((".c", ".h")) and name not in modules:
            error(types, f"lists {name}, which does not exist")
    for name in sorted(set(modules) - set(layers)):
        error(types, f"does not list {name}")
    sections = read_sections(types.read_text())
    owners = find_owners(modules, sections, types)
    used = check_types(types, sections, layers, owners)
    for module, paths in modules.items():
        check_module(module, sorted(paths, key=lambda p: p.suffix), layers, owners,
                     used.get(module, set()))
    for line in errors:
        print(line)
    print(f"layers.py: {len(modules)} modules, {len(owners.of)} names, {len(errors)} errors",
          file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
