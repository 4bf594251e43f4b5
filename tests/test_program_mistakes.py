"""Programs with one mistake each: the error is of the right type, and tells what to do and where."""

import linecache

import pytest
from programs import mistakes


def line_with(text):
    """``file:line`` of the one line of the wrong programs that begins with ``text``."""
    lines = linecache.getlines(mistakes.__file__)
    [number] = [k for k, line in enumerate(lines, 1) if line.strip().startswith(text)]
    return f"{mistakes.__file__}:{number}"


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_what_a_mistake_is_told(name):
    program, error, told, line = mistakes.MISTAKES[name]
    with pytest.raises(error) as caught:
        program()
    message = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    for word in told:
        assert word in message
    assert str(caught.value).splitlines()[0].strip()
    assert len(message.splitlines()) <= 15
    if line:
        assert line_with(line) in message
