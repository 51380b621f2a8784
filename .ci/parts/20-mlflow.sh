# Real MLflow of two ages, each in an environment of its own: what we read and write is held against them.
home=${XDG_CACHE_HOME:-$HOME/.cache}/gittrack-tests
pip=(-m pip install -q --disable-pip-version-check)

make() { # NAME PYTHON REQUIREMENT...
  local folder=$home/$1 python=$2
  shift 2
  [ -x "$folder/bin/python" ] && return
  rm -rf "$folder.new"
  "$python" -m venv "$folder.new"
  "$folder.new/bin/python" "${pip[@]}" "$@"
  # Scripts of an environment name its folder, so that only its Python is used after the move.
  mv "$folder.new" "$folder"
}

older=python3
for candidate in "$HOME"/.pyenv/versions/3.10.*/bin/python "$HOME"/.pyenv/versions/3.9.*/bin/python python3.10 python3.9; do
  if "$candidate" -c 'import venv' 2>/dev/null; then older=$candidate; break; fi
done
make mlflow-3.17 python3 'mlflow==3.17.2' scikit-learn
make mlflow-1.30 "$older" 'mlflow==1.30.1' 'setuptools<81' 'numpy<2' 'pandas<2' 'scikit-learn<1.6' 'sqlalchemy<2'
