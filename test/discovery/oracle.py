"""Checks what discovery read from files against Python's own `ast`.

One JSON object a line on stdin: {"file", "text"?, "definitions", "imports", "functions"?}; one line
of JSON on stdout for each: {"file", "parsed": whether Python parses it, "differences": [...]}.
"""
import ast
import json
import sys


def units(line, offset):
    """UTF-16 units before a UTF-8 byte offset of a line."""
    before = line.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "surrogatepass")
    return len(before.encode("utf-16-le", "surrogatepass")) // 2


def normal(expression_text):
    """An expression's tree, to compare source texts that differ only in brackets and blanks."""
    if expression_text is None:
        return None
    try:
        if expression_text.startswith("*"):
            return ast.dump(ast.parse("[" + expression_text + "]", mode="eval").body.elts[0])
        tree = ast.parse("(" + expression_text + "\n)", mode="eval").body
    except SyntaxError:
        return "unparsable: " + expression_text
    return ast.dump(tree)


def dump(node):
    return None if node is None else ast.dump(node)


class Yields(ast.NodeVisitor):
    """Whether a function's own body yields."""

    found = False

    def visit_Yield(self, node):
        self.found = True

    visit_YieldFrom = visit_Yield

    def skip_body(self, node):
        outer = list(node.decorator_list)
        if hasattr(node, "args"):
            outer += [d for d in node.args.defaults + node.args.kw_defaults if d]
        for child in outer:
            self.visit(child)

    visit_FunctionDef = visit_AsyncFunctionDef = skip_body

    def visit_Lambda(self, node):
        pass


def parameters(arguments):
    positional = arguments.posonlyargs + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    found = []

    def add(arg, default, kind):
        found.append([arg.arg, dump(arg.annotation), dump(default), kind])

    for index, (arg, default) in enumerate(zip(positional, defaults)):
        only = index < len(arguments.posonlyargs)
        add(arg, default, "positional_only" if only else "positional_or_keyword")
    if arguments.vararg:
        add(arguments.vararg, None, "var_positional")
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        add(arg, default, "keyword_only")
    if arguments.kwarg:
        add(arguments.kwarg, None, "var_keyword")
    return found


class Definitions(ast.NodeVisitor):
    def __init__(self, lines):
        self.lines = lines
        self.prefix = ""
        self.definitions = {}
        self.imports = []
        self.function_depth = 0

    def place(self, node):
        return [node.lineno, units(self.lines[node.lineno - 1], node.col_offset) + 1]

    def define(self, node, is_function):
        yields = Yields()
        for statement in node.body:
            yields.visit(statement)
        first = min([d.lineno for d in node.decorator_list] + [node.lineno])
        self.definitions[json.dumps(self.place(node))] = {
            "qualname": self.prefix + node.name,
            "function": is_function,
            "decoratorLine": first,
            "endLine": node.end_lineno,
            "decorators": len(node.decorator_list),
            "parameters": parameters(node.args) if is_function else [],
            "returns": dump(node.returns) if is_function else None,
            "isAsync": isinstance(node, ast.AsyncFunctionDef),
            "isGenerator": is_function and yields.found,
        }
        prefix = self.prefix
        for child in ast.iter_child_nodes(node):
            if child not in node.body:
                self.visit(child)
        self.prefix += node.name + (".<locals>." if is_function else ".")
        self.function_depth += is_function
        for child in node.body:
            self.visit(child)
        self.function_depth -= is_function
        self.prefix = prefix

    def visit_FunctionDef(self, node):
        self.define(node, True)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        self.define(node, False)

    def visit_Import(self, node):
        for alias in node.names:
            self.imports.append([node.lineno, alias.name, 0, [], self.function_depth > 0])

    def visit_ImportFrom(self, node):
        names = [alias.name for alias in node.names]
        lazy = self.function_depth > 0
        self.imports.append([node.lineno, node.module or "", node.level, names, lazy])


def compare(report):
    if "text" in report:
        text = report["text"]
    else:
        with open(report["file"], "rb") as file:
            text = file.read().decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    normal_lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    expected = Definitions(normal_lines)
    expected.visit(tree)
    differences = []
    seen = set()
    for definition in report["definitions"]:
        key = json.dumps([definition.pop("line"), definition.pop("column")])
        seen.add(key)
        for parameter in definition["parameters"]:
            parameter[1:3] = [normal(parameter[1]), normal(parameter[2])]
        definition["returns"] = normal(definition["returns"])
        wanted = expected.definitions.get(key)
        if wanted != definition:
            fields = [f for f in definition if wanted is None or wanted[f] != definition[f]]
            differences.append({
                "at": key,
                "found": {f: definition[f] for f in fields},
                "expected": wanted and {f: wanted[f] for f in fields},
            })
    for key in expected.definitions.keys() - seen:
        differences.append({"at": key, "missing": expected.definitions[key]["qualname"]})
    found_imports = sorted(json.dumps(i) for i in report["imports"])
    wanted_imports = sorted(json.dumps(i) for i in expected.imports)
    if found_imports != wanted_imports:
        differences.append({
            "imports": sorted(set(found_imports) ^ set(wanted_imports)),
        })
    return differences


for line in sys.stdin:
    report = json.loads(line)
    differences = compare(report)
    print(json.dumps({
        "file": report["file"],
        "parsed": differences is not None,
        "differences": differences or [],
    }))
