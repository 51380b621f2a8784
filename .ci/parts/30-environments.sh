# What builds environments: uv, and py-rattler with a local channel of conda packages made of this machine's Python.
home=${XDG_CACHE_HOME:-$HOME/.cache}/gittrack-tests
here=$(dirname "$0")

if ! [ -x "$home/uv/bin/uv" ]; then
  rm -rf "$home/uv"
  python3 -m venv "$home/uv"
  "$home/uv/bin/python" -m pip install -q --disable-pip-version-check uv
fi

# Of gittrack only the libraries are installed there: tests lend it.
if ! [ -f "$home/conda/made" ]; then
  rm -rf "$home/conda"
  command -v patchelf >/dev/null || {
    "$(dirname "$0")/../install" patchelf
  }
  python3 -m venv "$home/conda"
  "$home/conda/bin/python" -m pip install -q --disable-pip-version-check py-rattler .
  "$home/conda/bin/python" -m pip uninstall -q -y gittrack
  "$home/conda/bin/python" "$here/conda_channel.py" "$home/conda/channel"
  touch "$home/conda/made"
fi
