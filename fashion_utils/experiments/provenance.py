"""A fingerprint of a function and of all that it reaches: it changes when what the function returns could."""

import contextlib
import copyreg
import dis
import functools
import hashlib
import json
import operator
from pathlib import Path
import re
import sys
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType

import numpy as np

PLACE = {"__doc__", "__firstlineno__", "__static_attributes__"}  # what a class notes of its source, not of what it does
NOT_BEHAVIOUR = {*PLACE, "__module__", "__qualname__", "__annotations__", "__dict__", "__weakref__", "_abc_impl"}
HAS_DOCSTRING = 0x4000000  # a flag of code objects since Python 3.13
WRAPPERS = (MethodType, property, functools.cached_property, functools.partial)
PARTS = ("__wrapped__", "__func__", "__self__", "fget", "fset", "fdel", "func", "args", "keywords")
DATA, LOADS_NOTHING = ("fashion_utils.data", "fashion_utils.sources"), ("fashion_utils.data", "split")


class Untraceable(TypeError):
    """Something reached is of a kind of which nobody can say whether it has changed; the message names it."""


def fingerprint(value, where: str, arrays: dict) -> str:
    """Return a hash of a value; of functions and classes, a hash of what they do and of all that they use.

    What belongs to the notebook, this package or the reader's other files is followed through globals, closures,
    defaults, members and imports. What belongs to a library counts by name and version, and what `fashion_utils.data`
    loads by name only: see `data.source().fingerprint`. Docstrings, comments, annotations and places in files do not
    matter. What code reads from other files or the environment is not seen.

    The value is a callable or data of any kind, and called `where` in an error; `arrays`, which is added to, has the
    hash of each array met, the array, and what it is called, so that a large one is hashed once. Raises Untraceable if
    something in it can neither be followed nor pickled.
    """
    walk = _Walk(arrays)
    try:
        walk.value(value, where)
    except Untraceable:
        raise
    except Exception as error:  # nesting too deep, an object that does not let itself be looked at
        raise Untraceable(f"{walk.where} cannot be followed ({type(error).__name__})") from error
    return walk.hash.hexdigest()[:16]


class _Walk:
    """One walk through what a value reaches, told to a hash word by word."""

    def __init__(self, arrays):
        self.hash, self.seen, self.arrays, self.where = hashlib.sha256(), {}, arrays, None

    def say(self, *words):
        for word in words:
            self.hash.update(repr(word).encode() + b"\0")  # a repr tells 1, 1.0, True and "1" apart, and has no \0

    def value(self, value, where):
        kind = type(value)
        if kind in (bool, int, float, complex, str, bytes, type(None), type(...)):
            self.say(value)
        elif kind is tuple:
            self.say("tuple", len(value))
            for item in value:
                self.value(item, where)
        elif kind in (set, frozenset):
            self.say(kind.__name__, *sorted(fingerprint(item, where, self.arrays) for item in value))
        elif id(value) in self.seen:
            self.say("again", self.seen[id(value)][0])
        else:
            self.seen[id(value)] = len(self.seen), value  # holding it, so that nothing else gets its id
            self.object(value, kind, where)

    def object(self, value, kind, where):
        """Tell of what can be large, or part of a cycle."""
        self.where = where
        if kind is list:
            self.value(("list", *value), where)
        elif kind in (dict, MappingProxyType):
            self.value(("dict", *value.items()), where)
        elif kind is np.ndarray or isinstance(value, np.generic):
            self.array(value, where)
        elif kind.__module__.startswith(("tensorflow.", "keras.")) and hasattr(value, "__array__"):
            self.array(np.asarray(value), where)  # of a tensor or a variable
        elif kind is ModuleType:
            self.module(value, where)
        elif kind is CodeType:
            self.code(value, where)
        elif _is_named_in_library(value):
            self.say("library", value.__module__, value.__qualname__, _version(value.__module__))
        elif kind is FunctionType:
            self.function(value)
        elif isinstance(value, type):
            members = [member for member in vars(value).items() if member[0] not in NOT_BEHAVIOUR]
            self.value(("class", value.__name__, kind, value.__bases__, *members), where)
        elif isinstance(value, WRAPPERS) or hasattr(value, "__wrapped__"):  # the last: functools.cache, tf.function
            self.value((kind, *(getattr(value, part, None) for part in PARTS)), where)
        elif hasattr(value, "get_config") and any(base.__module__.startswith("keras.") for base in kind.__mro__):
            self.keras(value, where)
        else:
            self.pickled(value, kind, where)

    def array(self, array, where):
        if array.dtype.hasobject:
            self.value(("array", array.shape, array.tolist()), where)
            return
        if id(array) not in self.arrays:
            flat = np.ascontiguousarray(array).reshape(-1)
            content = flat.view(np.uint8) if flat.nbytes else b""
            self.arrays[id(array)] = hashlib.sha256(content).hexdigest(), array, where
        self.say(type(array).__name__, repr(array.dtype), array.shape, self.arrays[id(array)][0])

    def keras(self, value, where):
        """Tell of a layer, model, loss or optimizer, without the automatic name's number: it counts those before it."""
        settings = json.dumps([value.get_config(), getattr(value, "get_compile_config", lambda: None)()])
        if re.search(r'"registered_name": "|__lambda__|"value": \["', settings):  # by name, or the bytes of a lambda
            raise Untraceable(f"{where} holds a function or class of your own inside a Keras object")
        weights = getattr(value, "weights", getattr(value, "variables", ()))
        self.value((type(value), re.sub(r'("name": "[^"]*?)_\d+"', r'\1"', settings), *map(np.asarray, weights)), where)

    def pickled(self, value, kind, where):
        """Tell of an object by the parts that pickle would take, each followed in its turn."""
        try:
            parts = copyreg.dispatch_table.get(kind, lambda value: value.__reduce_ex__(4))(value)
        except Exception:
            raise Untraceable(f"{where} is or holds a {kind.__module__}.{kind.__qualname__}") from None
        if isinstance(parts, str):  # a name in a module
            parts = (value.__module__, parts)
        self.value(("object", *(list(part) if hasattr(part, "__next__") else part for part in parts)), where)

    def function(self, function):
        code, where = function.__code__, f"{function.__name__}()"
        self.value(("function", code, function.__defaults__, function.__kwdefaults__, vars(function)), where)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.value(cell.cell_contents, name)
            except ValueError:
                self.say("not yet assigned")
        loaded, imported = _names(code)
        own = _home(function).startswith("fashion_utils.")
        for name in sorted(loaded & set(function.__globals__)):
            value = function.__globals__[name]
            if own and name.startswith("_") and (not callable(value) or _is_library(_home(value))):
                continue  # what a module of this package notes for itself while it is in use
            self.say(name)
            self.value(value, name)
        for name, wanted, level in sorted(imported, key=repr):
            with contextlib.suppress(ImportError):  # that is for the run to complain about
                module = __import__(name, function.__globals__, None, wanted or (), level)
                self.value([module, *(getattr(module, part, None) for part in wanted or ())], name)

    def module(self, module, where):
        """Tell of all that a module of the reader's or of this package has, private notes apart."""
        self.say("module", module.__name__, _version(module.__name__))
        for name, value in () if _is_library(module.__name__) else sorted(vars(module).items()):
            counts = name == LOADS_NOTHING[1] if module.__name__.startswith(DATA) else not name.startswith("__")
            if counts and (callable(value) or not name.startswith("_")):
                self.say(name)
                self.value(value, f"{where}.{name}")

    def code(self, code, where):
        """Tell of the arguments, the instructions with the values they use, and what exceptions lead where."""
        self.say(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_varnames)
        self.say(code.co_flags & ~HAS_DOCSTRING, *map(tuple, dis.Bytecode(code).exception_entries))
        for instruction in _instructions(code):
            self.say(instruction.opname)
            self.value(instruction.argval, where)


