"""What is wrong, and what would do."""


class TautnetError(ValueError):
    """Something the caller can mend: the two lines that the command line prints after `error:` and `hint:`."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\nhint: {self.hint}"


class NotProved(TautnetError):
    """A certificate does not prove its claims about the network."""
