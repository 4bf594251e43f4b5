"""Lists of variables of one type, whose length is known only at run time.

``l = TypedListType(T.dvector().type)("l")`` is an input, ``make_list([x, y])`` a list of what is there; ``l[i]``,
``l[a:b]``, ``l.append(x)`` and so on build new ones. Gradients go through all of them, to the list and to what was put
into it.
"""

from symcore.typed_list.type import TypedListType, shared_list
from symcore.typed_list.variable import (
    TypedListVariable,
    append,
    count,
    extend,
    getitem,
    index_,
    insert,
    length,
    make_list,
    remove,
    reverse,
)
