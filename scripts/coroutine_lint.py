"""Finds co_await where g++ 12 miscompiles it. Used by check_style.py; works on text, not on types.

The text is read as a tree of brackets. A { is either a block (function, lambda, namespace, class)
or a braced initialiser; the innermost block around a co_await bounds its full expression.
"""
import bisect
import re
from dataclasses import dataclass

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)

# Macros of tests and checks expand to a condition.
CONDITION = re.compile(r"\b(if|while|for|switch)(\s+constexpr)?\s*$"
                       r"|\b((EXPECT|ASSERT)_[A-Z_]+|FL_D?CHECK)\s*$")
TYPE_HEAD = re.compile(r"\b(struct|class|namespace|enum|union|concept)\b")
TRAILING_RETURN = re.compile(r"[)\]]\s*(mutable|noexcept|\s)*->[\w:<>,\s*&]*$")
NO_INDEX_BEFORE = re.compile(r"\b(return|co_return|co_await|co_yield|case)\s*$")
BLOCK_WORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable"}
COROUTINE_WORD = re.compile(r"\bco_(await|return|yield)\b")


class SourceText:
    """C++ text; `code` has comments, strings and character literals blanked, offsets unchanged."""

    def __init__(self, text):
        self.raw = text
        self.code = TOKEN.sub(self._blank, text)
        self._starts = [0] + [match.end() for match in re.finditer("\n", text)]

    @staticmethod
    def _blank(match):
        text = match.group(0)
        quote = " " if text[0] == "/" else text[-1]
        inner = "".join("\n" if c == "\n" else " " for c in text[1:-1])
        return quote + inner + quote

    def line(self, offset):
        return bisect.bisect_right(self._starts, offset)


@dataclass
class Bracket:
    begin: int
    end: int
    kind: str  # "(", "[", "block", "lambda" (a lambda's body), "braces" (an initialiser)
    parent: "Bracket | None"
    captures: "str | None" = None  # of the lambda whose body this is
    introducer: int = -1  # where that lambda begins

    @property
    def is_code(self):
        return self.kind in ("block", "lambda")


def read_brackets(code):
    """All brackets in the order in which they open."""
    brackets, stack = [], []
    introducer = None  # the [ ] of a lambda whose body has not come yet, with its depth
    for offset, c in enumerate(code):
        if c in "([{":
            parent = stack[-1] if stack else None
            bracket = Bracket(offset, len(code), c, parent)
            if c == "{":
                if introducer and introducer.parent is parent and closes_head(code, introducer,
                                                                              offset):
                    bracket.kind = "lambda"
                    bracket.captures = code[introducer.begin + 1:introducer.end].strip()
                    bracket.introducer = introducer.begin
                    introducer = None
                else:
                    bracket.kind = "braces" if opens_initialiser(code, bracket) else "block"
            brackets.append(bracket)
            stack.append(bracket)
        elif c in ")]}" and stack:
            bracket = stack.pop()
            bracket.end = offset
            if bracket.kind == "[" and opens_lambda(code, bracket):
                introducer = bracket
        elif c in ";," and introducer and introducer.parent is (stack[-1] if stack else None):
            if c == ";" or not inside_angles(code[introducer.end + 1:offset]):
                introducer = None
    return brackets


def inside_angles(text):
    """True when `text` has an open < of a template: the comma of []<class A, class B>."""
    text = text.replace("->", "  ")
    return text.count("<") > text.count(">")


def closes_head(code, introducer, offset):
    """True when only a parameter list, specifiers and a return type stand before the body."""
    head = code[introducer.end + 1:offset]
    while True:
        shorter = re.sub(r"\([^()]*\)", " ", head)
        if shorter == head:
            break
        head = shorter
    return re.fullmatch(r"\s*(<.*?>)?\s*(mutable|noexcept|constexpr|static|\s)*"
                        r"(requires[^{]*)?(->[\w:<>,\s*&]*)?", head, re.S) is not None


def opens_lambda(code, bracket):
    """[x] begins a lambda unless it is an index (after a name or bracket) or an attribute."""
    before = code[:bracket.begin].rstrip()
    if code[bracket.begin + 1:bracket.begin + 2] == "[" or before.endswith("["):
        return False
    if before and (before[-1].isalnum() or before[-1] in "_)]"):
        return NO_INDEX_BEFORE.search(before[-16:]) is not None
    return True


