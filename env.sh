export PYTHONPATH=$(ls -d /tmp/expo/packages/*/src | tr '\n' ':')
export XDG_CACHE_HOME=/tmp/expo-cache
PY=/work/main/.venv/bin/python
