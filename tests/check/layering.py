"""The layers of shim/ and runner/: reads tests/check/layers, judges uses and finds cycles. Used by includes and symbols."""

import os
import sys


def module_of(path):
    """x.c, x.h and x.S are one module."""
    return os.path.splitext(path)[0]


class Layers:
    def __init__(self, path):
        self.path = path
        self.ranks = {}
        self.shared = set()
        with open(path) as file:
            for line in file:
                words = line.split("#")[0].split()
                if words:
                    self.ranks[words[0]] = len(self.ranks)
                    if words[1:] == ["shared"]:
                        self.shared.add(words[0])

    def of(self, path):
        """The line that names most of the path, or None."""
        names = [path, module_of(path)]
        while "/" in names[-1]:
            names.append(names[-1].rstrip("/").rpartition("/")[0] + "/")
            if names[-1] == "/":
                break
        return next((name for name in names if name in self.ranks), None)

    def objection(self, user, used):
        """Why the file `user` may not use the file `used`, or None."""
        for path in (user, used):
            if self.of(path) is None:
                return f"{path} has no layer in {self.path}"
        user_layer, used_layer = self.of(user), self.of(used)
        if user.split("/")[0] != used.split("/")[0]:
            return None if used_layer in self.shared else "which is not shared"
        if self.ranks[used_layer] > self.ranks[user_layer]:
            return f"which is above it ({used_layer} is above {user_layer})"
        return None


def parts(graph):
    """The strongly connected components of {module: {modules}} with more than one module (Tarjan)."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            part = set(stack[stack.index(node) :])
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(part)

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def shortest_cycle(graph, part):
    best = None
    for start in sorted(part):
        paths = {start: [start]}
        queue = [start]
        for node in queue:
            for target in sorted(graph[node] & part):
                if target == start and (best is None or len(paths[node]) < len(best) - 1):
                    best = paths[node] + [start]
                if target not in paths:
                    paths[target] = paths[node] + [target]
                    queue.append(target)
    return best


def cycles(edges):
    """A line for each knot of modules that use each other: its shortest cycle. `edges` are pairs of modules."""
    graph = {}
    for user, used in edges:
        graph.setdefault(user, set())
        graph.setdefault(used, set())
        if user != used:
            graph[user].add(used)
    lines = []
    for part in parts(graph):
        cycle = shortest_cycle(graph, part)
        more = f" ({len(part)} modules are in this knot)" if len(part) > len(cycle) - 1 else ""
        lines.append(f"cycle: {' -> '.join(cycle)}{more}")
    return lines


def end(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