def opens_initialiser(code, bracket):
    """True when this { begins a braced initialiser, false when it begins a block."""
    before = code[max(0, bracket.begin - 400):bracket.begin].rstrip()
    last = before[-1:]
    if last == "(":
        # ({ a; b; }) is a statement expression, f({a, b}) an argument.
        return not has_statement(code, bracket.begin)
    if last in "{,":
        return last == "," or (bracket.parent is not None and bracket.parent.kind == "braces")
    if last in ";}:\"')" or last == "":
        return False
    if TRAILING_RETURN.search(before) or re.search(r"\)\s*(const\s*)?&{1,2}$", before):
        return False
    if last in "=&|?<":
        return True
    word = re.search(r"(\w+)$", before)
    if word and word.group(1) in BLOCK_WORDS:
        return False
    head = before[max(before.rfind(c) for c in ";{}") + 1:]
    return not TYPE_HEAD.search(head)


def has_statement(code, begin):
    depth = 0
    for c in code[begin:]:
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return False
        elif c == ";" and depth == 1:
            return True
    return False


class CoroutineLint:
    """The findings of one file, as (offset, rule, text)."""

    def __init__(self, code):
        self.code = code
        self.found = []
        if not COROUTINE_WORD.search(code):
            return
        self.brackets = read_brackets(code)
        for bracket in self.brackets:
            if bracket.kind == "lambda" and bracket.captures:
                self.check_captures(bracket)
        for match in re.finditer(r"\bco_await\b", code):
            self.check_await(match.start())

    def add(self, offset, rule, text):
        if (offset, rule, text) not in self.found:
            self.found.append((offset, rule, text))

    def around(self, offset):
        """The brackets around `offset`, innermost first."""
        inner = None
        for bracket in self.brackets:
            if bracket.begin >= offset:
                break
            if bracket.end > offset:
                inner = bracket
        while inner is not None:
            yield inner
            inner = inner.parent

    def check_captures(self, body):
        for match in COROUTINE_WORD.finditer(self.code, body.begin, body.end):
            owner = next(b for b in self.around(match.start()) if b.kind == "lambda")
            if owner is body:
                self.add(body.introducer, "coroutine.captures",
                         f"a coroutine lambda captures [{body.captures}]; its closure may be gone "
                         "at the first suspension: pass arguments")
                return

    def check_await(self, offset):
        block = None
        for bracket in self.around(offset):
            if bracket.is_code:
                block = bracket
                break
            head = self.code[max(0, bracket.begin - 80):bracket.begin]
            if bracket.kind == "(" and CONDITION.search(head):
                self.add(offset, "coroutine.condition",
                         "co_await in a condition: await into a named variable first")
                return
        if self.inside_statement_expression(offset):
            self.add(offset, "coroutine.statement", "co_await inside a ({ }) expression")
            return
        begin, end = self.full_expression(offset, block)
        for bracket in self.brackets:
            if not begin <= bracket.begin < end or not self.belongs(bracket, block):
                continue
            if bracket.kind == "lambda" and bracket.captures:
                self.add(bracket.introducer, "coroutine.lambda",
                         f"a lambda that captures [{bracket.captures}] in the same expression as "
                         "co_await: name it first")
            elif bracket.kind == "braces":
                self.add(bracket.begin, "coroutine.aggregate",
                         "a braced aggregate in the same expression as co_await: name it first, "
                         "or construct with ( )")
                return

    def inside_statement_expression(self, offset):
        for bracket in self.around(offset):
            if bracket.kind == "lambda":
                return False
            if bracket.kind == "block" and self.code[:bracket.begin].rstrip().endswith("("):
                return True
        return False

    def belongs(self, bracket, block):
        """True when no other block lies between `bracket` and `block`."""
        parent = bracket.parent
        while parent is not None and not parent.is_code:
            parent = parent.parent
        return parent is block

    def full_expression(self, offset, block):
        """From after the last ; or block before `offset` to the next ; both directly in `block`."""
        begin = block.begin + 1 if block else 0
        limit = block.end if block else len(self.code)
        inside = [b for b in self.brackets if b.parent is block and begin <= b.begin < limit]
        at = begin
        while at < offset:
            child = next((b for b in inside if b.begin == at), None)
            if child is not None:
                if child.end > offset:
                    break
                at = child.end
                if child.kind == "block":
                    begin = at + 1
            elif self.code[at] == ";":
                begin = at + 1
            at += 1
        while at < limit:
            child = next((b for b in inside if b.begin == at), None)
            if child is not None:
                at = child.end
            elif self.code[at] == ";":
                break
            at += 1
        return begin, at
