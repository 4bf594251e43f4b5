"""Options: table, sources, overrides, snapshots."""

import pickle
import re
import subprocess
import sys
import threading

import pytest

from symcore.config import OPTIONS, Config, Snapshot, config, read_file, read_flags
from symcore.errors import ConfigError


def test_every_option_has_a_name_a_document_and_an_allowed_default():
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)
    fresh = Config({option.name: option.default for option in OPTIONS})
    for option in OPTIONS:
        assert option.doc
        setattr(fresh, option.name, option.default)  # the default passes its own check
        assert option.name in repr(fresh) and option.name in dir(fresh)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("floatx", "float32", "Did you mean 'floatX'"),
        ("nothing_like_it", 1, "print(config)"),
        ("floatX", "float8", "float64, float32, float16"),
        ("threads", "2", "takes a int"),
        ("threads", True, "takes a int"),
        ("profile", 1, "takes a bool"),
    ],
)
def test_wrong_options_are_refused(name, value, words):
    before = config.snapshot()
    with pytest.raises(ConfigError) as error:
        setattr(config, name, value)
    assert words in str(error.value)
    with pytest.raises(ConfigError):
        config.override(**{name: value}).__enter__()
    assert config.snapshot() == before


def test_reading_an_unknown_option_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no option"):
        config.no_such_option  # noqa: B018


def test_override_is_local_to_the_context():
    seen = []
    with config.override(floatX="float32"):
        assert config.floatX == "float32"
        thread = threading.Thread(target=lambda: seen.append(config.floatX))
        thread.start()
        thread.join()
        config.floatX = "float16"  # inside a block only the block's value changes
        assert config.floatX == "float16"
    assert config.floatX == "float64" and seen == ["float64"]


def test_override_as_decorator_and_nested():
    @config.override(floatX="float32")
    def dtype():
        with config.override(threads=3):
            return config.floatX, config.threads

    assert dtype() == ("float32", 3)
    assert (config.floatX, config.threads) == ("float64", 1)


def test_override_ends_after_an_exception():
    with pytest.raises(RuntimeError), config.override(floatX="float32"):
        raise RuntimeError
    assert config.floatX == "float64"


def test_snapshots_are_frozen_hashable_and_picklable():
    snapshot = config.snapshot()
    with config.override(floatX="float32"):
        other = config.snapshot()
    assert snapshot.floatX == "float64" and other.floatX == "float32" and snapshot != other
    assert hash(snapshot) == hash(config.snapshot()) and pickle.loads(pickle.dumps(snapshot)) == snapshot
    with pytest.raises(ConfigError, match="snapshot"):
        snapshot.floatX = "float32"
    assert isinstance(snapshot, Snapshot)


def test_flags():
    assert read_flags("floatX=float32, threads=4,profile,allow_input_downcast=None") == {
        "floatX": "float32",
        "threads": 4,
        "profile": True,
        "allow_input_downcast": None,
    }
    assert read_flags("") == {}
    for wrong, said in (
        ("floatY=float32", "there is no option 'floatY'. Did you mean 'floatX'"),
        ("threads=many", "option threads takes int or 'auto'; got 'many'."),
        ("threads=-3", "option threads must be at least 0; got -3."),
        ("profile=perhaps", "option profile takes bool; got 'perhaps'."),
        ("cache_size=1GB", "option cache_size takes int; got '1GB'."),
        ("allow_input_downcast=x", "option allow_input_downcast takes one of None, True, False; got 'x'."),
        ("floatX=float8", "option floatX takes one of"),
    ):
        with pytest.raises(ConfigError, match=f"^SYMSTACK_FLAGS: {re.escape(said)}"):
            read_flags(wrong)


def test_files(tmp_path):
    path = tmp_path / "rc"
    path.write_text("[symstack]\nfloatX = float32\nthreads=2\n")
    assert read_file(path) == {"floatX": "float32", "threads": 2}
    path.write_text("[global]\nprofile = on\n")
    assert read_file(path) == {"profile": True}
    for wrong in ("[other]\nx = 1\n", "[symstack]\nfloatY = 1\n"):
        path.write_text(wrong)
        with pytest.raises(ConfigError, match="rc"):
            read_file(path)


def test_precedence_in_a_fresh_process(tmp_path):
    rc = tmp_path / "rc"
    rc.write_text("[symstack]\nfloatX = float32\nthreads = 5\n")
    (tmp_path / ".symstackrc").write_text("[symstack]\nfloatX = no such value\n")  # the present folder is not looked at
    code = "from symcore import config; print(config.floatX, config.threads, config.profile)"
    env = {"SYMSTACKRC": str(rc), "SYMSTACK_FLAGS": "floatX=float16", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.split() == ["float16", "5", "False"]


def test_options_that_are_looked_at_per_node_follow_the_process_until_a_context_differs():
    fresh = Config({option.name: option.default for option in OPTIONS})
    assert (fresh.quick.traceback_limit, fresh.quick.compute_test_value) == (1, "off")
    fresh.traceback_limit = 5
    assert fresh.quick.traceback_limit == 5
    with fresh.override(floatX="float32"):
        assert fresh.quick.traceback_limit == 5
    with fresh.override(traceback_limit=2):
        assert fresh.quick.traceback_limit is None and fresh.traceback_limit == 2
    fresh.traceback_limit = 7
    assert fresh.quick.traceback_limit is None and fresh.traceback_limit == 7  # a task may keep its context
    assert fresh.quick.compute_test_value == "off"
