"""What clients wrote, made fit for a terminal, a log or a table: `visible`."""


def visible(text: object, most: int | None = None) -> str:
    r"""A text in which every character can be seen: line ends, escape sequences and the like become `\n`, `\x1b`, ....

    Names of scopes, keys and experts, answers and notes come from people who are not the operator. Printed as they are,
    a line end forges a line of the log, and an escape sequence rules the terminal.

    Args:
        text: Anything; of what is no text, its `str`.
        most: Characters after which it is cut short.
    """
    whole = str(text)
    if most is not None and len(whole) > most:
        whole = whole[: most - 1] + "…"
    if whole.isprintable():
        return whole
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in whole)


def visible_lines(text: str) -> str:
    """As `visible`, for a text of several lines, such as an answer: line ends and tabs stay."""
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))


def counted(number: int, one: str, many: str = "") -> str:
    """So many of something: "1 expert", "3 experts"."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def spreadsheet_cell(value: object) -> object:
    """A value for a CSV file that people open in a spreadsheet, which would run a text that begins like a formula.

    Not for files that programs read again, such as a table's `experts.csv`: there a name must stay what it is.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""OWASP's list ("CSV Injection", read 2026-11); the wide signs are formulas to spreadsheets in Japanese."""
