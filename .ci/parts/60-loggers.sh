# The real writers of other tools' files that gittrack brings in, in an environment of their own.
home=${XDG_CACHE_HOME:-$HOME/.cache}/gittrack-tests
folder=$home/loggers
if [ ! -x "$folder/bin/python" ]; then
  rm -rf "$folder.new"
  python3 -m venv "$folder.new"
  "$folder.new/bin/python" -m pip install -q --disable-pip-version-check 'tensorboard==2.21.0' 'setuptools<81' 'dvclive==3.49.1'
  # Scripts of an environment name its folder, so that only its Python is used after the move.
  mv "$folder.new" "$folder"
fi