def _instructions(code):
    """Return what code does, without fillers and without what a class body notes of its source."""
    kept = []
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME" and instruction.argval in PLACE:
            kept.pop()  # the value that was loaded for it
        elif instruction.opname not in ("EXTENDED_ARG", "NOP"):
            kept.append(instruction)
    return kept


def _names(code):
    """Return the names of the globals that code loads, and what it imports: name, names wanted of it, level."""
    loaded, imported, kept = set(), set(), _instructions(code)
    for i, instruction in enumerate(kept):
        value = instruction.argval
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            loaded.add(value)
        elif instruction.opname == "IMPORT_NAME":
            imported.add((value, kept[i - 1].argval, kept[i - 2].argval))
        elif isinstance(value, CodeType):
            inner_loaded, inner_imported = _names(value)
            loaded |= inner_loaded
            imported |= inner_imported
    return loaded, imported


def _is_library(module: str) -> bool:
    """Return whether a module is neither the notebook, nor of this package, nor one of the reader's own files."""
    top = module.partition(".")[0]
    if module == "__main__" or top == "fashion_utils":
        return False
    folders = Path(getattr(sys.modules.get(module), "__file__", None) or "").parts
    return top in sys.stdlib_module_names or "site-packages" in folders or "dist-packages" in folders


def _is_named_in_library(value) -> bool:
    """Return whether a library's module has this very object under its own name, as a function or as a method."""
    name, owner = getattr(value, "__qualname__", None), getattr(value, "__self__", None)
    if not isinstance(name, str):
        return False
    if owner is not None and not isinstance(owner, (type, ModuleType)):  # random.shuffle, np.random.rand
        name, module = value.__name__, type(owner).__module__
    else:
        module = _home(value)
    if not isinstance(module, str) or not (_is_library(module) or module.startswith(DATA)):
        return False
    if (module, name) == LOADS_NOTHING:
        return False
    try:
        return operator.attrgetter(name)(sys.modules[module]) == value
    except (AttributeError, KeyError):
        return False


def _home(value):
    """Return the name of the module that something is from, of a function whatever `functools.wraps` says."""
    return value.__globals__["__name__"] if type(value) is FunctionType else getattr(value, "__module__", None)


def _version(module: str):
    return getattr(sys.modules.get(module.partition(".")[0]), "__version__", None)
