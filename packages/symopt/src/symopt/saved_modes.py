"""Modes as plain data: of a saved function, and of the loops in it whose steps have a mode of their own."""

from typing import Any

from symopt.archive import SavedFileError
from symopt.mode import Mode, all_rules, get_mode, portable
from symopt.ruleset import RuleSet


def mode_data(mode: Mode, what: str, remedy: str) -> Any:
    """Return what is written of a mode: the name of one that is known everywhere, or its name, rules and linker.

    Raises ``TypeError`` for a linker that is an object; ``what`` is what cannot be saved then, ``remedy`` what to do.
    """
    known = portable(mode)
    if isinstance(known, str):
        return known
    if not isinstance(mode.linker, str):
        raise TypeError(
            f"{what} cannot be saved: the linker of the mode {mode.name!r}, {mode.linker!r}, is an object of this "
            f"process. {remedy}"
        )
    return {"name": mode.name, "rules": [rule.name for rule in mode.rules], "linker": mode.linker}


def steps_mode_data(mode: Mode, what: str) -> Any:
    """Return what is written of the mode of a loop's steps, which are compiled when the loaded function first runs.

    Raises ``TypeError`` for a linker that is an object, or a rule that is not installed: the reader would not have it.
    """
    told = mode_data(
        mode, what, "Give the loop a mode whose linker has a name, such as scan(..., mode='FAST_COMPILE'), or pickle "
        "the function, if you trust whoever will load it with code."
    )  # fmt: skip
    own = [] if isinstance(told, str) else [rule.name for rule in mode.rules if rule not in all_rules()]
    if own:
        raise TypeError(
            f"{what} cannot be saved: the mode {mode.name!r} of its steps has the rule {own[0]!r}, which is not "
            "installed and which a file, being data, cannot hold. Leave it out (mode.excluding), or offer it to every "
            "process as an entry point of the group symstack.rewrites."
        )
    return told


def mode_from_data(told: Any) -> Mode:
    """Return a mode from its name, rules and linker; rules that are not installed here are left out."""
    everything = {rule.name: rule for rule in all_rules()}
    rules = RuleSet(*(everything[name] for name in told["rules"] if name in everything))
    return Mode(str(told["name"]), rules, str(told["linker"]))


def steps_mode_from_data(told: Any, path: str) -> Mode:
    """Return the mode of a loop's steps. Raises ``SavedFileError`` for a name that is not known."""
    if not isinstance(told, str):
        return mode_from_data(told)
    try:
        return get_mode(told)
    except ValueError as error:
        raise SavedFileError(
            f"a loop in {path} has steps of the mode {told!r}: {error} Register it before: register_mode({told!r}, "
            "mode)."
        ) from None
