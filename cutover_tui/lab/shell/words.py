"""The lab shell's words: quoting, expansions, operators of simple commands and nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache


class ShellSyntaxError(Exception):
    """What dash would print after `Syntax error: `."""


class Incomplete(Exception):  # noqa: N818 - not an error: more lines are needed
    """The text ends inside quotes, after a backslash or after an operator."""


@dataclass(slots=True)
class Part:
    """A piece of a word: literal text, or the name of a variable to put in."""

    text: str
    quoted: bool
    variable: bool = False


Word = list[Part]


@dataclass(slots=True)
class Redirection:
    """`fd` goes to a file (`mode` r, w, a or rw) or to where another descriptor goes (`mode` &)."""

    fd: int
    mode: str
    target: Word


@dataclass(slots=True)
class Simple:
    """A simple command; `joiner` says how it hangs on the one before: `;`, `&&` or `||`."""

    joiner: str
    words: list[Word] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)


_RESERVED = {
    *("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done"),
    *("case", "esac", "{", "}", "!", "function"),
}


_REDIRECTIONS = {
    "<>": ("rw", 0),
    ">>": ("a", 1),
    ">&": ("&", 1),
    "<&": ("&", 0),
    ">": ("w", 1),
    "<": ("r", 0),
}


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Simple, ...]:
    """The simple commands of a text. Remembered: guests are asked the same things all night.

    Raises:
        ShellSyntaxError: what is not a simple command.
        Incomplete: the text goes on.
    """
    commands: list[Simple] = []
    current = Simple(";")
    for token in _tokens(text):
        if isinstance(token, str):
            if not current.words and not current.redirections:
                if token == "\n":  # noqa: S105
                    continue
                raise ShellSyntaxError(f'"{token}" unexpected')
            commands.append(current)
            current = Simple(";" if token == "\n" else token)  # noqa: S105
        elif isinstance(token, Redirection):
            current.redirections.append(token)
        else:
            plain = _literal(token)
            if not current.words and plain in _RESERVED:
                raise ShellSyntaxError(f'"{plain}" unexpected')
            current.words.append(token)
    if current.words or current.redirections:
        commands.append(current)
    elif current.joiner in ("&&", "||"):
        raise Incomplete
    return tuple(commands)


def _literal(word: Word) -> str | None:
    if any(part.quoted or part.variable for part in word):
        return None
    return "".join(part.text for part in word)


def _tokens(text: str) -> list[str | Word | Redirection]:
    return _Lexer(text).tokens()


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[str | Word | Redirection] = []

    def tokens(self) -> list[str | Word | Redirection]:
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char in " \t":
                self.at += 1
            elif char == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            elif char in "\n;":
                self.found.append(char)
                self.at += 1
            elif text.startswith(("&&", "||"), self.at):
                self.found.append(text[self.at : self.at + 2])
                self.at += 2
            elif char in "&|()":
                raise ShellSyntaxError(f'"{char}" unexpected')
            elif char in "<>" or (char.isdigit() and text[self.at + 1 : self.at + 2] in ("<", ">")):
                self.found.append(self._redirection())
            else:
                self.found.append(self._word())
        return self.found

    def _redirection(self) -> Redirection:
        text = self.text
        fd = -1
        if text[self.at].isdigit():
            fd = int(text[self.at])
            self.at += 1
        if text.startswith("<<", self.at):
            raise ShellSyntaxError('"<<" unexpected')
        sign = next(sign for sign in _REDIRECTIONS if text.startswith(sign, self.at))
        mode, default = _REDIRECTIONS[sign]
        self.at += len(sign)
        while text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        following = text[self.at : self.at + 1]
        if following in ("", "\n"):
            raise ShellSyntaxError("newline unexpected")
        if following in ";&|<>()":
            raise ShellSyntaxError(f'"{following}" unexpected')
        return Redirection(default if fd < 0 else fd, mode, self._word())

    def _word(self) -> Word:
        word: Word = []
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char in " \t\n;&|<>()":
                break
            self.at += 1
            if char == "'":
                end = text.find("'", self.at)
                if end < 0:
                    raise Incomplete
                word.append(Part(text[self.at : end], quoted=True))
                self.at = end + 1
            elif char == '"':
                self._double(word)
            elif char == "\\":
                self._escape(word)
            elif char == "$":
                self._dollar(word, quoted=False)
            elif char == "`":
                raise ShellSyntaxError('"`" unexpected')
            else:
                word.append(Part(char, quoted=False))
        return word

    def _escape(self, word: Word) -> None:
        following = self.text[self.at : self.at + 1]
        if not following or (following == "\n" and self.at + 1 >= len(self.text)):
            raise Incomplete
        self.at += 1
        if following != "\n":
            word.append(Part(following, quoted=True))

    def _double(self, word: Word) -> None:
        text = self.text
        word.append(Part("", quoted=True))
        while True:
            if self.at >= len(text):
                raise Incomplete
            char = text[self.at]
            self.at += 1
            if char == '"':
                return
            if char == "\\" and text[self.at : self.at + 1] in ("$", "`", '"', "\\", "\n"):
                if text[self.at] != "\n":
                    word.append(Part(text[self.at], quoted=True))
                self.at += 1
            elif char == "$":
                self._dollar(word, quoted=True)
            elif char == "`":
                raise ShellSyntaxError('"`" unexpected')
            else:
                word.append(Part(char, quoted=True))

    def _dollar(self, word: Word, *, quoted: bool) -> None:
        text = self.text
        following = text[self.at : self.at + 1]
        if following == "(":
            raise ShellSyntaxError('"(" unexpected')
        if following == "{":
            end = text.find("}", self.at)
            name = text[self.at + 1 : end] if end > 0 else ""
            if not name.replace("_", "a").isalnum() and name not in ("?", "$"):
                raise ShellSyntaxError("Bad substitution")
            self.at = end + 1
            word.append(Part(name, quoted, variable=True))
            return
        if following in ("?", "$", "#", "!") or (following.isascii() and following.isdigit()):
            self.at += 1
            word.append(Part(following, quoted, variable=True))
            return
        end = self.at
        while end < len(text) and (text[end].isascii() and (text[end].isalnum() or text[end] == "_")):
            end += 1
        if end == self.at:
            word.append(Part("$", quoted))
            return
        word.append(Part(text[self.at : end], quoted, variable=True))
        self.at = end
